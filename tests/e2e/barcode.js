/**
 * Reads the frame number that a simulated camera draws into its picture (vms/simulator/barcode.py) from a <video>.
 *
 * 16 square cells in one row, cell = height/18 px of the video, origin (cell, cell): 12 bits of k, most significant
 * first, 4 bits of check. In a page without modules: run this text without its `export` words; it attaches itself to
 * window. Cost: one drawImage of the corner and a getImageData of at most 72 x 8 px.
 */

const CELLS = 16;
const SCALE = 4; // pixels per cell on the canvas: the browser averages, which reads better than sampling
let canvas = null;

/** Four bits that most misreadings do not satisfy. */
export function checkBits(k) {
  return (k ^ (k >> 4) ^ (k >> 8)) & 15;
}

/**
 * k (0 to 4095) of the frame now shown by `source`, or null where there is none to be read.
 * @param {HTMLVideoElement|HTMLCanvasElement|VideoFrame|ImageBitmap} source
 */
export function readBarcode(source) {
  const width = source.videoWidth || source.displayWidth || source.width;
  const height = source.videoHeight || source.displayHeight || source.height;
  if (!width || !height) return null;
  const cell = height / 18;
  if (cell * (CELLS + 2) > width + 1) return null;
  canvas = canvas || document.createElement("canvas");
  const columns = (CELLS + 2) * SCALE;
  const rows = 2 * SCALE;
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, cell * (CELLS + 2), cell * 2, 0, 0, columns, rows);
  const pixels = context.getImageData(0, 0, columns, rows).data;
  let word = 0;
  for (let i = 0; i < CELLS; i += 1) {
    word = (word << 1) | (mean(pixels, columns, SCALE * (i + 1) + 1, SCALE + 1, SCALE - 2, SCALE - 2) > 125 ? 1 : 0);
  }
  const k = word >> 4;
  if ((word & 15) !== checkBits(k)) return null;
  if (mean(pixels, columns, 0, 0, columns, SCALE - 1) > 90) return null;
  // k = 0 is all black: a black picture, which has no number, must not pass for it
  if (word === 0 && isBlack(context, source, width, height)) return null;
  return k;
}

function mean(pixels, stride, left, top, width, height) {
  let sum = 0;
  for (let y = top; y < top + height; y += 1) {
    for (let x = left; x < left + width; x += 1) sum += pixels[(y * stride + x) * 4 + 1];
  }
  return sum / (width * height);
}

function isBlack(context, source, width, height) {
  context.drawImage(source, 0, height / 2, width, height / 2, 0, 0, 8, 8);
  return mean(context.getImageData(0, 0, 8, 8).data, 8, 0, 0, 8, 8) < 20;
}

/** Make both functions reachable as window.readBarcode and window.checkBits. */
export function attachBarcode(target) {
  target.readBarcode = readBarcode;
  target.checkBits = checkBits;
}

if (typeof window !== "undefined") attachBarcode(window);
