// The sheets of a timeline: read tile by tile as a view asks, kept within a bound, and those that can still change read
// again while somebody looks. What is there is drawn at once; finer sheets take its place when they come.
import { call } from "../api/client";
import type { StreamName } from "../api/types";
import { urlOf } from "../shell/router.svelte";
import type { Span } from "../recordings/spans";
import { sheetOf, type Sheet, type TimelineOut } from "./strips";
import { keyOf, levelOf, pieces, spanOf, STEPS_MS, tilesOf, type Piece, type TileName } from "./tiles";

const KEPT = 48;
const AT_ONCE = 3;
const SETTLED_MS = 120_000;
const FRESH_LEAST_MS = 2500;
const FRESH_MOST_MS = 60_000;
/** How much longer than they took to be made such answers stay good: many cameras are asked less often. */
const FRESH_BY_TOOK = 20;
const AGAIN_MS = 3000;

export interface Tile extends Sheet {
  level: number;
  readAt: number;
  usedAt: number;
  /** Nothing more is to come. */
  final: boolean;
  tookMs: number;
}

export class StripBook {
  /** Grows with every change: read it to be told. */
  version = $state(0);
  failed = $state(false);
  #tiles = new Map<string, Tile>();
  #asking = new Map<string, AbortController>();
  #failedAt = new Map<string, number>();
  #waiting: TileName[] = [];
  #closed = false;

  constructor(
    readonly cameras: readonly string[],
    readonly stream: StreamName,
  ) {}

  /** Read what a view needs, its middle first and a little on both sides last; what is no more wanted is not read. */
  want(view: Span, perPixel: number): void {
    if (!this.cameras.length) return;
    const level = levelOf(perPixel);
    const span = view.to - view.from;
    const middle = (view.from + view.to) / 2;
    const now = Date.now();
    const near = tilesOf(level, view.from, Math.min(view.to, now)).sort((a, b) => distance(a, middle) - distance(b, middle));
    const coarse = level + 1 < STEPS_MS.length ? tilesOf(level + 1, view.from, Math.min(view.to, now)) : [];
    const around = tilesOf(level, view.from - span * 0.5, Math.min(view.to + span * 0.5, now));
    const wanted = new Map([...near, ...coarse, ...around].map((tile) => [keyOf(tile), tile]));
    for (const [key, asking] of this.#asking) if (!wanted.has(key)) asking.abort();
    this.#waiting = [...wanted.values()].filter((tile) => this.#isDue(tile, now));
    this.#next();
  }

  /** What a view is drawn from now. */
  pieces(view: Span, perPixel: number): Piece<Tile>[] {
    void this.version;
    const there = [...this.#tiles.values()].filter((tile) => tile.from < view.to && view.from < tile.to);
    const found = pieces(there, view, levelOf(perPixel));
    const now = Date.now();
    for (const { tile } of found) tile.usedAt = now;
    return found;
  }

  /** Everything again: something was marked, held or taken back. */
  stale(): void {
    for (const tile of this.#tiles.values()) tile.readAt = 0;
    for (const tile of this.#tiles.values()) tile.final = false;
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
    for (const asking of this.#asking.values()) asking.abort();
  }

  #isDue(name: TileName, now: number): boolean {
    const key = keyOf(name);
    if (this.#asking.has(key) || now - (this.#failedAt.get(key) ?? 0) < AGAIN_MS) return false;
    const known = this.#tiles.get(key);
    if (!known) return true;
    const fresh = Math.min(FRESH_MOST_MS, Math.max(FRESH_LEAST_MS, known.tookMs * FRESH_BY_TOOK, (STEPS_MS[name.level] as number) / 2));
    return !known.final && now - known.readAt > fresh;
  }

  #next(): void {
    while (!this.#closed && this.#asking.size < AT_ONCE) {
      const name = this.#waiting.shift();
      if (!name) return;
      void this.#read(name);
    }
  }

  async #read(name: TileName): Promise<void> {
    const key = keyOf(name);
    const stop = new AbortController();
    this.#asking.set(key, stop);
    const { from, to } = spanOf(name);
    const began = Date.now();
    const step = (STEPS_MS[name.level] as number) / 1000;
    const path = urlOf("/api/timeline", {
      cameras: this.cameras.join(","), from: new Date(from).toISOString(), to: new Date(to).toISOString(), step, stream: this.stream === "sub" ? "sub" : null,
    });
    try {
      const sheet = sheetOf(await call<TimelineOut>("GET", path, { signal: stop.signal, timeoutMs: 30_000 }));
      const now = Date.now();
      this.#tiles.set(key, { ...sheet, level: name.level, readAt: began, usedAt: now, final: to < began - SETTLED_MS, tookMs: now - began });
      this.#failedAt.delete(key);
      this.#forget();
      this.failed = false;
      this.version++;
    } catch {
      if (!stop.signal.aborted) {
        this.failed = true;
        this.#failedAt.set(key, Date.now());
      }
    } finally {
      this.#asking.delete(key);
      this.#next();
    }
  }

  #forget(): void {
    const over = this.#tiles.size - KEPT;
    if (over <= 0) return;
    const oldest = [...this.#tiles].sort(([, a], [, b]) => a.usedAt - b.usedAt).slice(0, over);
    for (const [key] of oldest) this.#tiles.delete(key);
  }
}

function distance(name: TileName, ms: number): number {
  const { from, to } = spanOf(name);
  return Math.max(0, from - ms, ms - to);
}
