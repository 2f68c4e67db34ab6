// What has changed, told by the server at once: one WebSocket for the whole page while anybody listens. A topic is a
// word; who listens asks the API then. After every break all topics are told, for something may have been missed.
import { reach } from "./reach.svelte";

export type Topic = "alarms" | "rules" | "bookmarks" | "cases" | "views" | "tours" | "displays" | "screens" | "ptz" | "presets" | "people";

const SILENT_MS = 25_000;
const STEPS_MS = [500, 1000, 2000, 5000];
const SIGNED_OUT = 4401;

class News {
  #listeners = new Map<Topic, Set<() => void>>();
  #socket: WebSocket | null = null;
  #tries = 0;
  #heard = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor() {
    reach.onBack(() => {
      if (!this.up) this.#close(); // What was begun while nobody was there may hang for long.
      this.#open();
    });
  }

  /** Call `act` at each change of the topic, and once the line is there; gives the function that stops it. */
  on(topic: Topic, act: () => void): () => void {
    const acts = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, acts.add(act));
    this.#open();
    return () => {
      acts.delete(act);
      if ([...this.#listeners.values()].every((left) => left.size === 0)) this.#close();
    };
  }

  /** Whether the line is there: who listens need not ask by itself. */
  get up(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  #tell(topics: readonly string[]): void {
    for (const topic of topics) for (const act of this.#listeners.get(topic as Topic) ?? []) act();
  }

  #open(): void {
    clearTimeout(this.#retry);
    if (this.#socket || !reach.online || ![...this.#listeners.values()].some((acts) => acts.size)) return;
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/news`);
    this.#socket = socket;
    this.#heard = Date.now();
    socket.onopen = () => {
      this.#tries = 0;
      this.#tell([...this.#listeners.keys()]);
    };
    socket.onmessage = (event) => {
      this.#heard = Date.now();
      this.#tell((JSON.parse(String(event.data)) as { topics: string[] }).topics);
    };
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      this.#close();
      if (event.code !== SIGNED_OUT) this.#later();
    };
    clearInterval(this.#watch);
    this.#watch = setInterval(() => {
      if (Date.now() - this.#heard < SILENT_MS) return;
      this.#close(); // a line that is cut says no end of it for minutes
      this.#later();
    }, 5000);
  }

  #later(): void {
    const wait = STEPS_MS[Math.min(this.#tries++, STEPS_MS.length - 1)] ?? 5000;
    this.#retry = setTimeout(() => this.#open(), wait);
  }

  #close(): void {
    clearInterval(this.#watch);
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}

export const news = new News();
