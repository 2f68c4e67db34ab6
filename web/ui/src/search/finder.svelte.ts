// One search at work: what is found so far, how far it is, what could not be searched. Another one ends it.
import { call, send } from "../api/client";
import type { Page } from "../api/types";
import { words } from "../api/words";
import { inOrder, lines, missingOf, ofHit, ofTold, type Found, type Missing, type MotionLine, type Told } from "./found";
import { motionBody, toldUrl, type Query } from "./query";

const PAGE = 60;
const LONG_MS = 600_000;

export class Finder {
  found = $state.raw<readonly Found[]>([]);
  /** 0 to 1 while it goes on, null before and after. */
  progress = $state<number | null>(null);
  done = $state(false);
  next = $state<string | null>(null);
  missing = $state.raw<Missing | null>(null);
  away = $state(false);
  /** There was more than can be shown. */
  cut = $state(false);
  failure = $state("");
  #query: Query | null = null;
  #stop: AbortController | null = null;

  run(query: Query): void {
    this.end();
    [this.found, this.next, this.missing, this.away, this.cut, this.done, this.failure] = [[], null, null, false, false, false, ""];
    this.#query = query;
    if (!query.go) return;
    this.progress = 0;
    const stop = (this.#stop = new AbortController());
    void (query.what === "motion" ? this.#motion(query, stop.signal) : this.#told(query, stop.signal));
  }

  /** Nobody waits for it any more. */
  end(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.progress = null;
  }

  async more(): Promise<void> {
    if (!this.#query || !this.next || this.progress !== null) return;
    const stop = (this.#stop = new AbortController());
    this.progress = 0;
    await this.#told(this.#query, stop.signal);
  }

  async #told(query: Query, signal: AbortSignal): Promise<void> {
    try {
      const page = await call<Page<Told>>("GET", toldUrl(query, this.next, PAGE), { signal });
      this.found = [...this.found, ...page.items.map(ofTold)];
      this.next = page.next;
      this.#over("");
    } catch (error) {
      if (!signal.aborted) this.#over(words(error));
    }
  }

  async #motion(query: Query, signal: AbortSignal): Promise<void> {
    const told: MotionLine[] = [];
    let ended = false;
    try {
      const response = await send("POST", "/api/search/motion", { body: motionBody(query), signal, timeoutMs: LONG_MS });
      if (!response.body) return;
      for await (const line of lines(response.body)) {
        if (signal.aborted) return;
        if ("end" in line) {
          ended = true;
          this.cut ||= line.cut;
          continue;
        }
        told.push(line);
        this.progress = line.searched / line.of;
        this.away ||= line.away;
        this.cut ||= line.cut;
        this.missing = missingOf(told);
        if (line.hits.length) this.found = inOrder([...this.found, ...line.hits.map((hit) => ofHit(line.camera, hit))]);
      }
      this.#over(ended ? "" : "short");
    } catch (error) {
      if (!signal.aborted) this.#over(words(error));
    }
  }

  #over(failure: string): void {
    this.progress = null;
    this.#stop = null;
    this.failure = failure;
    this.done = true;
  }
}
