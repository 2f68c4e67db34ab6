// A picture that is shown, as a file and into the clipboard: in its own full size, its camera's masks painted over it, who
// and when in a bar below. What is zoomed is saved whole.
import { locale } from "../shell/locale.svelte";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";
import { captionOf, fileNameOf, type Shot } from "./caption";
import { paintMasks, type Polygon } from "./masks";

export interface Shown {
  source: CanvasImageSource;
  width: number;
  height: number;
}

const TOAST_MS = 8000;

function fitted(context: CanvasRenderingContext2D, text: string, weight: number, size: number, room: number): void {
  context.font = `${weight} ${size}px "Inter Variable", Inter, sans-serif`;
  const wide = context.measureText(text).width;
  if (wide > room) context.font = context.font.replace(/[\d.]+px/, `${(size * room) / wide}px`);
}

export function composed(shown: Shown, shot: Shot, masks: readonly Polygon[]): HTMLCanvasElement {
  const size = Math.max(13, Math.min(44, shown.height * 0.028));
  const bar = Math.round(size * 3.3);
  const canvas = document.createElement("canvas");
  canvas.width = shown.width;
  canvas.height = shown.height + bar;
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  context.drawImage(shown.source, 0, 0, shown.width, shown.height);
  paintMasks(context, shown.width, shown.height, masks);
  context.fillStyle = "#0a0f14";
  context.fillRect(0, shown.height, shown.width, bar);
  const [who, when] = captionOf(shot, locale.current);
  const room = shown.width - size * 1.4;
  context.textBaseline = "middle";
  context.fillStyle = "#ecf1f5";
  fitted(context, who, 600, size, room);
  context.fillText(who, size * 0.7, shown.height + bar * 0.31);
  context.fillStyle = "#b3bfca";
  fitted(context, when, 400, size * 0.9, room);
  context.fillText(when, size * 0.7, shown.height + bar * 0.71);
  return canvas;
}

function blobOf(canvas: HTMLCanvasElement, type: string): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(type))), type, 0.95);
  });
}

async function copy(canvas: HTMLCanvasElement, name: string): Promise<void> {
  try {
    // The promise goes in at once: the right to write lasts only as long as the click.
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blobOf(canvas, "image/png") })]);
    toasts.say(m.snapshot_copied({ camera: name }));
  } catch {
    toasts.say(m.snapshot_not_copied(), { kind: "bad" });
  }
}

/** To a file at once; the toast offers the clipboard. */
export async function saveShot(shown: Shown, shot: Shot, masks: readonly Polygon[]): Promise<void> {
  const canvas = composed(shown, shot, masks);
  const url = URL.createObjectURL(await blobOf(canvas, "image/jpeg"));
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = fileNameOf(shot);
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  const { name } = shot.camera;
  // There is no clipboard for pictures where the page came without TLS.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  const action = clipboard ? { label: m.snapshot_copy(), run: () => void copy(canvas, name) } : undefined;
  toasts.say(m.snapshot_saved({ camera: name }), { ms: TOAST_MS, action });
}
