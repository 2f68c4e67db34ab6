// What a hand on a timeline does: a drag pans, with Shift it chooses, an edge of the choice is moved; a press that does not
// move is a click. Pure: instants and pixels in, what is to happen out.
import type { Span } from "../recordings/spans";
import { msOf, pan, within, xOf, type View } from "../recordings/view";

const CLICK_PX = 4;
export const EDGE_PX = 7;

export type Grip = "pan" | "choose" | "from" | "to";

export interface Drag {
  grip: Grip;
  x: number;
  view: View;
  /** The end of the choice that stays. */
  anchor: number;
  moved: boolean;
}

/** The edge of a choice that lies under a pixel. */
export function edgeAt(view: View, width: number, selection: Span | null, x: number): "from" | "to" | null {
  if (!selection) return null;
  const [from, to] = [Math.abs(xOf(view, width, selection.from) - x), Math.abs(xOf(view, width, selection.to) - x)];
  if (Math.min(from, to) > EDGE_PX) return null;
  return from < to ? "from" : "to";
}

export function begun(view: View, width: number, selection: Span | null, x: number, shift: boolean): Drag {
  const edge = shift ? null : edgeAt(view, width, selection, x);
  const grip: Grip = shift ? "choose" : (edge ?? "pan");
  const anchor = edge && selection ? (edge === "from" ? selection.to : selection.from) : msOf(view, width, x);
  return { grip, x, view, anchor, moved: false };
}

/** What comes of a drag at a pixel: another view or another choice; null while it is still a click. */
export function dragged(drag: Drag, width: number, x: number, now: number): { view: View } | { selection: Span } | null {
  if (!drag.moved && Math.abs(x - drag.x) <= CLICK_PX) return null;
  drag.moved = true;
  const { from, to } = drag.view;
  if (drag.grip === "pan") return { view: within(pan(drag.view, (-(x - drag.x) / width) * (to - from)), now) };
  const here = Math.min(msOf(drag.view, width, x), now);
  return { selection: { from: Math.min(drag.anchor, here), to: Math.max(drag.anchor, here) } };
}

/** How a turn of the wheel zooms: by how far it turned, the same for wheels and touchpads. */
export function wheelFactor(deltaY: number): number {
  const strength = Math.min(120, Math.abs(deltaY)) / 120;
  return deltaY < 0 ? 1 - 0.22 * strength : 1 + 0.28 * strength;
}
