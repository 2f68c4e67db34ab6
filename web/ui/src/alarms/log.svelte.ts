// The log of alarms as a person narrows it: asked of the server as they type, older ones as they want them, fresh ones
// when the server says that something has changed.
import { call } from "../api/client";
import { words } from "../api/words";
import { news } from "../shell/news";
import { urlOf } from "../shell/router.svelte";
import type { Alarm, Alarms } from "./alarm";

export interface Narrowed {
  q: string;
  state: string;
  priority: string;
  rule: string;
}

const PAGE = 50;
/** Of those that wait more are listed at once: they are to be seen to. */
const PAGE_WAITING = 200;
const TYPING_MS = 200;

export class AlarmLog {
  items = $state.raw<Alarm[]>([]);
  next = $state<string | null>(null);
  loaded = $state(false);
  problem = $state("");
  #asked: Narrowed = { q: "", state: "", priority: "", rule: "" };
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Keep fresh; gives the function that stops it. */
  watch(): () => void {
    const stop = news.on("alarms", () => this.#later(0));
    return () => {
      stop();
      clearTimeout(this.#timer);
    };
  }

  ask(narrowed: Narrowed): void {
    const first = !this.loaded;
    this.#asked = narrowed;
    this.#later(first ? 0 : TYPING_MS);
  }

  async older(): Promise<void> {
    const turn = this.#turn;
    try {
      const page = await this.#page(this.next);
      if (turn !== this.#turn) return;
      const known = new Set(this.items.map((alarm) => alarm.id));
      this.items = [...this.items, ...page.items.filter((alarm) => !known.has(alarm.id))];
      this.next = page.next;
    } catch (error) {
      this.problem = words(error);
    }
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#read(), ms);
  }

  async #read(): Promise<void> {
    const turn = ++this.#turn;
    try {
      const page = await this.#page(null);
      if (turn !== this.#turn) return;
      this.items = page.items;
      this.next = page.next;
      this.problem = "";
      this.loaded = true;
    } catch (error) {
      if (turn === this.#turn) this.problem = words(error);
    }
  }

  #page(cursor: string | null): Promise<Alarms> {
    const { q, state, priority, rule } = this.#asked;
    return call<Alarms>("GET", urlOf("/api/alarms", { q, state, priority, rule, limit: state === "raised" ? PAGE_WAITING : PAGE, cursor }));
  }
}
