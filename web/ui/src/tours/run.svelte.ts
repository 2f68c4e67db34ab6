// A tour that runs: which page is shown now, by the server's clock; pause, step, resume; what comes next is told 3 s
// before, so that its pictures are ready.
import { fromJson, type Layout, type LayoutJson } from "../views/layout";
import { at, shiftTo } from "./schedule";

export interface PageJson {
  name: string;
  view: string | null;
  layout: LayoutJson;
  cameras: (string | null)[];
  dwell_s: number;
}

export interface TourPage extends Omit<PageJson, "layout"> {
  layout: Layout;
}

const WARM_MS = 3000;
const LOOK_MS = 100;

export class TourRun {
  pages = $state.raw<TourPage[]>([]);
  index = $state(0);
  paused = $state(false);
  /** 0 to 1 of the page's time. */
  progress = $state(0);
  now: TourPage | null = $derived(this.pages[this.index] ?? null);
  #text = "";
  #shift = 0;
  #pausedAt = 0;
  #byHand = false;
  #warmed = -1;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly serverNow: () => number,
    private readonly warm: (page: TourPage) => void,
  ) {}

  /** Its pages, as they are now; the same again changes nothing. */
  set(pages: readonly PageJson[]): void {
    const text = JSON.stringify(pages);
    if (text === this.#text) return;
    this.#text = text;
    this.pages = pages.map((page) => ({ ...page, layout: fromJson(page.layout) }));
    this.#warmed = -1;
    this.#look();
  }

  start(): () => void {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#look();
    return () => clearInterval(this.#timer);
  }

  /** From now on as everywhere, whatever was paused or stepped of the tour before. */
  begin(): void {
    this.#byHand = this.paused = false;
    this.#shift = 0;
    this.#look();
  }

  toggle(): void {
    this.#byHand = !this.paused;
    this.#pause(this.#byHand);
  }

  /** Somebody works at what it shows: it waits, and goes on by itself when they are done, unless somebody paused it. */
  hold(held: boolean): void {
    this.#pause(held || this.#byHand);
  }

  step(by: number): void {
    if (this.paused) this.#pausedAt = this.serverNow();
    this.#shift = shiftTo(this.pages, this.serverNow(), this.index + by);
    this.#look();
  }

  #pause(paused: boolean): void {
    if (paused === this.paused) return;
    if (paused) this.#pausedAt = this.serverNow();
    else this.#shift -= this.serverNow() - this.#pausedAt;
    this.paused = paused;
    this.#look();
  }

  #look(): void {
    const moment = at(this.pages, this.paused ? this.#pausedAt : this.serverNow(), this.#shift);
    if (!moment) return;
    if (moment.page !== this.index) this.index = moment.page;
    this.progress = Math.round((moment.sinceMs / (moment.sinceMs + moment.leftMs)) * 200) / 200;
    const next = (moment.page + 1) % this.pages.length;
    if (this.paused || moment.leftMs > WARM_MS || next === moment.page || this.#warmed === next) return;
    this.#warmed = next;
    const page = this.pages[next];
    if (page) this.warm(page);
  }
}
