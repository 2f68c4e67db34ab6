// The one clock of a replay: which instant is shown now, at which speed, and whether it goes. Pure: `now` (ms of any
// steady clock) is given to it. Held, it stands though it plays: until the pictures of a new place are there.
export interface Bounds {
  /** Never before this, never at or after that; ms since 1970. */
  first: number;
  last: number;
}

export class ReplayClock {
  rate = 1;
  playing = false;
  held = false;
  #at: number;
  #since: number;

  constructor(at: number, now: number) {
    this.#at = at;
    this.#since = now;
  }

  at(now: number, bounds?: Bounds): number {
    const goes = this.playing && !this.held;
    const at = goes ? this.#at + (now - this.#since) * this.rate : this.#at;
    return bounds ? Math.max(bounds.first, Math.min(bounds.last, at)) : at;
  }

  /** Another instant, at once. */
  seek(at: number, now: number): void {
    this.#at = at;
    this.#since = now;
  }

  /** Each change keeps the instant that is shown. */
  play(now: number): void {
    this.#keep(now);
    this.playing = true;
  }

  pause(now: number): void {
    this.#keep(now);
    this.playing = false;
  }

  setRate(rate: number, now: number): void {
    this.#keep(now);
    this.rate = rate;
  }

  hold(held: boolean, now: number): void {
    if (held === this.held) return;
    this.#keep(now);
    this.held = held;
  }

  #keep(now: number): void {
    this.#at = this.at(now);
    this.#since = now;
  }
}
