// Orders of a hand to a camera, one on its way at a time: the newest replaces what waits, so that a camera never obeys
// what a hand did a second ago. A move is said again while the hand stays, for the server stops a camera that hears no more.
import { isStill, sameSpeed, STILL, type Speed } from "./ptz";

export interface Wire {
  move(speed: Speed): Promise<void>;
  stop(): Promise<void>;
}

export interface OrderHooks {
  /** An order was answered, after so many ms. */
  took(ms: number): void;
  /** It was refused or lost. True: say no more until the hand lets go. */
  failed(error: unknown): boolean;
}

/** The server's dead man waits for 1000 ms. */
const RENEW_MS = 400;
/** Between two changes: a hand cannot tell, and a camera is not flooded. */
const GAP_MS = 90;
/** A stop does not wait longer for the answer to a move. */
const PATIENCE_MS = 250;

export class Orders {
  #wanted: Speed = STILL;
  #sent: Speed = STILL;
  #sentAt = -Infinity;
  #flying = 0;
  /** Something of ours may be moving there. */
  #moving = false;
  #barred = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];

  constructor(
    private readonly wire: Wire,
    private readonly hooks: OrderHooks,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get wanted(): Speed {
    return this.#wanted;
  }

  set(speed: Speed): void {
    if (isStill(speed)) this.#barred = false;
    if (sameSpeed(speed, this.#wanted)) return;
    this.#wanted = speed;
    this.#next();
  }

  /** Stop, and resolve when nothing is on its way any more. */
  async end(): Promise<void> {
    this.set(STILL);
    if (this.#flying || this.#moving) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #next(): void {
    clearTimeout(this.#timer);
    if (isStill(this.#wanted)) return this.#still();
    if (this.#flying || this.#barred) return;
    const gone = this.now() - this.#sentAt;
    const wait = sameSpeed(this.#wanted, this.#sent) && this.#moving ? RENEW_MS - gone : GAP_MS - gone;
    if (wait > 0) this.#timer = setTimeout(() => this.#next(), wait);
    else void this.#say(this.#wanted);
  }

  #still(): void {
    if (!this.#moving && !this.#flying) {
      for (const resolve of this.#waiting.splice(0)) resolve();
    } else if (!this.#flying) void this.#say(STILL);
    // Two that race may arrive in the wrong order; then the server's dead man ends it. An answer that is late may never come.
    else if (!isStill(this.#sent)) this.#timer = setTimeout(() => void this.#say(STILL), PATIENCE_MS);
  }

  async #say(speed: Speed): Promise<void> {
    const at = this.now();
    const stop = isStill(speed);
    // What is only said again reaches no camera: its answer tells nothing of how quickly one obeys.
    const again = this.#moving && sameSpeed(speed, this.#sent);
    [this.#sent, this.#sentAt] = [speed, at];
    this.#flying++;
    try {
      if (stop) this.#moving = false;
      await (stop ? this.wire.stop() : this.wire.move(speed));
      this.#moving ||= !stop;
      if (!again) this.hooks.took(this.now() - at);
    } catch (error) {
      this.#barred = this.hooks.failed(error) && !stop;
      if (!stop && !this.#barred) this.#moving = true;
    }
    this.#flying--;
    this.#next();
  }
}
