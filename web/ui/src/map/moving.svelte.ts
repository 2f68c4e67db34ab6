// Giving cameras and sites another place: sent at once, shown there before the answer comes, with a way back.
import { call } from "../api/client";
import type { Camera, Site } from "../api/types";
import { words } from "../api/words";
import { catalogue } from "../catalogue/catalogue.svelte";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";
import { positionOf, rounded, type Position } from "./position";

const UNDO_MS = 8000;

export class Moving {
  /** What is on its way, by id. */
  #pending = $state.raw<ReadonlyMap<string, Position | null>>(new Map());

  /** As they will be. */
  here<T extends { id: string; longitude: number | null; latitude: number | null }>(things: readonly T[]): T[] {
    return things.map((thing) => (this.#pending.has(thing.id) ? { ...thing, ...body(this.#pending.get(thing.id) ?? null) } : thing));
  }

  /** Null: no place of its own any more. */
  async move(what: "camera" | "site", id: string, to: Position | null, undoing = false): Promise<void> {
    const thing = what === "camera" ? catalogue.byId.get(id) : catalogue.sites.find((site) => site.id === id);
    if (!thing) return;
    const before = positionOf(thing);
    this.#pending = new Map([...this.#pending, [id, to]]);
    try {
      const change = { body: { ...body(to), rev: thing.rev } };
      if (what === "camera") catalogue.put(await call<Camera>("PATCH", `/api/cameras/${id}`, change));
      else catalogue.putSite(await call<Site>("PATCH", `/api/sites/${id}`, change));
      const action = undoing ? undefined : { label: m.undo(), run: () => void this.move(what, id, before, true) };
      const text = undoing ? m.map_put_back({ name: thing.name }) : to ? m.map_moved({ name: thing.name }) : m.map_taken_off({ name: thing.name });
      toasts.say(text, { ms: UNDO_MS, action });
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
      catalogue.load().catch(() => undefined);
    } finally {
      this.#pending = new Map([...this.#pending].filter(([one]) => one !== id));
    }
  }
}

function body(position: Position | null): { longitude: number | null; latitude: number | null } {
  if (!position) return { longitude: null, latitude: null };
  return { longitude: rounded(position.longitude), latitude: rounded(position.latitude) };
}
