// What the server says about steering a camera, and the arithmetic of a hand on a picture. Pure.
import type { Said } from "../api/types";

export interface OnvifFound extends Said {
  ok: boolean;
  message: string;
  hint: string;
  profiles: string[];
  ptz: boolean;
  presets: string[];
}

export interface Preset {
  token: string;
  name: string;
}

export interface PatrolStep {
  preset: string;
  dwell_s: number;
}

export interface Patrol {
  on: boolean;
  steps: PatrolStep[];
}

/** `above`: they have priority over this person, who cannot take the camera over. */
export interface Holder {
  person: string;
  name: string;
  left_s: number;
  above: boolean;
}

export interface PtzState {
  presets: Preset[];
  patrol: Patrol;
  holder: Holder | null;
}

/** Each -1 to 1: right, up, nearer. */
export interface Speed {
  pan: number;
  tilt: number;
  zoom: number;
}

export const STILL: Speed = { pan: 0, tilt: 0, zoom: 0 };
/** A hand that rests: a press that goes no further than this moves nothing. */
export const SLIP_PX = 8;
const STEP = 0.05;
const KEY_SPEED = 0.4;
/** A notch of a wheel is 100 to 120. */
const WHEEL_FULL = 240;
const WHEEL_LEAST = 0.35;
export const DWELL_S = { least: 3, most: 3600, usual: 15 };

export const isStill = (speed: Speed): boolean => !speed.pan && !speed.tilt && !speed.zoom;
export const sameSpeed = (a: Speed, b: Speed): boolean => a.pan === b.pan && a.tilt === b.tilt && a.zoom === b.zoom;

/** From where the picture was pressed to where the hand is, in px; `reach`: the way to full speed. Slow near the press,
 * so that a face is centred as easily as a street is crossed. */
export function dragSpeed(dx: number, dy: number, reach: number): Speed {
  const way = Math.hypot(dx, dy);
  if (way <= SLIP_PX || reach <= SLIP_PX) return STILL;
  const share = Math.min(1, (way - SLIP_PX) / (reach - SLIP_PX)) ** 1.5;
  return { pan: (dx / way) * share, tilt: (-dy / way) * share, zoom: 0 };
}

/** Of keys that are held, by their names; `fast`: with Shift. */
export function keySpeed(held: ReadonlySet<string>, fast: boolean): Speed {
  const rate = fast ? 1 : KEY_SPEED;
  const axis = (more: string, less: string): number => (held.has(more) ? rate : 0) - (held.has(less) ? rate : 0);
  return { pan: axis("ArrowRight", "ArrowLeft"), tilt: axis("ArrowUp", "ArrowDown"), zoom: axis("+", "-") };
}

/** A turn of the wheel: up is nearer. */
export function wheelSpeed(deltaY: number, deltaMode: number): number {
  const px = deltaMode === 1 ? deltaY * 16 : deltaMode === 2 ? deltaY * 400 : deltaY;
  if (!px) return 0;
  return -Math.sign(px) * Math.min(1, Math.max(WHEEL_LEAST, Math.abs(px) / WHEEL_FULL));
}

/** All hands together, in steps: what differs less is the same order. */
export function together(...speeds: readonly Speed[]): Speed {
  const sum = (axis: keyof Speed): number => {
    const all = speeds.reduce((total, speed) => total + speed[axis], 0);
    return Math.round(Math.min(1, Math.max(-1, all)) / STEP) / (1 / STEP) + 0;
  };
  return { pan: sum("pan"), tilt: sum("tilt"), zoom: sum("zoom") };
}

/** The key under which a held key is known; null: none of ours. */
export function steeringKey(key: string): string | null {
  if (key === "=" || key === "+") return "+";
  if (key === "-" || key === "_") return "-";
  return /^Arrow(Left|Right|Up|Down)$/.test(key) ? key : null;
}

/** Which of the presets a digit means: 1 to 9, then 0. */
export function presetIndex(key: string): number | null {
  return /^\d$/.test(key) ? (Number(key) + 9) % 10 : null;
}

/** The digit of a preset; "" beyond the tenth. */
export const digitOf = (index: number): string => (index < 10 ? String((index + 1) % 10) : "");

/** A list with one moved up or down; the same where it cannot be. */
export function moved<T>(list: readonly T[], from: number, by: number): T[] {
  const to = from + by;
  const after = [...list];
  const [one] = to >= 0 && to < list.length ? after.splice(from, 1) : [];
  if (one !== undefined) after.splice(to, 0, one);
  return after;
}
