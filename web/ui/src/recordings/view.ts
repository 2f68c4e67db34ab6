// The part of time that a timeline shows: zoom, pan, ticks, and between instants and pixels. Pure; ms since 1970.
export interface View {
  from: number;
  to: number;
}

export const NARROWEST_MS = 1000;
export const WIDEST_MS = 35 * 86_400_000;
const WIB_MS = 7 * 3600_000;

const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800];

export function xOf(view: View, width: number, ms: number): number {
  return ((ms - view.from) / (view.to - view.from)) * width;
}

export function msOf(view: View, width: number, x: number): number {
  return view.from + (x / width) * (view.to - view.from);
}

/** Zoom by `factor` (below 1: closer) so that `anchor` stays where it is. */
export function zoom(view: View, factor: number, anchor: number): View {
  const span = view.to - view.from;
  const wanted = Math.min(WIDEST_MS, Math.max(NARROWEST_MS, span * factor));
  const share = (anchor - view.from) / span;
  const from = anchor - share * wanted;
  return { from, to: from + wanted };
}

export function pan(view: View, ms: number): View {
  return { from: view.from + ms, to: view.to + ms };
}

/** The same span around an instant. */
export function around(ms: number, span: number): View {
  return { from: ms - span / 2, to: ms + span / 2 };
}

const OPENING_MS = 3600_000;
const OPENING_LEAST_MS = 300_000;

/** What a timeline opens on: an hour around the instant, less where the camera has not been registered for so long. */
export function opening(ms: number, first: number, now: number): View {
  const span = Math.min(OPENING_MS, Math.max(OPENING_LEAST_MS, (now - first) * 1.25));
  const view = within(around(ms, span), now);
  const early = first - span * 0.1 - view.from;
  return ms >= first && early > 0 ? within(pan(view, early), now) : view;
}

/** Not past `last` by more than a tenth of the span, so that now is never lost from sight. */
export function within(view: View, last: number): View {
  const span = view.to - view.from;
  const over = view.to - (last + span * 0.1);
  return over > 0 ? pan(view, -over) : view;
}

export interface Tick {
  ms: number;
  /** The start of a day in WIB. */
  day: boolean;
}

/** Ticks on round WIB times, at least `least` pixels apart, and the step between them in ms. */
export function ticks(view: View, width: number, least: number): { step: number; list: Tick[] } {
  const perPixel = (view.to - view.from) / Math.max(1, width);
  const step = (STEPS_S.find((s) => (s * 1000) / perPixel >= least) ?? 604_800) * 1000;
  const list: Tick[] = [];
  for (let ms = Math.ceil((view.from + WIB_MS) / step) * step - WIB_MS; ms <= view.to; ms += step) {
    list.push({ ms, day: (ms + WIB_MS) % 86_400_000 === 0 });
  }
  return { step, list };
}
