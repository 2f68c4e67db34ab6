// Keys of a replay of several cameras; each is one act, the page gives the acts.
export interface DeckActs {
  toggle(): void;
  pause(): void;
  shuttle(way: 1 | -1): void;
  faster(step: 1 | -1): void;
  jump(ms: number): void;
  frame(way: 1 | -1): void;
  event(way: 1 | -1): void;
  zoom(factor: number): void;
  typed(): void;
  mark(edge: "from" | "to"): void;
  live(): void;
  still(): void;
  bookmark(): void;
  cameras(): void;
  choose(step: 1 | -1): void;
  fill(): void;
  leave(): void;
  remove(): void;
}

type Act = (acts: DeckActs, shift: boolean) => void;

const ACTS: Record<string, Act> = {
  " ": (acts) => acts.toggle(),
  k: (acts) => acts.pause(),
  j: (acts) => acts.shuttle(-1),
  l: (acts) => acts.shuttle(1),
  "<": (acts) => acts.faster(-1),
  ">": (acts) => acts.faster(1),
  arrowleft: (acts, shift) => acts.jump(shift ? -60_000 : -5000),
  arrowright: (acts, shift) => acts.jump(shift ? 60_000 : 5000),
  arrowup: (acts) => acts.choose(-1),
  arrowdown: (acts) => acts.choose(1),
  ",": (acts) => acts.frame(-1),
  ".": (acts) => acts.frame(1),
  n: (acts, shift) => acts.event(shift ? -1 : 1),
  "+": (acts) => acts.zoom(0.5),
  "=": (acts) => acts.zoom(0.5),
  "-": (acts) => acts.zoom(2),
  t: (acts) => acts.typed(),
  i: (acts) => acts.mark("from"),
  o: (acts) => acts.mark("to"),
  end: (acts) => acts.live(),
  s: (acts) => acts.still(),
  b: (acts) => acts.bookmark(),
  c: (acts) => acts.cameras(),
  enter: (acts) => acts.fill(),
  escape: (acts) => acts.leave(),
  delete: (acts) => acts.remove(),
};

export function pressed(event: KeyboardEvent, acts: DeckActs): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.target as HTMLElement;
  if (target.closest("input, select, textarea, dialog[open]")) return;
  // Space and Enter on a button or link are that one's.
  if ((event.key === " " || event.key === "Enter") && target.closest("button, a")) return;
  const act = ACTS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act(acts, event.shiftKey);
}
