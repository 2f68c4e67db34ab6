// Which page of a tour is shown when. Round after round from 1970 on by the server's clock, so that everything that
// shows a tour is on the same page at the same time; who paused or stepped runs ahead or behind by `shiftMs`. Pure.
export interface Dwelling {
  dwell_s: number;
}

export interface Moment {
  page: number;
  /** How long the page has been there, and how long it stays, ms. */
  sinceMs: number;
  leftMs: number;
}

export const roundMs = (pages: readonly Dwelling[]): number => pages.reduce((sum, page) => sum + page.dwell_s * 1000, 0);

/** What of the round is due at `nowMs` of the server's clock; null where there is no page. */
export function at(pages: readonly Dwelling[], nowMs: number, shiftMs = 0): Moment | null {
  const round = roundMs(pages);
  if (!round) return null;
  let into = (((nowMs + shiftMs) % round) + round) % round;
  for (const [page, { dwell_s }] of pages.entries()) {
    if (into < dwell_s * 1000) return { page, sinceMs: into, leftMs: dwell_s * 1000 - into };
    into -= dwell_s * 1000;
  }
  return { page: 0, sinceMs: 0, leftMs: (pages[0]?.dwell_s ?? 1) * 1000 };
}

/** The shift by which `page` begins now. */
export function shiftTo(pages: readonly Dwelling[], nowMs: number, page: number): number {
  const round = roundMs(pages);
  if (!round) return 0;
  const start = roundMs(pages.slice(0, ((page % pages.length) + pages.length) % pages.length));
  return start - (((nowMs % round) + round) % round);
}
