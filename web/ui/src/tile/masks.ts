// Privacy masks: polygons of a camera in shares of its picture, painted over every picture of it that the page shows or
// saves. They are drawn here and not into the video: footage keeps what they cover.
import type { Camera } from "../api/types";

export type Polygon = readonly (readonly [number, number])[];

const NONE: readonly Polygon[] = [];
export const MASK_FILL = "#10171e";
export const MASK_LINE = "#5b6c7d";

function isPoint(point: unknown): point is [number, number] {
  return Array.isArray(point) && point.length === 2 && point.every((share) => typeof share === "number" && Number.isFinite(share));
}

/** The masks of a camera; what is no polygon is left out. */
export function masksOf(camera: Partial<Pick<Camera, "masks">> | undefined): readonly Polygon[] {
  const given: unknown = camera?.masks;
  if (!Array.isArray(given) || given.length === 0) return NONE;
  return given.filter((polygon): polygon is [number, number][] => Array.isArray(polygon) && polygon.length >= 3 && polygon.every(isPoint));
}

/** SVG `points` of a polygon on a picture of that size. */
export function pointsOf(polygon: Polygon, width: number, height: number): string {
  return polygon.map(([x, y]) => `${x * width},${y * height}`).join(" ");
}

export function paintMasks(context: CanvasRenderingContext2D, width: number, height: number, masks: readonly Polygon[]): void {
  context.fillStyle = MASK_FILL;
  for (const polygon of masks) {
    context.beginPath();
    polygon.forEach(([x, y], index) => (index ? context.lineTo(x * width, y * height) : context.moveTo(x * width, y * height)));
    context.closePath();
    context.fill();
  }
}
