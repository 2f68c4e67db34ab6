// Saved views as the server has them: read when a page looks, again when the server says that one changed, and changed
// by their rev, so that nobody's change is written over. Deleting waits a moment for an undo, as removing a camera does.
import { ApiError, call } from "../api/client";
import type { Page } from "../api/types";
import { words } from "../api/words";
import { m } from "../shell/messages";
import { news } from "../shell/news";
import { toasts } from "../shell/toasts.svelte";
import { fromJson, toJson, type Layout, type LayoutJson } from "./layout";

const UNDO_MS = 6000;

interface ViewJson {
  id: string;
  name: string;
  folder: string;
  owner: string;
  owner_name: string;
  mine: boolean;
  shared: boolean;
  favourite: boolean;
  layout: LayoutJson;
  cameras: (string | null)[];
  changed_at: string;
  rev: number;
}

export interface View extends Omit<ViewJson, "layout"> {
  layout: Layout;
}

/** What a person writes down of a view. */
export interface Words {
  name: string;
  folder: string;
  shared: boolean;
}

const view = (json: ViewJson): View => ({ ...json, layout: fromJson(json.layout) });
const content = (layout: Layout, cameras: readonly (string | null)[]) => ({ layout: toJson(layout), cameras: cameras.slice(0, layout.tiles.length) });

const byName = (a: View, b: View): number =>
  a.folder.localeCompare(b.folder, "id", { numeric: true }) || a.name.localeCompare(b.name, "id", { numeric: true }) || (a.id < b.id ? -1 : 1);

class Views {
  all = $state.raw<View[]>([]);
  loaded = $state(false);
  #leaving = $state.raw<ReadonlySet<string>>(new Set());
  list = $derived(this.all.filter((one) => !this.#leaving.has(one.id)));
  byId = $derived(new Map(this.list.map((one) => [one.id, one])));
  folders = $derived([...new Set(this.list.map((one) => one.folder).filter(Boolean))]);
  #waiting = new Map<string, () => void>();

  constructor() {
    addEventListener("pagehide", () => {
      for (const now of [...this.#waiting.values()]) now();
    });
  }

  /** Keep fresh while something looks; gives the function that stops it. */
  watch(): () => void {
    const load = (): void =>
      void this.load().catch((error: unknown) => {
        // Refused is an answer: there are no views to wait for. Unreachable asks again when the line is back.
        if (error instanceof ApiError) this.loaded = true;
      });
    if (!this.loaded) load();
    return news.on("views", load);
  }

  async load(): Promise<void> {
    const items: ViewJson[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: Page<ViewJson> = await call<Page<ViewJson>>("GET", `/api/views?limit=500${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      items.push(...page.items);
      cursor = page.next;
    }
    this.all = items.map(view).sort(byName);
    this.loaded = true;
  }

  async add(said: Words, layout: Layout, cameras: readonly (string | null)[]): Promise<View> {
    return this.#put(await call<ViewJson>("POST", "/api/views", { body: { ...said, ...content(layout, cameras) } }));
  }

  async keep(id: string, rev: number, layout: Layout, cameras: readonly (string | null)[]): Promise<View> {
    return this.#put(await call<ViewJson>("PATCH", `/api/views/${id}`, { body: { rev, ...content(layout, cameras) } }));
  }

  async rename(one: View, said: Partial<Words>): Promise<View> {
    return this.#put(await call<ViewJson>("PATCH", `/api/views/${one.id}`, { body: { rev: one.rev, ...said } }));
  }

  async favour(one: View): Promise<void> {
    await call(one.favourite ? "DELETE" : "PUT", `/api/views/${one.id}/favourite`);
    this.#replace({ ...one, favourite: !one.favourite });
  }

  /** Somebody wants to keep the wall under a new name: the list of views asks for it. */
  naming = $state(false);

  /** Gone from the screen at once, from the server 6 s later, unless somebody takes it back. */
  removeLater(one: View): void {
    this.#hide(one.id, true);
    const act = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(one.id);
      void this.#remove(one);
    };
    const timer = setTimeout(act, UNDO_MS);
    this.#waiting.set(one.id, act);
    const run = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(one.id);
      this.#hide(one.id, false);
    };
    toasts.say(m.view_deleted({ view: one.name }), { ms: UNDO_MS, action: { label: m.undo(), run } });
  }

  async #remove(one: View): Promise<void> {
    try {
      await call("DELETE", `/api/views/${one.id}?rev=${one.rev}`, { keepalive: true });
      this.all = this.all.filter((other) => other.id !== one.id);
    } catch (error) {
      toasts.say(m.view_not_deleted({ view: one.name, why: words(error) }), { kind: "bad" });
    } finally {
      this.#hide(one.id, false);
    }
  }

  #put(json: ViewJson): View {
    const made = view(json);
    this.#replace(made);
    return made;
  }

  #replace(made: View): void {
    this.all = [...this.all.filter((other) => other.id !== made.id), made].sort(byName);
  }

  #hide(id: string, hidden: boolean): void {
    const next = new Set(this.#leaving);
    if (hidden) next.add(id);
    else next.delete(id);
    this.#leaving = next;
  }
}

export const views = new Views();
