// Keys of a timeline that has the focus, and how far each goes: by what is seen, so that an arrow is five seconds close up
// and hours in a month. Pure but for the acts it is given.
import type { Strip } from "./strips";
import type { Span } from "../recordings/spans";

export interface TimelineActs {
  /** Move the playhead by so many steps. */
  step(steps: number): void;
  /** Move the view by a share of itself. */
  pan(share: number): void;
  zoom(factor: number): void;
  row(step: 1 | -1): void;
  edge(edge: "first" | "now"): void;
  choose(edge: "from" | "to"): void;
  drop(): void;
  /** As a click where the playhead is. */
  open(): void;
  /** To the next thing of the row that has the focus. */
  next(what: "gap" | "event", way: 1 | -1): void;
}

const ACTS: Record<string, (acts: TimelineActs, shift: boolean) => void> = {
  ArrowLeft: (acts, shift) => acts.step(shift ? -12 : -1),
  ArrowRight: (acts, shift) => acts.step(shift ? 12 : 1),
  ArrowUp: (acts) => acts.row(-1),
  ArrowDown: (acts) => acts.row(1),
  PageUp: (acts) => acts.pan(-0.8),
  PageDown: (acts) => acts.pan(0.8),
  Home: (acts) => acts.edge("first"),
  End: (acts) => acts.edge("now"),
  "+": (acts) => acts.zoom(0.5),
  "=": (acts) => acts.zoom(0.5),
  "-": (acts) => acts.zoom(2),
  "[": (acts) => acts.choose("from"),
  "]": (acts) => acts.choose("to"),
  Escape: (acts) => acts.drop(),
  Enter: (acts) => acts.open(),
  g: (acts) => acts.next("gap", 1),
  G: (acts) => acts.next("gap", -1),
  e: (acts) => acts.next("event", 1),
  E: (acts) => acts.next("event", -1),
};

/** Whether it was a key of the timeline. */
export function pressed(event: KeyboardEvent, acts: TimelineActs): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const act = ACTS[event.key];
  if (!act) return false;
  event.preventDefault();
  act(acts, event.shiftKey);
  return true;
}

const NICE_S = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400];

/** What an arrow goes in a view: five seconds at least, about a hundredth of it. */
export function stepMs(view: Span): number {
  const wanted = (view.to - view.from) / 100_000;
  return (NICE_S.find((s) => s >= wanted) ?? 14_400) * 1000;
}

/** Where the next gap or event of strips in order begins, away from `ms`; null: there is none. */
export function nextStart(strips: readonly Strip[], what: "gap" | "event", ms: number, way: 1 | -1): number | null {
  const starts = strips.flatMap((strip) => (what === "gap" ? strip.gaps : strip.events).map((one) => one.from));
  const there = starts.filter((start) => (way > 0 ? start > ms + 1 : start < ms - 1));
  return there.length ? (way > 0 ? Math.min(...there) : Math.max(...there)) : null;
}
