// Digital zoom into a tile: how large, and where. Pure. The picture lies in the tile as object-fit: contain lays it;
// all lengths are shares of the tile, so that another size of the tile changes nothing.
export interface Zoom {
  /** 1 (whole) to 8. */
  scale: number;
  /** Where the tile's upper left corner goes: the transform is p -> p * scale + (x, y). */
  x: number;
  y: number;
}

/** The picture inside the tile, unzoomed. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The part of the picture that is seen, in shares of the picture. */
export type Window = Box;

export const WHOLE: Zoom = { scale: 1, x: 0, y: 0 };
export const GREATEST = 8;
const ALL: Box = { x: 0, y: 0, width: 1, height: 1 };

/** Where a picture of `width` x `height` lies in a tile; the whole tile while its size is not known. */
export function boxOf(tile: { width: number; height: number }, picture: { width: number; height: number }): Box {
  if (!tile.width || !tile.height || !picture.width || !picture.height) return ALL;
  const share = (picture.width * tile.height) / (picture.height * tile.width);
  if (share > 1) return { x: 0, y: (1 - 1 / share) / 2, width: 1, height: 1 / share };
  return { x: (1 - share) / 2, y: 0, width: share, height: 1 };
}

// One axis: what is larger than the tile covers it, what is smaller stands in its middle.
function held(offset: number, scale: number, start: number, length: number): number {
  const size = length * scale;
  if (size <= 1) return (1 - size) / 2 - start * scale;
  return Math.min(-start * scale, Math.max(1 - (start + length) * scale, offset));
}

function within(zoom: Zoom, box: Box): Zoom {
  if (zoom.scale <= 1.001) return WHOLE;
  return { scale: zoom.scale, x: held(zoom.x, zoom.scale, box.x, box.width), y: held(zoom.y, zoom.scale, box.y, box.height) };
}

/** `factor` times closer; what is at (px, py) of the tile stays there. */
export function zoomAt(zoom: Zoom, factor: number, px: number, py: number, box: Box = ALL): Zoom {
  const scale = Math.min(GREATEST, Math.max(1, zoom.scale * factor));
  const ratio = scale / zoom.scale;
  return within({ scale, x: px - (px - zoom.x) * ratio, y: py - (py - zoom.y) * ratio }, box);
}

/** The picture moves by (dx, dy) of the tile. */
export function panBy(zoom: Zoom, dx: number, dy: number, box: Box = ALL): Zoom {
  return within({ ...zoom, x: zoom.x + dx, y: zoom.y + dy }, box);
}

export function windowOf(zoom: Zoom, box: Box = ALL): Window {
  const axis = (offset: number, start: number, length: number): [number, number] => {
    const from = Math.max(0, (-offset / zoom.scale - start) / length);
    const to = Math.min(1, ((1 - offset) / zoom.scale - start) / length);
    return [from, to - from];
  };
  const [x, width] = axis(zoom.x, box.x, box.width);
  const [y, height] = axis(zoom.y, box.y, box.height);
  return { x, y, width, height };
}

export function transformOf(zoom: Zoom): string {
  return zoom.scale === 1 ? "none" : `translate(${zoom.x * 100}%, ${zoom.y * 100}%) scale(${zoom.scale})`;
}

/** How much closer a turn of the wheel brings; a pinch on a touchpad comes as a wheel with Ctrl and small steps. */
export function wheelFactor(deltaY: number, deltaMode: number, pinch: boolean): number {
  const px = deltaMode === 1 ? deltaY * 16 : deltaMode === 2 ? deltaY * 400 : deltaY;
  return Math.exp(-Math.max(-240, Math.min(240, px)) * (pinch ? 0.01 : 0.0022));
}

/** What a click on a tile means: "pick" chooses or fills, "again" is the second of a double click, null is none. */
export function clickMeaning(detail: number, zoomed: boolean, dragged: boolean): "pick" | "again" | "whole" | null {
  if (dragged) return null;
  if (zoomed) return detail >= 2 ? "whole" : null;
  return detail >= 2 ? "again" : "pick";
}
