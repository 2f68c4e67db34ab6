// The key frames of one stream, a minute at a time: for a replay faster than one decodes, or backwards. Records as
// recorder/key_stream.py writes them. What is asked for is fetched ahead the way the clock goes.
import { ApiError, send } from "../api/client";
import type { StreamName } from "../api/types";
import { parseInit, samplesOf, type Init, type Sample } from "./fmp4";
import { indexAt, JOIN_MS } from "./playlist";

const WINDOW_MS = 60_000;
const HEADER_BYTES = 24;
const INIT = 0x696e6974; // "init"
const AGAIN_MS = 2000;
const SETTLED_MS = 60_000;
/** Fetched ahead: what is played in so long. */
const AHEAD_S = 3;

export interface Key {
  /** Shown times, ms since 1970: it is the newest in between. */
  from: number;
  to: number;
  init: Init;
  fragment: Uint8Array<ArrayBuffer>;
}

/** Key frames of an answer. */
export function keysOf(bytes: Uint8Array<ArrayBuffer>): Key[] {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Key[] = [];
  let init: Init | null = null;
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = data.getUint32(at + 4);
    const content = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
    if (data.getUint32(at) === INIT) init = parseInit(content);
    else if (init) found.push({ from: data.getFloat64(at + 8), to: data.getFloat64(at + 16), init, fragment: content });
    at += HEADER_BYTES + length;
  }
  return found;
}

/** The picture itself. */
export const pictureOf = (key: Key): Sample | undefined => samplesOf(key.fragment, key.init)[0];

interface Window {
  keys: Key[];
  until: number;
  asked: number;
  asking: AbortController | null;
}

export class KeyBook {
  failed = false;
  #windows = new Map<number, Window>();

  constructor(
    private readonly camera: string,
    private readonly stream: StreamName,
    private readonly now: () => number = Date.now,
  ) {}

  knows(ms: number): boolean {
    return ms < (this.#windows.get(Math.floor(ms / WINDOW_MS))?.until ?? 0);
  }

  /** The newest one at an instant. */
  at(ms: number): Key | undefined {
    const keys = this.#windows.get(Math.floor(ms / WINDOW_MS))?.keys ?? [];
    const found = keys[indexAt(keys, ms)];
    return found && ms < found.to + JOIN_MS ? found : undefined;
  }

  /** Fetch what is needed at an instant and soon after, and forget the rest. */
  want(ms: number, rate: number): void {
    const here = Math.floor(ms / WINDOW_MS);
    const there = Math.floor((ms + Math.max(20, Math.abs(rate) * AHEAD_S) * 1000 * Math.sign(rate || 1)) / WINDOW_MS);
    const way = Math.sign(there - here);
    const wanted = new Set([here]);
    for (let number = here; number !== there; number += way) wanted.add(number + way);
    for (const [number, window] of this.#windows) {
      if (Math.abs(number - here) <= wanted.size + 1) continue;
      window.asking?.abort();
      this.#windows.delete(number);
    }
    for (const number of wanted) void this.#read(number);
  }

  close(): void {
    for (const window of this.#windows.values()) window.asking?.abort();
    this.#windows.clear();
  }

  async #read(number: number): Promise<void> {
    const now = this.now();
    const [start, end] = [number * WINDOW_MS, (number + 1) * WINDOW_MS];
    const known = this.#windows.get(number) ?? { keys: [], until: 0, asked: -Infinity, asking: null };
    if (known.asking || known.until >= end || start >= now || now - known.asked < AGAIN_MS) return;
    const abort = new AbortController();
    this.#windows.set(number, { ...known, asked: now, asking: abort });
    try {
      const keys = await this.#ask(start, Math.min(end, Math.ceil(now) + 1000), abort.signal);
      this.failed = false;
      const until = end < now - SETTLED_MS ? end : Math.min(end - 1, now);
      if (!abort.signal.aborted) this.#windows.set(number, { keys, until, asked: now, asking: null });
    } catch {
      this.failed = !abort.signal.aborted;
      if (!abort.signal.aborted) this.#windows.set(number, { ...known, asked: now, asking: null });
    }
  }

  async #ask(from: number, to: number, signal: AbortSignal): Promise<Key[]> {
    const iso = (ms: number): string => new Date(ms).toISOString();
    try {
      const answer = await send("GET", `/api/cameras/${this.camera}/key-frames?from=${iso(from)}&to=${iso(to)}&stream=${this.stream}`, { signal });
      return keysOf(new Uint8Array(await answer.arrayBuffer()));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    }
  }
}
