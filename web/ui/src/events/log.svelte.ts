// Events as the server has them: how many go on while the wall is looked at, and, while the drawer is open, which, and
// those that are over. Read again every few seconds; older ones as somebody asks for them.
import { call } from "../api/client";
import type { Events, Severity, VmsEvent } from "../api/types";
import { reach } from "../shell/reach.svelte";

const FRESH_MS = 5000;
const OPEN_MAX = 200;
const PAGE = 50;

const PICTURE = ["picture_black", "picture_blurred", "picture_covered", "picture_moved", "picture_frozen"];
const kinds = (name: string, of: readonly string[]): string => of.map((kind) => `&${name}=${kind}`).join("");

/** Which events the drawer shows. Motion comes and goes all day: it is there when asked for. */
export const CHOICES = {
  usual: kinds("without", ["motion"]),
  all: "",
  motion: kinds("kind", ["motion"]),
  picture: kinds("kind", PICTURE),
  camera: kinds("kind", ["camera_down"]),
  system: kinds("without", ["motion", "camera_down", ...PICTURE]),
} as const;
export type Choice = keyof typeof CHOICES;

class EventLog {
  choice = $state<Choice>("usual");
  open = $state.raw<Record<Severity, number>>({ notice: 0, warning: 0, alarm: 0 });
  /** What wants a person sooner or later. */
  pressing = $derived(this.open.warning + this.open.alarm);
  current = $state.raw<VmsEvent[]>([]);
  over = $state.raw<VmsEvent[]>([]);
  loaded = $state(false);
  failed = $state(false);
  next = $state<string | null>(null);
  #watchers = 0;
  #readers = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    reach.onBack(() => {
      if (this.#watchers) this.#tick(0);
    });
  }

  /** Keep the counts fresh while something looks; gives the function that stops it. */
  watch(): () => void {
    this.#watchers++;
    if (this.#watchers === 1) this.#tick(0);
    return () => {
      this.#watchers--;
      if (this.#watchers === 0) clearTimeout(this.#timer);
    };
  }

  /** Keep the lists fresh too. */
  read(): () => void {
    this.#readers++;
    this.#tick(0);
    return () => {
      this.#readers--;
    };
  }

  /** Show these instead. */
  show(choice: Choice): void {
    this.choice = choice;
    this.loaded = false;
    this.over = [];
    this.#tick(0);
  }

  /** Those before the oldest that is shown. */
  async older(): Promise<void> {
    if (!this.next) return;
    try {
      const page = await call<Events>("GET", `/api/events?open=false&limit=${PAGE}${CHOICES[this.choice]}&cursor=${encodeURIComponent(this.next)}`);
      this.over = merged(this.over, page.items);
      this.next = page.next;
      this.failed = false;
    } catch {
      this.failed = true;
    }
  }

  async #load(): Promise<void> {
    const choice = this.choice;
    const open = await call<Events>("GET", `/api/events?open=true&limit=${this.#readers ? OPEN_MAX : 1}${CHOICES[choice]}`);
    this.open = open.open;
    if (!this.#readers) return;
    const recent = await call<Events>("GET", `/api/events?open=false&limit=${PAGE}${CHOICES[choice]}`);
    if (choice !== this.choice) return; // asked for others meanwhile
    this.current = open.items;
    const meets = recent.items.some((event) => this.over.some((known) => known.id === event.id));
    if (!this.loaded || !meets) {
      this.over = recent.items;
      this.next = recent.next;
    } else this.over = merged(recent.items, this.over);
    const going = new Set(open.items.map((event) => event.id)); // an event can go on again
    this.over = this.over.filter((event) => !going.has(event.id));
    this.loaded = true;
  }

  #tick(wait: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        if (!document.hidden) await this.#load();
        this.failed = false;
      } catch {
        this.failed = true;
      }
      if (this.#watchers) this.#tick(FRESH_MS);
    }, wait);
  }
}

/** Newest first, each once, the first given version of each. */
function merged(first: readonly VmsEvent[], second: readonly VmsEvent[]): VmsEvent[] {
  const known = new Set(first.map((event) => event.id));
  const all = [...first, ...second.filter((event) => !known.has(event.id))];
  return all.sort((a, b) => Date.parse(b.start) - Date.parse(a.start));
}

export const eventLog = new EventLog();
