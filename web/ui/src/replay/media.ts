// The bytes of groups of pictures as samples, fetched when they are looked for and kept while they are near. One per
// stream. To look again later is how one waits: nothing here calls back.
import { send } from "../api/client";
import { parseInit, samplesOf, type Init, type Sample } from "./fmp4";
import type { Gop } from "./playlist";

const FAILED_MS = 2000;
const KEPT = 12;

export interface Loaded {
  gop: Gop;
  init: Init;
  /** In order of decoding. */
  samples: readonly Sample[];
}

/** When a sample shows, ms since 1970: the first of a group shows when the group begins. */
export function timeOf(loaded: Loaded, sample: Sample): number {
  const first = loaded.samples[0]?.pts ?? 0;
  return loaded.gop.from + ((sample.pts - first) / loaded.init.timescale) * 1000;
}

/** All of them, in order of presentation. */
export const timesOf = (loaded: Loaded): number[] => loaded.samples.map((sample) => timeOf(loaded, sample)).sort((a, b) => a - b);

interface Held {
  gop: Gop;
  loaded: Loaded | null;
  failedAt: number;
  abort: AbortController;
  promise: Promise<Loaded>;
}

export class Media {
  #held = new Map<string, Held>();
  #inits = new Map<string, Promise<Init>>();

  /** What is there of it; the first question fetches it. */
  peek(gop: Gop): Loaded | null {
    return this.#hold(gop).loaded;
  }

  load(gop: Gop): Promise<Loaded> {
    return this.#hold(gop).promise;
  }

  /** It could not be fetched. */
  failed(gop: Gop): boolean {
    return (this.#held.get(id(gop))?.failedAt ?? 0) > 0;
  }

  /** Keep what lies around an instant, and fetch nothing elsewhere any more. */
  keep(ms: number, before: number, after: number): void {
    for (const [key, held] of this.#held) {
      const near = held.gop.to > ms - before && held.gop.from < ms + after;
      if (near || (held.loaded && this.#held.size <= KEPT)) continue;
      held.abort.abort();
      this.#held.delete(key);
    }
  }

  close(): void {
    for (const held of this.#held.values()) held.abort.abort();
    this.#held.clear();
  }

  #hold(gop: Gop): Held {
    const key = id(gop);
    const known = this.#held.get(key);
    if (known && !(known.failedAt && performance.now() - known.failedAt > FAILED_MS)) return known;
    const abort = new AbortController();
    const held: Held = { gop, loaded: null, failedAt: 0, abort, promise: this.#fetch(gop, abort.signal) };
    held.promise.then(
      (loaded) => (held.loaded = loaded),
      () => (held.failedAt = performance.now()),
    );
    this.#held.set(key, held);
    return held;
  }

  async #fetch(gop: Gop, signal: AbortSignal): Promise<Loaded> {
    const [init, bytes] = await Promise.all([this.#init(gop), read(gop.uri, gop.offset, gop.bytes, signal)]);
    const samples = samplesOf(bytes, init);
    if (!samples.length) throw new Error("no pictures");
    return { gop, init, samples };
  }

  #init(gop: Gop): Promise<Init> {
    const known = this.#inits.get(gop.run);
    if (known) return known;
    const fresh = read(gop.init.uri, 0, gop.init.bytes).then(parseInit);
    fresh.catch(() => this.#inits.delete(gop.run));
    this.#inits.set(gop.run, fresh);
    return fresh;
  }
}

const id = (gop: Gop): string => `${gop.key}:${gop.bytes}`;

async function read(uri: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await send("GET", uri, { range: [offset, length], ...(signal ? { signal } : {}) });
  return new Uint8Array(await answer.arrayBuffer());
}
