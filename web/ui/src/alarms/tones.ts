// What an alarm sounds like: three patterns that are told apart without looking, and when one is due. Pure.
import type { Alarm, Priority } from "./alarm";

export interface Tone {
  hz: number;
  /** Seconds from the start of the pattern. */
  at: number;
  long: number;
}

interface Pattern {
  tones: Tone[];
  /** Again after so many ms while it waits; null: once. */
  every: number | null;
}

// 1: a quick rising pair three times, again and again; 2: two falling tones now and then; 3: one low tone, once.
export const PATTERNS: Record<Priority, Pattern> = {
  1: { tones: [0, 0.32, 0.64].flatMap((at) => [{ hz: 784, at, long: 0.12 }, { hz: 1047, at: at + 0.14, long: 0.14 }]), every: 4000 },
  2: { tones: [{ hz: 740, at: 0, long: 0.2 }, { hz: 554, at: 0.24, long: 0.3 }], every: 15_000 },
  3: { tones: [{ hz: 440, at: 0, long: 0.25 }], every: null },
};

/** What was heard last: which alarm, as it was raised then, and when (ms). */
export interface Heard {
  key: string;
  at: number;
}

const keyOf = (alarm: Alarm): string => `${alarm.id} ${alarm.again}`;

/**
 * The priority to sound now, and what is then to be remembered; null: silence. `waiting` in the order of pressing; what
 * was raised anew sounds at once, the most pressing again when its time has come.
 */
export function due(waiting: readonly Alarm[], known: ReadonlySet<string>, last: Heard | null, now: number): Priority | null {
  const heard = waiting.filter((alarm) => alarm.sound);
  const fresh = heard.find((alarm) => !known.has(keyOf(alarm)));
  const top = heard[0];
  if (fresh && (fresh === top || last === null || now - last.at > 1500)) return fresh.priority;
  if (!top || last === null) return null;
  const every = PATTERNS[top.priority].every;
  return every !== null && now - last.at >= every ? top.priority : null;
}

/** All that wait, as they were raised last: what need not be said anew. */
export const keysOf = (waiting: readonly Alarm[]): Set<string> => new Set(waiting.map(keyOf));
