// A replay of several cameras: the clock, and the tiles that follow it at every refresh of the screen. After a seek the
// clock waits a moment for the first pictures, then goes, whoever is late; at now it goes on at the speed of now. Where no
// camera has footage it goes on where the next one has.
import type { Camera, StreamName } from "../api/types";
import { ReplayClock } from "./clock";
import { onKeys, shuttle, next } from "./speeds";
import { ReplayTile } from "./tile.svelte";

/** The end of a recording is on its way to the disk, and no group is shown before it is whole. */
const EDGE_MS = 4000;
const HOLD_MS = 900;
const SAID_MS = 100;
const EMPTY_MS = 700;

export interface Leap {
  from: number;
  to: number;
}

export class ReplayDeck {
  /** For the page: the clock's instant, ten times a second. */
  at = $state(0);
  rate = $state(1);
  playing = $state(false);
  /** As far as there can be footage. */
  atEdge = $state(false);
  leapt = $state.raw<Leap | null>(null);
  tiles = $state.raw<readonly (ReplayTile | null)[]>([]);
  #clock: ReplayClock;
  #frame = 0;
  #saidAt = 0;
  #heldAt = 0;
  #emptySince = 0;
  #seeking = 0;
  #stepping = false;

  constructor(
    at: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#clock = new ReplayClock(at, now());
    this.at = at;
  }

  /** Begin; gives the function that ends it. */
  start(): () => void {
    const step = (): void => {
      this.#frame = requestAnimationFrame(step);
      this.#tick();
    };
    this.#frame = requestAnimationFrame(step);
    return () => {
      cancelAnimationFrame(this.#frame);
      for (const tile of this.tiles) tile?.close();
      this.tiles = [];
    };
  }

  /** These cameras, in this order; those that stay go on as they are. */
  show(wanted: readonly ({ camera: Camera; stream: StreamName } | null)[]): void {
    const left = new Map(this.tiles.flatMap((tile) => (tile ? [[`${tile.camera.id}/${tile.stream}`, tile]] : [])));
    this.tiles = wanted.map((one) => {
      if (!one) return null;
      const key = `${one.camera.id}/${one.stream}`;
      const known = left.get(key);
      left.delete(key);
      return known ?? new ReplayTile(one.camera, one.stream);
    });
    for (const tile of left.values()) tile.close();
  }

  /** The very instant of the clock. */
  instant(): number {
    return this.#clock.at(this.now(), this.#bounds());
  }

  seek(ms: number): void {
    const at = this.#within(ms);
    this.#seeking++;
    this.#clock.hold(true, this.now());
    this.#clock.seek(at, this.now());
    this.#heldAt = this.now();
    this.#emptySince = 0;
    this.at = at;
    for (const tile of this.tiles) tile?.seek(at);
  }

  play(): void {
    this.#anchor();
    this.#clock.play(this.now());
    this.playing = true;
  }

  pause(): void {
    const fast = this.playing && onKeys(this.rate);
    this.#anchor();
    this.#clock.pause(this.now());
    this.playing = false;
    if (fast) this.seek(this.instant());
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  setRate(rate: number): void {
    this.#anchor();
    this.#clock.setRate(rate, this.now());
    this.rate = rate;
  }

  /** J and L. */
  shuttle(way: 1 | -1): void {
    this.setRate(shuttle(this.rate, this.playing, way));
    this.play();
  }

  /** The next speed of all, up or down. */
  faster(step: 1 | -1): void {
    this.setRate(next(this.rate, step));
  }

  /** One picture on or back, as the given tile has them; pauses. */
  async step(way: 1 | -1, tile: ReplayTile | null | undefined): Promise<void> {
    this.pause();
    const one = tile ?? this.tiles.find((other) => other?.state === "showing");
    if (!one || this.#stepping) return;
    this.#stepping = true;
    const seeking = this.#seeking;
    try {
      const to = await one.beside(this.instant(), way);
      if (to !== null && seeking === this.#seeking) this.seek(to + 0.3);
    } catch {
      // Not fetched: the tile says so itself when it is asked for it.
    } finally {
      this.#stepping = false;
    }
  }

  #tick(): void {
    const [now, at] = [this.now(), this.instant()];
    const fast = this.playing && onKeys(this.rate);
    const rate = this.playing ? this.rate : 0;
    for (const tile of this.tiles) tile?.tick(at, rate, fast);
    const shown = this.tiles.filter((tile) => tile !== null);
    if (this.#clock.held && (now - this.#heldAt > HOLD_MS || shown.every((tile) => tile.settled(at)))) this.#clock.hold(false, now);
    this.#atBounds(at);
    if (this.playing && shown.length && shown.every((tile) => tile.state === "gap")) this.#empty(at, now);
    else this.#emptySince = 0;
    if (now - this.#saidAt < SAID_MS) return;
    this.#saidAt = now;
    this.at = at;
  }

  #atBounds(at: number): void {
    const { first, last } = this.#bounds();
    this.atEdge = at >= last - 50;
    if (this.playing && this.rate > 1 && at >= last) this.setRate(1);
    if (this.playing && this.rate < 0 && at <= first) this.pause();
  }

  // Nobody has footage here: on where somebody has.
  #empty(at: number, now: number): void {
    if (!this.#emptySince) this.#emptySince = now;
    if (this.rate < 0 || now - this.#emptySince < EMPTY_MS || this.#stepping) return;
    this.#stepping = true;
    const seeking = this.#seeking;
    const found = this.tiles.map((tile) => tile?.coverage.nextFootage(at) ?? Promise.resolve(null));
    void Promise.all(found)
      .then((all) => {
        const to = Math.min(...all.filter((one) => one !== null));
        this.#emptySince = this.now() + 5000; // Not again at once, where there is none.
        if (seeking !== this.#seeking || !Number.isFinite(to) || to - this.instant() < 1000 || to > this.#bounds().last) return;
        this.leapt = { from: at, to };
        this.seek(to);
      })
      .finally(() => (this.#stepping = false));
  }

  // A clock that stood at a bound goes on from there.
  #anchor(): void {
    this.#clock.seek(this.instant(), this.now());
  }

  #within(ms: number): number {
    const { first, last } = this.#bounds();
    return Math.max(first, Math.min(last, ms));
  }

  #bounds(): { first: number; last: number } {
    const registered = this.tiles.flatMap((tile) => (tile ? [tile.coverage.registered] : []));
    return { first: registered.length ? Math.min(...registered) : 0, last: Date.now() - EDGE_MS };
  }
}
