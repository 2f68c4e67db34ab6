// What was found, of whichever kind, as the list of results shows it. Pure; ms since 1970.
import type { VmsEvent } from "../api/types";
import { urlOf } from "../shell/url";

export interface MotionHit {
  from: string;
  to: string;
  score: number;
  peak_at: string;
  recorded: boolean;
}

export interface Span {
  from: string;
  to: string;
}

export interface MotionLine {
  camera: string;
  from: string;
  to: string;
  hits: MotionHit[];
  missing: Span[];
  away: boolean;
  cut: boolean;
  searched: number;
  of: number;
}

export interface MotionEnd {
  end: true;
  hits: number;
  cut: boolean;
}

export interface Told {
  source: "event" | "bookmark" | "alarm";
  id: string;
  at: string;
  end: string | null;
  camera: { id: string; name: string | null } | null;
  site: { id: string; slug: string; name: string } | null;
  kind: string;
  severity: VmsEvent["severity"] | null;
  note: string;
  person: { id: string; name: string | null } | null;
  params: Record<string, unknown>;
}

export interface Found {
  key: string;
  camera: string | null;
  from: number;
  to: number | null;
  /** Whose picture stands for it. */
  picture: number;
  recorded: boolean;
  score: number | null;
  told: Told | null;
}

export const ofHit = (camera: string, hit: MotionHit): Found => ({
  key: `${camera} ${hit.from}`,
  camera,
  from: Date.parse(hit.from),
  to: Date.parse(hit.to),
  picture: Date.parse(hit.peak_at),
  recorded: hit.recorded,
  score: hit.score,
  told: null,
});

export const ofTold = (told: Told): Found => ({
  key: told.id,
  camera: told.camera?.id ?? null,
  from: Date.parse(told.at),
  to: told.end ? Date.parse(told.end) : null,
  picture: Date.parse(told.at),
  recorded: told.camera !== null,
  score: null,
  told,
});

/** Oldest first; of one camera and moment once. */
export function inOrder(list: readonly Found[]): Found[] {
  const known = new Map(list.map((one) => [one.key, one]));
  return [...known.values()].sort((a, b) => a.from - b.from || (a.key < b.key ? -1 : 1));
}

const BEFORE_MS = 2000;

/** Where its moment is shown: a little before it begins. */
export function momentUrl(found: Found): string {
  if (!found.camera) return "";
  return urlOf("/replay", { cameras: found.camera, at: new Date(found.from - BEFORE_MS).toISOString() });
}

const AROUND_MS = 10_000;

/** A new export of all of these, some seconds before and after included. */
export function exportUrl(chosen: readonly Found[]): string {
  const cameras = [...new Set(chosen.flatMap((one) => one.camera ?? []))];
  const from = Math.min(...chosen.map((one) => one.from)) - AROUND_MS;
  const to = Math.max(...chosen.map((one) => one.to ?? one.from)) + AROUND_MS;
  return urlOf("/exports/new", { camera: cameras.join(","), from: new Date(from).toISOString(), to: new Date(to).toISOString() });
}

export interface Missing {
  cameras: string[];
  from: number;
  to: number;
  ms: number;
}

/** Stretches that nobody has looked at, of all cameras, as one thing to be done. */
export function missingOf(lines: readonly MotionLine[]): Missing | null {
  const some = lines.filter((line) => line.missing.length > 0);
  if (some.length === 0) return null;
  const spans = some.flatMap((line) => line.missing.map((span) => [Date.parse(span.from), Date.parse(span.to)] as const));
  return {
    cameras: [...new Set(some.map((line) => line.camera))],
    from: Math.min(...spans.map(([from]) => from)),
    to: Math.max(...spans.map(([, to]) => to)),
    ms: spans.reduce((sum, [from, to]) => sum + to - from, 0),
  };
}

/** Lines of a stream of NDJSON as they come. */
export async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<MotionLine | MotionEnd> {
  const reader = body.pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) if (part) yield JSON.parse(part) as MotionLine | MotionEnd;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
