// A JPEG that came in a message, onto a tile's canvas: no data: or blob: source has to be allowed for it.

/** Draw it unless `wanted` says no once it is decoded; whether it was drawn. One that cannot be read is left out. */
export async function drawJpeg(canvas: HTMLCanvasElement, base64: string, wanted: () => boolean): Promise<boolean> {
  let bitmap: ImageBitmap;
  try {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  } catch {
    return false; // The picture on the screen grows older and says so.
  }
  const drawn = wanted();
  if (drawn) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  }
  bitmap.close();
  return drawn;
}
