// What is recorded of one stream and why the rest is not, read by the hour as a view asks and kept. Hours that can still
// change (the present one, and those just ended) are read again while somebody looks.
import { call } from "../api/client";
import type { Coverage, StreamName } from "../api/types";
import { at, clip, joined, type GapSpan, type Span } from "./spans";

const HOUR_MS = 3600_000;
const FRESH_MS = 4000;
const SETTLED_MS = 120_000;
const AT_ONCE_HOURS = 24;

interface Hour {
  recorded: Span[];
  gaps: GapSpan[];
  /** How far it is known. */
  until: number;
  readAt: number;
  final: boolean;
}

const iso = (ms: number): string => new Date(ms).toISOString();

export class CoverageBook {
  /** Grows with every change: read it to be told. */
  version = $state(0);
  failed = $state(false);
  #hours = new Map<number, Hour>();
  #asking = new Set<number>();

  constructor(
    private readonly camera: string,
    private readonly stream: StreamName,
    readonly registered: number,
  ) {}

  /** Read what is not known of [from, to). */
  async want(from: number, to: number): Promise<void> {
    const now = Date.now();
    const first = Math.floor(Math.max(from, this.registered) / HOUR_MS);
    const last = Math.floor((Math.min(to, now) - 1) / HOUR_MS);
    const wanted: number[] = [];
    for (let hour = first; hour <= last; hour++) {
      const known = this.#hours.get(hour);
      if (this.#asking.has(hour) || (known && (known.final || now - known.readAt < FRESH_MS))) continue;
      wanted.push(hour);
    }
    const runs: number[][] = [];
    for (const hour of wanted) {
      const run = runs.at(-1);
      if (run && run.at(-1) === hour - 1 && run.length < AT_ONCE_HOURS) run.push(hour);
      else runs.push([hour]);
    }
    await Promise.all(runs.map((run) => this.#read(run)));
  }

  recorded(from: number, to: number): Span[] {
    void this.version;
    return joined(this.#each(from, to, (hour) => hour.recorded));
  }

  gaps(from: number, to: number): GapSpan[] {
    void this.version;
    return joined(
      this.#each(from, to, (hour) => hour.gaps),
      (a, b) => a.cause === b.cause && a.state === b.state,
    );
  }

  gapAt(ms: number): GapSpan | undefined {
    // A day each way: the whole of the gap is wanted, not the part of one hour.
    return at(this.gaps(ms - 24 * HOUR_MS, ms + 24 * HOUR_MS), ms);
  }

  knows(ms: number): boolean {
    const hour = this.#hours.get(Math.floor(ms / HOUR_MS));
    return hour !== undefined && ms < hour.until;
  }

  isRecorded(ms: number): boolean {
    return at(this.recorded(ms - HOUR_MS, ms + HOUR_MS), ms) !== undefined;
  }

  /** The first recorded instant at or after `ms`, looking a day at a time until now; null when there is none. */
  async nextFootage(ms: number): Promise<number | null> {
    const now = Date.now();
    for (let from = Math.max(ms, this.registered); from < now; from += 24 * HOUR_MS) {
      const to = Math.min(from + 24 * HOUR_MS, now);
      await this.want(from, to);
      const found = this.recorded(from, to)[0];
      if (found) return found.from;
    }
    return null;
  }

  #each<T extends Span>(from: number, to: number, of: (hour: Hour) => T[]): T[] {
    const result: T[] = [];
    for (let index = Math.floor(from / HOUR_MS); index <= Math.floor((to - 1) / HOUR_MS); index++) {
      const hour = this.#hours.get(index);
      if (hour) result.push(...clip(of(hour), from, to));
    }
    return result;
  }

  async #read(run: number[]): Promise<void> {
    const first = run[0];
    const last = run.at(-1);
    if (first === undefined || last === undefined) return;
    for (const hour of run) this.#asking.add(hour);
    const began = Date.now();
    const from = Math.max(first * HOUR_MS, this.registered);
    const to = Math.min((last + 1) * HOUR_MS, began);
    try {
      if (from >= to) return;
      const path = `/api/cameras/${this.camera}/coverage?from=${iso(from)}&to=${iso(to)}&stream=${this.stream}`;
      const answer = await call<Coverage>("GET", path);
      const recorded = answer.intervals.map((one) => ({ from: Date.parse(one.from), to: Date.parse(one.to) }));
      const gaps = answer.gaps.map((one) => ({ ...one, from: Date.parse(one.from), to: Date.parse(one.to) }));
      for (const hour of run) {
        const [start, end] = [hour * HOUR_MS, (hour + 1) * HOUR_MS];
        this.#hours.set(hour, {
          recorded: clip(recorded, start, end),
          gaps: clip(gaps, start, end),
          until: Math.min(end, to),
          readAt: began,
          final: end < began - SETTLED_MS,
        });
      }
      this.failed = false;
      this.version++;
    } catch {
      this.failed = true;
    } finally {
      for (const hour of run) this.#asking.delete(hour);
    }
  }
}
