// A joystick, keypad or gamepad: what its axes and buttons mean. Pure; the numbers are those of the Gamepad API.
import { STILL, type Speed } from "./ptz";

/** What is read of a Gamepad. */
export interface PadReading {
  readonly id: string;
  readonly mapping: string;
  readonly axes: readonly number[];
  readonly buttons: readonly { readonly pressed: boolean; readonly value: number }[];
}

export const PAD_ACTS = ["none", "next", "previous", "preset1", "preset2", "preset3", "preset4", "zoom_in", "zoom_out", "snapshot", "fill", "leave"] as const;
export type PadAct = (typeof PAD_ACTS)[number];

export interface PadMap {
  /** Numbers of axes; null: none. */
  pan: number | null;
  tilt: number | null;
  zoom: number | null;
  /** Pushing away looks down. */
  flipped: boolean;
  /** The share of the way that is rest. */
  dead: number;
  /** By the number of the button. */
  buttons: Partial<Record<number, PadAct>>;
}

export const DEAD = { least: 0.05, most: 0.5, usual: 0.15 };
const PRESETS: PadMap["buttons"] = { 0: "preset1", 1: "preset2", 2: "preset3", 3: "preset4" };

/** As it is before somebody changes it: a gamepad of the standard layout, or a joystick whose handle turns to zoom. */
export function usualMap(mapping: string): PadMap {
  const stick = { pan: 0, tilt: 1, flipped: false, dead: DEAD.usual };
  if (mapping === "standard") {
    const buttons: PadMap["buttons"] = { ...PRESETS, 4: "previous", 5: "next", 6: "zoom_out", 7: "zoom_in", 8: "leave", 9: "snapshot", 10: "fill" };
    return { ...stick, zoom: null, buttons };
  }
  return { ...stick, zoom: 2, buttons: { ...PRESETS, 4: "previous", 5: "next", 6: "snapshot", 7: "fill", 8: "leave" } };
}

/** Beyond the dead zone from 0 again, and gently at first: half the way is a quarter of the speed. */
export function shaped(value: number, dead: number): number {
  const way = Math.min(1, Math.abs(value));
  if (!(way > dead)) return 0;
  return Math.sign(value) * ((way - dead) / (1 - dead)) ** 2;
}

/** Two axes of one stick: its way counts, not each axis by itself, so that no direction sticks to an axis. */
export function stick(x: number, y: number, dead: number): [number, number] {
  const way = Math.hypot(x, y);
  const speed = shaped(way, dead);
  return speed ? [(x / way) * speed, (y / way) * speed] : [0, 0];
}

/** Axes as they count, and which have been at rest by now: a slider that lies at its end, or a trigger that rests at -1,
 * moves nothing until it was in its middle once. */
export function trusted(axes: readonly number[], rested: readonly boolean[], dead: number): { axes: number[]; rested: boolean[] } {
  const now = axes.map((axis, at) => rested[at] === true || Math.abs(axis) <= dead);
  return { axes: axes.map((axis, at) => (now[at] ? axis : 0)), rested: now };
}

export function padSpeed(pad: PadReading, map: PadMap): Speed {
  const axis = (at: number | null): number => (at === null ? 0 : (pad.axes[at] ?? 0));
  const [pan, down] = stick(axis(map.pan), axis(map.tilt), map.dead);
  let zoom = -shaped(axis(map.zoom), map.dead);
  pad.buttons.forEach((button, at) => {
    const act = map.buttons[at];
    // Triggers tell how far they are pulled; plain buttons 0 or 1.
    if (act === "zoom_in") zoom += shaped(button.value, map.dead);
    if (act === "zoom_out") zoom -= shaped(button.value, map.dead);
  });
  if (!pan && !down && !zoom) return STILL;
  return { pan, tilt: (map.flipped ? down : -down) + 0, zoom: Math.min(1, Math.max(-1, zoom)) };
}

/** What the buttons that went down since `before` mean. */
export function padActs(before: readonly boolean[], pad: PadReading, map: PadMap): PadAct[] {
  return pad.buttons.flatMap((button, at) => {
    const act = map.buttons[at];
    return button.pressed && !before[at] && act && act !== "none" && !act.startsWith("zoom") ? [act] : [];
  });
}

/** What was kept, as far as it makes sense; else the usual. */
export function mapOf(kept: unknown, mapping: string): PadMap {
  const usual = usualMap(mapping);
  if (typeof kept !== "object" || kept === null) return usual;
  const given = kept as Record<string, unknown>;
  const axis = (name: "pan" | "tilt" | "zoom"): number | null => {
    const value = given[name];
    return value === null || (Number.isInteger(value) && (value as number) >= 0 && (value as number) < 16) ? (value as number | null) : usual[name];
  };
  const buttons: PadMap["buttons"] = {};
  const named = typeof given.buttons === "object" && given.buttons !== null ? Object.entries(given.buttons) : Object.entries(usual.buttons);
  for (const [at, act] of named) if (PAD_ACTS.includes(act as PadAct)) buttons[Number(at)] = act as PadAct;
  const dead = typeof given.dead === "number" ? Math.min(DEAD.most, Math.max(DEAD.least, given.dead)) : usual.dead;
  return { pan: axis("pan"), tilt: axis("tilt"), zoom: axis("zoom"), flipped: given.flipped === true, dead, buttons };
}
