// A tour while it is edited: steps in order, pinned tiles. Pure; every change gives a new draft.
import { toJson, standard, type Layout } from "../views/layout";
import type { Step, Tour, TourBody } from "./tours.svelte";
import { fromJson } from "../views/layout";

export interface Draft {
  name: string;
  shared: boolean;
  layout: Layout;
  steps: Step[];
  pinned: { tile: number; camera: string }[];
}

export const DWELL_S = 10;

export const blank = (): Draft => ({ name: "", shared: false, layout: standard("1")!, steps: [], pinned: [] });

export const draftOf = (tour: Tour): Draft => ({ name: tour.name, shared: tour.shared, layout: fromJson(tour.layout), steps: tour.steps.map((step) => ({ ...step })), pinned: [...tour.pinned] });

export const bodyOf = (draft: Draft): TourBody => ({ ...draft, name: draft.name.trim(), layout: toJson(draft.layout) });

/** One more step, with the dwell time of the last. */
export function added(draft: Draft, what: { view?: string; camera?: string }, at = draft.steps.length): Draft {
  const dwell_s = draft.steps.at(-1)?.dwell_s ?? DWELL_S;
  const step: Step = { view: what.view ?? null, camera: what.camera ?? null, dwell_s };
  return { ...draft, steps: [...draft.steps.slice(0, at), step, ...draft.steps.slice(at)] };
}

export function moved(draft: Draft, from: number, to: number): Draft {
  const steps = [...draft.steps];
  const [step] = steps.splice(from, 1);
  if (!step) return draft;
  steps.splice(Math.max(0, Math.min(to, steps.length)), 0, step);
  return { ...draft, steps };
}

export const dropped = (draft: Draft, index: number): Draft => ({ ...draft, steps: draft.steps.filter((_, other) => other !== index) });

export function dwelling(draft: Draft, index: number, dwell_s: number): Draft {
  const kept = Math.max(2, Math.min(3600, Math.round(dwell_s) || DWELL_S));
  return { ...draft, steps: draft.steps.map((step, other) => (other === index ? { ...step, dwell_s: kept } : step)) };
}

/** A camera pinned to a tile, or the tile free again. */
export function pinnedTo(draft: Draft, tile: number, camera: string | null): Draft {
  const others = draft.pinned.filter((pin) => pin.tile !== tile);
  return { ...draft, pinned: (camera ? [...others, { tile, camera }] : others).sort((a, b) => a.tile - b.tile) };
}

/** Pins beyond the layout's tiles fall away. */
export const laidOut = (draft: Draft, layout: Layout): Draft => ({ ...draft, layout, pinned: draft.pinned.filter((pin) => pin.tile < layout.tiles.length) });

/** What a round takes, s, as far as steps are pages of their own: cameras share pages of the layout's free tiles. */
export function roundS(draft: Draft): number {
  const free = Math.max(1, draft.layout.tiles.length - draft.pinned.filter((pin) => pin.tile < draft.layout.tiles.length).length);
  let [sum, run] = [0, [] as number[]];
  const close = (): void => {
    for (let first = 0; first < run.length; first += free) sum += Math.max(...run.slice(first, first + free));
    run = [];
  };
  for (const step of draft.steps) {
    if (step.camera) run.push(step.dwell_s);
    else {
      close();
      sum += step.dwell_s;
    }
  }
  close();
  return sum;
}
