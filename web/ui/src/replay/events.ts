// The next or last event of some cameras from an instant on: what a replay jumps to.
import { call } from "../api/client";
import type { Events, VmsEvent } from "../api/types";

const LOOK_MS = [3600_000, 24 * 3600_000, 7 * 24 * 3600_000];
const LIMIT = 200;
/** An event that begins so close to where one is has been seen. */
const SEEN_MS = 500;

const began = (event: VmsEvent): number => Date.parse(event.start);

/** Of [from, to) the events that begin there, those of `cameras`. */
async function between(cameras: readonly string[], from: number, to: number): Promise<VmsEvent[]> {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const pages = cameras.map((id) => call<Events>("GET", `/api/events?camera=${id}&from=${iso(from)}&to=${iso(to)}&limit=${LIMIT}`));
  const found = (await Promise.all(pages)).flatMap((page) => page.items);
  return found.filter((event) => began(event) >= from && began(event) < to).sort((a, b) => began(a) - began(b));
}

/** Looks an hour, a day, then a week far; null where there is none. */
export async function eventBeside(cameras: readonly string[], at: number, way: 1 | -1, now: number): Promise<VmsEvent | null> {
  for (const far of LOOK_MS) {
    const [from, to] = way === 1 ? [at + SEEN_MS, Math.min(now, at + far)] : [at - far, at - SEEN_MS];
    if (from >= to) return null;
    const found = await between(cameras, from, to);
    const one = way === 1 ? found[0] : found.at(-1);
    if (one) return one;
  }
  return null;
}
