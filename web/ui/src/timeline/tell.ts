// What there is at an instant of a camera's row, in the reader's words.
import { causeWord } from "../catalogue/words";
import { eventWord } from "../events/words";
import type { Span } from "../recordings/spans";
import type { Language } from "../shell/locale.svelte";
import { m } from "../shell/messages";
import { duration, wibClock, wibSince } from "../shell/wib";
import { firstAfter, holding, type Happening, type Sheet, type Strip } from "./strips";
import type { Piece } from "./tiles";

export interface Told {
  /** "Recorded", or the cause of a gap. */
  state: string;
  missing: boolean;
  /** More lines: how long a gap is, motion, events, bookmarks, holds. */
  lines: string[];
}

/** The strip of a camera that is drawn at an instant, and its sheet. */
export function stripAt(pieces: readonly Piece<Sheet>[], camera: string, ms: number): { strip: Strip; sheet: Sheet } | null {
  const piece = pieces.find((one) => one.from <= ms && ms < one.to);
  const strip = piece?.tile.strips.get(camera);
  return piece && strip ? { strip, sheet: piece.tile } : null;
}

/** `near`: ms that a thing may lie beside the pointer; null: nothing is known of that instant yet. */
export function tell(pieces: readonly Piece<Sheet>[], camera: string, ms: number, near: number, now: number, language: Language): Told | null {
  const found = stripAt(pieces, camera, ms);
  if (!found) return null;
  const { strip, sheet } = found;
  const lines: string[] = [];
  const gap = holding(strip.gaps, ms) ?? beside(strip.gaps, ms, near);
  if (gap) {
    const whole = duration(gap.missingMs, language);
    const until = gap.open && gap.to >= now - 60_000 ? m.gap_still() : clock(gap.to, gap.to - gap.from > 43_200_000, now, language);
    lines.push(`${clock(gap.from, gap.to - gap.from > 43_200_000, now, language)} – ${until} · ${whole}`);
    if (gap.count > 1) lines.push(m.timeline_gaps_many({ count: gap.count }));
  }
  const percent = strip.motion[Math.floor((ms - sheet.from) / sheet.motionStepMs)] ?? 0;
  if (percent > 0) lines.push(m.timeline_motion({ percent }));
  for (const event of eventsNear(strip, ms, near).slice(0, 3)) lines.push(happened(event, language));
  for (const mark of strip.bookmarks) {
    if (Math.abs(mark.at - ms) <= near) lines.push(`${m.bookmark_one()} ${wibClock(mark.at)}${mark.note ? `: ${mark.note}` : ""}`);
  }
  const hold = holding(strip.holds, ms);
  if (hold) lines.push(hold.caseNumber ? m.timeline_held({ number: hold.caseNumber }) : m.timeline_held_unseen());
  return { state: stateWord(strip, gap?.cause ?? null, ms), missing: Boolean(gap), lines };
}

function stateWord(strip: Strip, cause: string | null, ms: number): string {
  if (cause) return causeWord(cause);
  if (!strip.window || ms < strip.window.from) return causeWord("not_registered");
  return holding(strip.recorded, ms) ? m.timeline_recorded() : "";
}

function happened(event: Happening, language: Language): string {
  const word = eventWord({ kind: event.kind, params: {} } as Parameters<typeof eventWord>[0]);
  const long = event.count > 1 ? m.event_times({ count: event.count }) : duration(event.to - event.from, language);
  return `${wibClock(event.from)} ${word} · ${long}`;
}

function eventsNear(strip: Strip, ms: number, near: number): Happening[] {
  return strip.events.filter((event) => event.from - near <= ms && ms <= Math.max(event.to, event.from + near));
}

/** A gap that is drawn wider than it is. */
function beside<T extends Span>(spans: readonly T[], ms: number, near: number): T | undefined {
  const next = spans[firstAfter(spans, ms - near)];
  return next && next.from <= ms && ms <= next.to + near ? next : undefined;
}

const clock = (ms: number, day: boolean, now: number, language: Language): string => (day ? wibSince(ms, now, language) : wibClock(ms));
