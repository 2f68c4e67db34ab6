// Walls and their displays as the server has them: what each shows and how it is. Read when a page looks, again when the
// server says that something changed; every change goes through here and can be taken back.
import { call } from "../api/client";
import type { Page } from "../api/types";
import { words } from "../api/words";
import { m } from "../shell/messages";
import { news } from "../shell/news";
import { toasts } from "../shell/toasts.svelte";
import type { LayoutJson } from "../views/layout";
import type { Colour, Kind, Scene } from "./scene";

const EVERY_MS = 5000;
const UNDO_MS = 8000;
const REMOVE_MS = 6000;

export interface Display {
  id: string;
  name: string;
  wall: string;
  scene: Scene;
  earlier: boolean;
  online: boolean;
  seen_at: string | null;
  tiles: number;
  live: number;
  current: boolean | null;
  width: number;
  height: number;
  paired_at: string;
  rev: number;
}

export interface DisplayWall {
  id: string;
  name: string;
  displays: number;
  rev: number;
}

/** What to show, as the API takes it. */
export interface ShowBody {
  kind: Kind;
  subject?: string;
  layout?: LayoutJson;
  cameras?: (string | null)[];
  text?: string;
  colour?: Colour;
  for_s?: number;
}

/** The same with a name for people. */
export interface Wanted {
  name: string;
  body: ShowBody;
}

class DisplayBoard {
  walls = $state.raw<DisplayWall[]>([]);
  all = $state.raw<Display[]>([]);
  loaded = $state(false);
  failed = $state("");
  #leaving = $state.raw<ReadonlySet<string>>(new Set());
  displays = $derived(this.all.filter((display) => !this.#leaving.has(display.id)));
  #waiting = new Map<string, () => void>();
  #loading: Promise<void> | null = null;
  #again = false;

  constructor() {
    addEventListener("pagehide", () => {
      for (const now of [...this.#waiting.values()]) now();
    });
  }

  of(wall: string): Display[] {
    return this.displays.filter((display) => display.wall === wall);
  }

  watch(): () => void {
    const load = (): void => void this.load();
    load();
    const stops = (["displays", "screens", "views", "tours"] as const).map((topic) => news.on(topic, load));
    // Against news that were lost, and for what only time changes: a screen that fell silent, a message that is over.
    const timer = setInterval(() => {
      if (!document.hidden) load();
    }, EVERY_MS);
    return () => {
      clearInterval(timer);
      for (const stop of stops) stop();
    };
  }

  /** Read again; what comes while it is read is read once more. */
  load(): Promise<void> {
    if (this.#loading) this.#again = true;
    this.#loading ??= this.#read().finally(() => {
      this.#loading = null;
      if (this.#again) void this.load();
    });
    return this.#loading;
  }

  async #read(): Promise<void> {
    this.#again = false;
    try {
      const [walls, displays] = await Promise.all([call<Page<DisplayWall>>("GET", "/api/walls"), call<Page<Display>>("GET", "/api/displays?limit=500")]);
      this.walls = walls.items;
      this.all = displays.items;
      this.loaded = true;
      this.failed = "";
    } catch (error) {
      this.failed = words(error);
    }
  }

  async pair(code: string, name: string, wall: { id: string } | { name: string }): Promise<Display> {
    const body = { code, name, ...("id" in wall ? { wall: wall.id } : { new_wall: wall.name }) };
    const made = await call<Display>("POST", "/api/displays", { body });
    await this.load();
    return made;
  }

  async show(display: Display, wanted: Wanted): Promise<void> {
    await this.#tried(async () => {
      const shown = await call<Display>("PUT", `/api/displays/${display.id}/showing`, { body: wanted.body });
      this.#put([shown]);
      toasts.say(m.display_shows({ what: wanted.name, display: display.name }), {
        ms: UNDO_MS,
        action: { label: m.undo(), run: () => void this.takeBack(shown) },
      });
    });
  }

  async showAll(wall: DisplayWall, wanted: Wanted): Promise<void> {
    await this.#tried(async () => {
      const shown = await call<Page<Display>>("PUT", `/api/walls/${wall.id}/showing`, { body: wanted.body });
      this.#put(shown.items);
      // Each as it is now: what somebody else pushes to one of them meanwhile stays.
      const back = (): void => {
        for (const display of shown.items) void this.takeBack(display);
      };
      toasts.say(m.display_shows({ what: wanted.name, display: wall.name }), { ms: UNDO_MS, action: { label: m.undo(), run: back } });
    });
  }

  /** To what it showed before; not where somebody has changed it since it was seen here. */
  async takeBack(display: Display): Promise<void> {
    await this.#tried(async () => this.#put([await call<Display>("DELETE", `/api/displays/${display.id}/showing?rev=${display.rev}`)]));
  }

  async takeBackAll(wall: DisplayWall): Promise<void> {
    await this.#tried(async () => this.#put((await call<Page<Display>>("DELETE", `/api/walls/${wall.id}/showing`)).items));
  }

  async identify(path: string): Promise<void> {
    await this.#tried(() => call("POST", `${path}/identify`));
  }

  async change(display: Display, change: { name?: string; wall?: string }): Promise<void> {
    this.#put([await call<Display>("PATCH", `/api/displays/${display.id}`, { body: { rev: display.rev, ...change } })]);
    await this.load();
  }

  async renameWall(wall: DisplayWall, name: string): Promise<void> {
    await call("PATCH", `/api/walls/${wall.id}`, { body: { name, rev: wall.rev } });
    await this.load();
  }

  async removeWall(wall: DisplayWall): Promise<void> {
    await this.#tried(async () => {
      await call("DELETE", `/api/walls/${wall.id}`);
      await this.load();
      const back = async (): Promise<void> => {
        await this.#tried(() => call("POST", "/api/walls", { body: { name: wall.name } }));
        await this.load();
      };
      toasts.say(m.wall_removed({ wall: wall.name }), { ms: REMOVE_MS, action: { label: m.undo(), run: () => void back() } });
    });
  }

  /** Gone from the page at once, from the server 6 s later, unless somebody takes it back. */
  removeLater(display: Display): void {
    this.#hide(display.id, true);
    const act = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(display.id);
      void this.#tried(() => call("DELETE", `/api/displays/${display.id}`, { keepalive: true })).finally(() => {
        this.#hide(display.id, false);
        void this.load();
      });
      this.all = this.all.filter((other) => other.id !== display.id);
    };
    const timer = setTimeout(act, REMOVE_MS);
    this.#waiting.set(display.id, act);
    const run = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(display.id);
      this.#hide(display.id, false);
    };
    toasts.say(m.display_removed({ display: display.name }), { ms: REMOVE_MS, action: { label: m.undo(), run } });
  }

  async #tried(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
      void this.load();
    }
  }

  #put(changed: readonly Display[]): void {
    const byId = new Map(changed.map((display) => [display.id, display]));
    this.all = this.all.map((display) => byId.get(display.id) ?? display);
  }

  #hide(id: string, hidden: boolean): void {
    const next = new Set(this.#leaving);
    if (hidden) next.add(id);
    else next.delete(id);
    this.#leaving = next;
  }
}

export const board = new DisplayBoard();
