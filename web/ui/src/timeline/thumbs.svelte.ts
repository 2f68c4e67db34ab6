// Thumbnails of past moments: asked for one at a time, the newest wish first, and kept within a bound. While one is on its
// way the nearest that is here is shown, with its own time.
import { untrack } from "svelte";

const GRID_MS = 10_000;
const KEPT = 240;
const AT_ONCE = 2;
const MISSING_MS = 30_000;

export interface Thumb {
  camera: string;
  /** When it was taken, ms since 1970. */
  at: number;
  picture: ImageBitmap;
}

class Thumbs {
  version = $state(0);
  #kept = new Map<string, Thumb>();
  #missing = new Map<string, number>();
  #asking = new Set<string>();
  #wish: { camera: string; at: number; within: number } | null = null;

  /** The picture nearest to a moment, not further away than `within`; what is better than what is here is fetched. */
  of(camera: string, ms: number, within: number): Thumb | null {
    void this.version;
    const at = Math.round(ms / GRID_MS) * GRID_MS;
    const key = `${camera}/${at}`;
    const known = this.#kept.get(key);
    if (known) return known;
    untrack(() => this.#want(camera, at, within));
    return this.#nearest(camera, ms, within);
  }

  #want(camera: string, at: number, within: number): void {
    const key = `${camera}/${at}`;
    if (Date.now() - (this.#missing.get(key) ?? 0) < MISSING_MS || at > Date.now()) return;
    this.#wish = { camera, at, within };
    this.#next();
  }

  #next(): void {
    const wish = this.#wish;
    if (!wish || this.#asking.size >= AT_ONCE) return;
    this.#wish = null;
    const key = `${wish.camera}/${wish.at}`;
    if (!this.#asking.has(key)) void this.#read(key, wish.camera, wish.at, wish.within);
  }

  async #read(key: string, camera: string, at: number, within: number): Promise<void> {
    this.#asking.add(key);
    try {
      const near = Math.min(86_400, Math.max(30, Math.round(within / 1000)));
      const answer = await fetch(`/api/cameras/${camera}/thumbnail?at=${new Date(at).toISOString()}&within=${near}`, { signal: AbortSignal.timeout(8000) });
      if (answer.status !== 200) {
        this.#lacks(key);
        return;
      }
      const taken = Date.parse(answer.headers.get("X-Captured-At") ?? "");
      const picture = await createImageBitmap(await answer.blob());
      this.#keep(key, { camera, at: Number.isFinite(taken) ? taken : at, picture });
    } catch {
      this.#lacks(key);
    } finally {
      this.#asking.delete(key);
      this.#next();
    }
  }

  #keep(key: string, thumb: Thumb): void {
    this.#kept.set(key, thumb);
    for (const [old, { picture }] of this.#kept) {
      if (this.#kept.size <= KEPT) break;
      picture.close();
      this.#kept.delete(old);
    }
    this.version++;
  }

  #lacks(key: string): void {
    this.#missing.set(key, Date.now());
    for (const old of this.#missing.keys()) {
      if (this.#missing.size <= KEPT) break;
      this.#missing.delete(old);
    }
  }

  #nearest(camera: string, ms: number, within: number): Thumb | null {
    let best: Thumb | null = null;
    for (const thumb of this.#kept.values()) {
      const away = Math.abs(thumb.at - ms);
      if (thumb.camera === camera && away <= within && (!best || away < Math.abs(best.at - ms))) best = thumb;
    }
    return best;
  }
}

export const thumbs = new Thumbs();
