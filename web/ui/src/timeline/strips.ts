// What a timeline knows of one camera in one stretch of time, as GET /api/timeline gives it, in ms since 1970. Pure.
import type { Span } from "../recordings/spans";
import type { Severity } from "../api/types";

export interface Lack extends Span {
  cause: string;
  open: boolean;
  /** So many gaps drawn as one, of which so much is missing. */
  count: number;
  missingMs: number;
}

export interface Happening extends Span {
  id: string;
  kind: string;
  severity: Severity;
  /** It goes on: `to` is only how far this is known. */
  open: boolean;
  count: number;
}

export interface Mark {
  id: string;
  at: number;
  note: string;
}

export interface Held extends Span {
  id: string;
  caseNumber: string;
}

export interface Strip {
  /** What can have been recorded; null where nothing can. */
  window: Span | null;
  recorded: Span[];
  gaps: Lack[];
  /** Percent of each step of `motionStepMs` that had motion, from the start of the tile on. */
  motion: Uint8Array;
  events: Happening[];
  bookmarks: Mark[];
  holds: Held[];
}

/** One answer: strips by camera over a tile of time. */
export interface Sheet extends Span {
  stepMs: number;
  motionStepMs: number;
  strips: Map<string, Strip>;
}

interface StripOut {
  camera: string;
  start: number | null;
  end: number | null;
  recorded: [number, number][];
  gaps: { start: number; end: number; cause: string; open: boolean; count: number; missing_ms: number }[];
  motion: [number, number][];
  events: { id: string; kind: string; severity: Severity; start: number; end: number | null; count: number }[];
  bookmarks: { id: string; at: number; note: string }[];
  holds: { id: string; case_number: string; start: number; end: number | null }[];
}

export interface TimelineOut {
  from: string;
  to: string;
  step_ms: number;
  motion_step_ms: number;
  cameras: StripOut[];
}

export function sheetOf(answer: TimelineOut): Sheet {
  const from = Date.parse(answer.from);
  const to = Date.parse(answer.to);
  const steps = Math.ceil((to - from) / answer.motion_step_ms);
  const strips = new Map(answer.cameras.map((one) => [one.camera, stripOf(one, from, to, steps)]));
  return { from, to, stepMs: answer.step_ms, motionStepMs: answer.motion_step_ms, strips };
}

function stripOf(one: StripOut, from: number, to: number, steps: number): Strip {
  const motion = new Uint8Array(steps);
  for (const [step, percent] of one.motion) motion[step] = percent;
  const known = from + (one.end ?? 0);
  return {
    window: one.start === null || one.end === null ? null : { from: from + one.start, to: from + one.end },
    recorded: one.recorded.map(([start, end]) => ({ from: from + start, to: from + end })),
    gaps: one.gaps.map(({ start, end, cause, open, count, missing_ms }) => ({
      from: from + start, to: from + end, cause, open, count, missingMs: missing_ms,
    })),
    motion,
    events: one.events
      .map(({ start, end, ...more }) => ({ ...more, from: from + start, to: end === null ? Math.max(known, from + start) : from + end, open: end === null }))
      .sort((a, b) => a.from - b.from),
    bookmarks: one.bookmarks.map(({ at, ...more }) => ({ ...more, at: from + at })),
    holds: one.holds.map(({ id, case_number, start, end }) => ({ id, caseNumber: case_number, from: from + start, to: end === null ? to : from + end })),
  };
}

/** Index of the first of spans in order that ends after `ms`. */
export function firstAfter(spans: readonly Span[], ms: number): number {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as Span).to > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The span that holds an instant. */
export function holding<T extends Span>(spans: readonly T[], ms: number): T | undefined {
  const found = spans[firstAfter(spans, ms)];
  return found && found.from <= ms ? found : undefined;
}
