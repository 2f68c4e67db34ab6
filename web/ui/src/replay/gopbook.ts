// Which groups of pictures there are of one stream, read from the server's playlists a few minutes at a time as a replay
// needs them and kept. What is recorded this moment is read again while one looks, only its end.
import { ApiError, send } from "../api/client";
import type { StreamName } from "../api/types";
import { indexAt, gopsOf, JOIN_MS, merged, shownAt, type Gop } from "./playlist";

const WINDOW_MS = 180_000;
const AGAIN_MS = 900;
const FAILED_MS = 2000;
/** What ended longer ago than this is not recorded any more. */
const SETTLED_MS = 60_000;
/** So close to the end of what is known more is asked for. */
const NEAR_END_MS = 6000;

interface Window {
  asking: boolean;
  /** How far it is known, ms since 1970; 0: not at all. */
  until: number;
  asked: number;
}

const iso = (ms: number): string => new Date(ms).toISOString();

export class GopBook {
  gops: readonly Gop[] = [];
  failed = false;
  /** Whoever asks may not see it. */
  forbidden = false;
  #windows = new Map<number, Window>();

  constructor(
    readonly camera: string,
    readonly stream: StreamName,
    private readonly now: () => number = Date.now,
  ) {}

  /** What is recorded at that instant is known. */
  knows(ms: number): boolean {
    return ms < (this.#windows.get(Math.floor(ms / WINDOW_MS))?.until ?? 0);
  }

  at(ms: number): Gop | undefined {
    return shownAt(this.gops, ms);
  }

  /** The one after or before; undefined where none is known. */
  beside(gop: Gop, way: 1 | -1): Gop | undefined {
    const index = this.#index(gop);
    return index < 0 ? undefined : this.gops[index + way];
  }

  /** The same as it is known now: the newest one grows. */
  present(gop: Gop): Gop {
    return this.gops[this.#index(gop)] ?? gop;
  }

  /** It goes on in the next without a hole. */
  joins(gop: Gop, next: Gop): boolean {
    return next.from - gop.to < JOIN_MS;
  }

  /** Nothing more is going to be added to it. */
  settled(ms: number): boolean {
    return this.now() - ms > SETTLED_MS;
  }

  /** See that it is known around an instant; returns at once. */
  want(ms: number): void {
    void this.read(ms);
  }

  /** The same, until it is. */
  async read(ms: number): Promise<void> {
    const now = this.now();
    const number = Math.floor(ms / WINDOW_MS);
    const known = this.#windows.get(number) ?? { asking: false, until: 0, asked: -Infinity };
    const [start, end] = [number * WINDOW_MS, (number + 1) * WINDOW_MS];
    const grows = known.until < end && ms > this.#end(number) - NEAR_END_MS;
    const wait = this.failed ? FAILED_MS : AGAIN_MS;
    if (known.asking || start >= now || now - known.asked < wait || (known.until && !grows)) return;
    this.#windows.set(number, { ...known, asking: true, asked: now });
    const from = known.until ? Math.max(start, this.#lastFrom(number)) : start;
    const to = Math.min(end, Math.ceil(now) + 1000);
    try {
      const text = await this.#playlist(from, to);
      this.gops = merged(this.gops, gopsOf(text));
      this.failed = this.forbidden = false;
      // Of the last minute more may come, to be read again.
      const until = end < now - SETTLED_MS ? end : Math.min(end - 1, now);
      this.#windows.set(number, { asking: false, until, asked: now });
    } catch (error) {
      this.failed = true;
      this.forbidden = error instanceof ApiError && error.status === 403;
      this.#windows.set(number, { ...known, asking: false, asked: now });
    }
  }

  async #playlist(from: number, to: number): Promise<string> {
    try {
      const path = `/api/cameras/${this.camera}/playlist.m3u8?from=${iso(from)}&to=${iso(to)}&stream=${this.stream}`;
      return await (await send("GET", path)).text();
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return "";
      throw error;
    }
  }

  #index(gop: Gop): number {
    const near = indexAt(this.gops, gop.from + 1);
    for (const index of [near, near - 1, near + 1]) if (this.gops[index]?.key === gop.key) return index;
    return this.gops.findIndex((one) => one.key === gop.key);
  }

  #last(number: number): Gop | undefined {
    const found = this.gops[indexAt(this.gops, (number + 1) * WINDOW_MS - 1)];
    return found && found.to > number * WINDOW_MS ? found : undefined;
  }

  #end(number: number): number {
    return this.#last(number)?.to ?? number * WINDOW_MS;
  }

  #lastFrom(number: number): number {
    return (this.#last(number)?.from ?? number * WINDOW_MS) + 1;
  }
}
