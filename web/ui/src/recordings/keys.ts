// Keys of a replay; each is one act, the page gives the acts.
export interface ReplayActs {
  toggle(): void;
  pause(): void;
  faster(step: 1 | -1): void;
  jump(ms: number): void;
  frame(step: 1 | -1): void;
  zoom(factor: number): void;
  typed(): void;
  mark(edge: "from" | "to"): void;
  live(): void;
  still(): void;
  bookmark(): void;
  bookmarks(): void;
}

const ACTS: Record<string, (acts: ReplayActs, shift: boolean) => void> = {
  " ": (acts) => acts.toggle(),
  k: (acts) => acts.pause(),
  j: (acts) => acts.faster(-1),
  l: (acts) => acts.faster(1),
  arrowleft: (acts, shift) => acts.jump(shift ? -60_000 : -5000),
  arrowright: (acts, shift) => acts.jump(shift ? 60_000 : 5000),
  ",": (acts) => acts.frame(-1),
  ".": (acts) => acts.frame(1),
  "+": (acts) => acts.zoom(0.5),
  "=": (acts) => acts.zoom(0.5),
  "-": (acts) => acts.zoom(2),
  t: (acts) => acts.typed(),
  i: (acts) => acts.mark("from"),
  o: (acts) => acts.mark("to"),
  end: (acts) => acts.live(),
  s: (acts) => acts.still(),
  b: (acts, shift) => (shift ? acts.bookmarks() : acts.bookmark()),
};

export function pressed(event: KeyboardEvent, acts: ReplayActs): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.target as HTMLElement;
  if (target.closest("input, select, textarea, dialog[open]")) return;
  // Space and Enter on a button are that button's.
  if (event.key === " " && target.closest("button, a")) return;
  const act = ACTS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act(acts, event.shiftKey);
}
