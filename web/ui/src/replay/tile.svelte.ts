// One camera of a replay: it follows the clock by itself, waits for nobody and makes nobody wait. What it shows is the
// newest picture of the clock's instant, or why there is none.
import type { Camera, StreamName } from "../api/types";
import { CoverageBook } from "../recordings/coverage.svelte";
import { Easel } from "./easel";
import { GopBook } from "./gopbook";
import { KeyBook } from "./keybook";
import { KeyStrip } from "./keystrip";
import { Media, timesOf } from "./media";
import { indexAt, type Gop } from "./playlist";
import { Strip } from "./strip";

export type ReplayTileState = "waiting" | "showing" | "gap" | "cannot" | "broken" | "forbidden";

const COVERAGE_MS = 2500;
const AROUND_MS = 1800_000;
/** So near to now footage may still be on its way. */
const FRESH_MS = 12_000;
const KEEP_MS = 20_000;

export class ReplayTile {
  state = $state<ReplayTileState>("waiting");
  /** The codec this browser does not decode. */
  codec = $state("");
  /** What is waited for does not come: where it lies does not answer. */
  away = $state(false);
  /** Of the picture, in its own pixels. */
  size = $state.raw({ width: 0, height: 0 });
  readonly coverage: CoverageBook;
  readonly book: GopBook;
  #media = new Media();
  #keys: KeyBook;
  #strip: Strip | null = null;
  #keyStrip: KeyStrip | null = null;
  #easel: Easel | null = null;
  #fast = false;
  #asked = -Infinity;

  constructor(
    readonly camera: Camera,
    readonly stream: StreamName,
  ) {
    this.coverage = new CoverageBook(camera.id, stream, Date.parse(camera.registered_at) || 0);
    this.book = new GopBook(camera.id, stream);
    this.#keys = new KeyBook(camera.id, stream);
  }

  /** Capture time of the picture that is seen; null while none of the asked place is. */
  get shown(): number | null {
    if (this.state !== "showing" || (!this.#fast && this.#strip?.landing)) return null;
    return this.#easel?.shown ?? null;
  }

  get canvas(): HTMLCanvasElement | null {
    return this.#easel?.canvas ?? null;
  }

  use(canvas: HTMLCanvasElement): void {
    this.#strip?.close();
    this.#keyStrip?.close();
    this.#easel = new Easel(canvas, (width, height) => (this.size = { width, height }));
    this.#strip = new Strip(this.book, this.#media, this.#easel);
    this.#keyStrip = new KeyStrip(this.#easel);
  }

  close(): void {
    this.#strip?.close();
    this.#keyStrip?.close();
    this.#keys.close();
    this.#media.close();
  }

  /** Somebody wants it tried once more. */
  again(): void {
    this.#strip?.restart();
    this.#strip?.forgive();
    this.#keyStrip?.restart();
  }

  /** Another instant is asked for. */
  seek(ms: number): void {
    this.#strip?.seek(ms);
    this.#keyStrip?.restart();
    this.#media.keep(ms, KEEP_MS, KEEP_MS);
    this.#asked = -Infinity;
    this.#cover(ms);
  }

  /** The clock says `ms` and goes at `rate` (0: not at all), on key frames where `fast`. */
  tick(ms: number, rate: number, fast: boolean): void {
    if (!this.#strip || !this.#keyStrip) return;
    if (fast !== this.#fast) {
      this.#fast = fast;
      this.#strip.restart();
      this.#keyStrip.restart();
    }
    if (fast) this.#tickKeys(ms, rate, this.#keyStrip);
    else this.#tickAll(ms, rate, this.#strip);
    if (this.state === "gap" || this.state === "waiting") this.#cover(ms);
  }

  /** What there is to see of that instant is seen, or said. */
  settled(ms: number): boolean {
    if (this.state === "waiting") return false;
    if (this.state !== "showing") return true;
    return this.#fast ? this.#keyStrip?.seen === this.#keys.at(ms) : this.#strip?.current(ms) === true;
  }

  /** When the picture after or before the one that is seen was taken; null where there is none. */
  async beside(ms: number, way: 1 | -1): Promise<number | null> {
    const here = this.shown ?? ms;
    let gop = this.book.at(here);
    for (let count = 0; gop && count < 3; count++) {
      const times = timesOf(await this.#media.load(gop));
      const found = way === 1 ? times.find((time) => time > here + 1) : times.findLast((time) => time < here - 1);
      if (found !== undefined) return found;
      await this.book.read(way === 1 ? gop.to + 1 : gop.from - 1000);
      gop = this.book.beside(gop, way);
    }
    return null;
  }

  #tickAll(ms: number, rate: number, strip: Strip): void {
    this.book.want(ms);
    this.book.want(ms + 8000 * Math.max(1, rate));
    const gop = this.book.at(ms);
    if (gop) {
      strip.follow(gop, ms, rate);
      this.#say(strip.cannot, strip.broken(gop), !strip.landing);
      this.away = this.#media.failed(gop);
      this.#media.keep(ms, KEEP_MS / 2, KEEP_MS * Math.max(1, rate));
      return;
    }
    const next = this.#after(ms);
    if (next) strip.prepare(next, ms, rate);
    this.#nothing(ms, this.book.knows(ms));
    this.away = this.book.failed;
    if (this.book.forbidden) this.state = "forbidden";
  }

  #tickKeys(ms: number, rate: number, strip: KeyStrip): void {
    this.#keys.want(ms, rate);
    this.away = this.#keys.failed;
    const key = this.#keys.at(ms);
    if (!key) return this.#nothing(ms, this.#keys.knows(ms));
    strip.follow(key);
    this.#say(strip.cannot, strip.broken(key), strip.seen !== null);
  }

  #say(cannot: string, broken: boolean, seen: boolean): void {
    this.codec = cannot;
    this.state = cannot ? "cannot" : broken ? "broken" : seen ? "showing" : "waiting";
  }

  #nothing(ms: number, known: boolean): void {
    this.state = known && Date.now() - ms > FRESH_MS ? "gap" : known && this.coverage.gapAt(ms) ? "gap" : "waiting";
  }

  #after(ms: number): Gop | undefined {
    return this.book.gops[indexAt(this.book.gops, ms) + 1];
  }

  #cover(ms: number): void {
    const now = performance.now();
    if (now - this.#asked < COVERAGE_MS) return;
    this.#asked = now;
    void this.coverage.want(ms - AROUND_MS, ms + AROUND_MS);
  }
}
