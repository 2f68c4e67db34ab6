// Areas and masks as they are drawn: every change gives a new list, so that undo is the list before. Pure.
import type { Area, Camera, CameraBody, Point } from "../api/types";

export const POINTS_MIN = 3;
export const POINTS_MAX = 32;
export const SHAPES_MAX = 16;
export const THRESHOLD = 0.02;

export interface Shape {
  kind: "area" | "mask";
  /** Of the page alone; areas that are kept have `id` too. */
  key: number;
  id?: string;
  name: string;
  polygon: Point[];
  threshold: number;
}

let next = 1;
const within = (part: number): number => Math.round(Math.min(1, Math.max(0, part)) * 10000) / 10000;

export function shapesOf(camera: Camera): Shape[] {
  const areas = camera.areas.map((area): Shape => ({ kind: "area", key: next++, ...area }));
  return [...areas, ...camera.masks.map((polygon): Shape => ({ kind: "mask", key: next++, name: "", polygon, threshold: THRESHOLD }))];
}

export function bodyOf(shapes: readonly Shape[]): Required<Pick<CameraBody, "areas" | "masks">> {
  const areas = shapes
    .filter((shape) => shape.kind === "area")
    .map(({ id, name, polygon, threshold }): Area => ({ ...(id ? { id } : {}), name: name.trim(), polygon, threshold }));
  return { areas, masks: shapes.filter((shape) => shape.kind === "mask").map((shape) => shape.polygon) };
}

/** A rectangle in the middle, a little beside the one before. */
export function added(shapes: readonly Shape[], kind: Shape["kind"], name: string): Shape[] {
  const shift = (shapes.length % 5) * 0.04;
  const [left, top, right, bottom] = [0.3 + shift, 0.3 + shift, 0.55 + shift, 0.6 + shift].map(within) as [number, number, number, number];
  const polygon: Point[] = [[left, top], [right, top], [right, bottom], [left, bottom]]; // prettier-ignore
  return [...shapes, { kind, key: next++, name, polygon, threshold: THRESHOLD }];
}

export const changed = (shapes: readonly Shape[], key: number, change: Partial<Shape>): Shape[] =>
  shapes.map((shape) => (shape.key === key ? { ...shape, ...change } : shape));

export const removed = (shapes: readonly Shape[], key: number): Shape[] => shapes.filter((shape) => shape.key !== key);

export function pointMoved(polygon: readonly Point[], index: number, to: Point): Point[] {
  return polygon.map((point, i) => (i === index ? [within(to[0]), within(to[1])] : point));
}

/** All of it, as far as its foremost point can go. */
export function moved(polygon: readonly Point[], dx: number, dy: number): Point[] {
  const free = (parts: number[], by: number): number => Math.min(Math.max(by, -Math.min(...parts)), 1 - Math.max(...parts));
  const [x, y] = [free(polygon.map((point) => point[0]), dx), free(polygon.map((point) => point[1]), dy)]; // prettier-ignore
  return polygon.map((point) => [within(point[0] + x), within(point[1] + y)]);
}

export function middle(polygon: readonly Point[], index: number): Point {
  const one: Point = polygon[index] ?? [0, 0];
  const other: Point = polygon[(index + 1) % polygon.length] ?? [0, 0];
  return [within((one[0] + other[0]) / 2), within((one[1] + other[1]) / 2)];
}

/** A point more behind that one, as far as there may be one. */
export function pointAdded(polygon: readonly Point[], index: number): Point[] {
  if (polygon.length >= POINTS_MAX) return [...polygon];
  return [...polygon.slice(0, index + 1), middle(polygon, index), ...polygon.slice(index + 1)];
}

export function pointRemoved(polygon: readonly Point[], index: number): Point[] {
  return polygon.length <= POINTS_MIN ? [...polygon] : polygon.filter((_, i) => i !== index);
}

/** Why it cannot be saved. */
export function fault(shapes: readonly Shape[]): "name" | "twice" | "" {
  const names = shapes.filter((shape) => shape.kind === "area").map((shape) => shape.name.trim().toLowerCase());
  if (names.some((name) => !name)) return "name";
  return new Set(names).size < names.length ? "twice" : "";
}
