// Tours as the server has them: read when a page looks, again when the server says that one, or a view, changed.
import { ApiError, call } from "../api/client";
import type { Page } from "../api/types";
import { words } from "../api/words";
import { m } from "../shell/messages";
import { news } from "../shell/news";
import { toasts } from "../shell/toasts.svelte";
import type { LayoutJson } from "../views/layout";
import type { PageJson } from "./run.svelte";

const UNDO_MS = 6000;

export interface Step {
  view: string | null;
  camera: string | null;
  dwell_s: number;
}

export interface TourBody {
  name: string;
  shared: boolean;
  layout: LayoutJson;
  steps: Step[];
  pinned: { tile: number; camera: string }[];
}

export interface Tour extends TourBody {
  id: string;
  owner: string;
  owner_name: string;
  mine: boolean;
  pages: PageJson[];
  changed_at: string;
  rev: number;
}

const clean = (body: TourBody) => ({ ...body, steps: body.steps.map((step) => (step.view ? { view: step.view, dwell_s: step.dwell_s } : { camera: step.camera, dwell_s: step.dwell_s })) });

class Tours {
  all = $state.raw<Tour[]>([]);
  loaded = $state(false);
  #leaving = $state.raw<ReadonlySet<string>>(new Set());
  list = $derived(this.all.filter((one) => !this.#leaving.has(one.id)));
  byId = $derived(new Map(this.list.map((one) => [one.id, one])));
  #waiting = new Map<string, () => void>();

  constructor() {
    addEventListener("pagehide", () => {
      for (const now of [...this.#waiting.values()]) now();
    });
  }

  watch(): () => void {
    const load = (): void =>
      void this.load().catch((error: unknown) => {
        if (error instanceof ApiError) this.loaded = true;
      });
    if (!this.loaded) load();
    const stops = [news.on("tours", load), news.on("views", load)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  async load(): Promise<void> {
    const items: Tour[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: Page<Tour> = await call<Page<Tour>>("GET", `/api/tours?limit=500${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      items.push(...page.items);
      cursor = page.next;
    }
    this.all = items;
    this.loaded = true;
  }

  async save(body: TourBody, known: Tour | null): Promise<Tour> {
    const saved = known
      ? await call<Tour>("PATCH", `/api/tours/${known.id}`, { body: { rev: known.rev, ...clean(body) } })
      : await call<Tour>("POST", "/api/tours", { body: clean(body) });
    this.all = [...this.all.filter((one) => one.id !== saved.id), saved].sort((a, b) => a.name.localeCompare(b.name, "id", { numeric: true }));
    return saved;
  }

  /** Gone from the screen at once, from the server 6 s later, unless somebody takes it back. */
  removeLater(one: Tour): void {
    this.#hide(one.id, true);
    const act = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(one.id);
      void call("DELETE", `/api/tours/${one.id}?rev=${one.rev}`, { keepalive: true })
        .then(() => (this.all = this.all.filter((other) => other.id !== one.id)))
        .catch((error: unknown) => toasts.say(m.tour_not_deleted({ tour: one.name, why: words(error) }), { kind: "bad" }))
        .finally(() => this.#hide(one.id, false));
    };
    const timer = setTimeout(act, UNDO_MS);
    this.#waiting.set(one.id, act);
    const run = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(one.id);
      this.#hide(one.id, false);
    };
    toasts.say(m.tour_deleted({ tour: one.name }), { ms: UNDO_MS, action: { label: m.undo(), run } });
  }

  #hide(id: string, hidden: boolean): void {
    const next = new Set(this.#leaving);
    if (hidden) next.add(id);
    else next.delete(id);
    this.#leaving = next;
  }
}

export const tours = new Tours();
