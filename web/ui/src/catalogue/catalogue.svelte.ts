// Sites and cameras as the server has them, kept fresh while a page looks. One list for all pages, by site name, then
// camera name; the number of a camera is its own and stays.
import { call } from "../api/client";
import type { Camera, Page, Site } from "../api/types";
import { reach } from "../shell/reach.svelte";

const FRESH_MS = 5000;
/** After a camera was saved, until it is live: so often, so long. */
const SOON_MS = 500;
const SOON_FOR_MS = 15_000;

async function all<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const joint: string = path.includes("?") ? "&" : "?";
    const page: Page<T> = await call<Page<T>>("GET", cursor ? `${path}${joint}cursor=${encodeURIComponent(cursor)}` : path);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return items;
}

// One for all: localeCompare makes another for each pair, 100 ms for a thousand cameras, every few seconds.
const collator = new Intl.Collator("id", { numeric: true, sensitivity: "base" });
const byName = (a: { name: string }, b: { name: string }): number => collator.compare(a.name, b.name);

export function inOrder(cameras: Camera[]): Camera[] {
  return [...cameras].sort((a, b) => byName(a.site, b.site) || byName(a, b));
}

/** In the order of their numbers: a new camera comes last and moves no other. */
export function inNumberOrder(cameras: readonly Camera[]): Camera[] {
  return [...cameras].sort((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity) || (a.id < b.id ? -1 : 1));
}

class Catalogue {
  sites = $state.raw<Site[]>([]);
  cameras = $state.raw<Camera[]>([]);
  loaded = $state(false);
  /** Cameras whose removal can still be undone: shown nowhere. */
  leaving = $state.raw<ReadonlySet<string>>(new Set());
  shown = $derived(this.cameras.filter((camera) => !this.leaving.has(camera.id)));
  byNumber = $derived(new Map(this.shown.map((camera) => [camera.number, camera])));
  byId = $derived(new Map(this.cameras.map((camera) => [camera.id, camera])));
  #watchers = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #loading: Promise<void> | null = null;
  #soon = { id: "", until: 0 };

  constructor() {
    reach.onBack(() => {
      if (this.#watchers) void this.load().catch(() => undefined);
    });
  }

  /** Read both lists again; calls at the same time share one reading. */
  load(): Promise<void> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** Keep fresh while something looks; gives the function that stops it. */
  watch(): () => void {
    this.#watchers++;
    if (this.#watchers === 1) this.#tick(this.loaded ? FRESH_MS : 0);
    return () => {
      this.#watchers--;
      if (this.#watchers === 0) clearTimeout(this.#timer);
    };
  }

  /** What the server just answered about a camera; how it fares is asked soon, and again while it connects. */
  put(camera: Camera): void {
    this.cameras = inOrder([...this.cameras.filter((other) => other.id !== camera.id), camera]);
    this.#soon = { id: camera.id, until: Date.now() + SOON_FOR_MS };
    if (this.#watchers) this.#tick(SOON_MS);
  }

  putSite(site: Site): void {
    this.sites = [...this.sites.filter((other) => other.id !== site.id), site].sort(byName);
  }

  drop(id: string): void {
    this.cameras = this.cameras.filter((camera) => camera.id !== id);
  }

  hide(id: string, hidden: boolean): void {
    const next = new Set(this.leaving);
    if (hidden) next.add(id);
    else next.delete(id);
    this.leaving = next;
  }

  async #read(): Promise<void> {
    const [sites, cameras] = await Promise.all([all<Site>("/api/sites"), all<Camera>("/api/cameras?limit=200")]);
    this.sites = [...sites].sort(byName);
    this.cameras = inOrder(cameras);
    this.loaded = true;
  }

  #tick(wait: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        if (!document.hidden && reach.online) await this.load(); // Else when it is back.
      } catch {
        // Unreachable shows in the banner; the next tick asks again.
      }
      if (this.#watchers) this.#tick(this.#connects() ? SOON_MS : FRESH_MS);
    }, wait);
  }

  #connects(): boolean {
    return Date.now() < this.#soon.until && this.byId.get(this.#soon.id)?.state.condition === "connecting";
  }
}

export const catalogue = new Catalogue();
