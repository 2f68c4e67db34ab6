// Instant replay of one camera inside its tile, through the recordings' own player; the live picture goes on underneath.
// Loaded when it is first wanted: hls.js is no part of the wall's own code.
import type { Camera, StreamName } from "../api/types";
import { CoverageBook } from "../recordings/coverage.svelte";
import { Player, SPEEDS } from "../recordings/player.svelte";
import { longer, shorter } from "./backs";

const AROUND_MS = 600_000;
/** So near to now there is nothing to replay: it is live. */
const CAUGHT_UP_MS = 6000;
const KNOWN_WITHIN_MS = 300;

/** What is recorded, the larger stream first. */
function recordedStream(camera: Camera): StreamName {
  const kept = camera.streams.filter((stream) => stream.record !== "off").map((stream) => stream.name);
  return kept.includes("main") || kept.length === 0 ? "main" : "sub";
}

export class InstantReplay {
  readonly book: CoverageBook;
  readonly player: Player;
  readonly stream: StreamName;
  /** The step of the ladder it was asked for. */
  back = $state(0);
  /** ms behind now, renewed each second. */
  lag = $state(0);
  #asked = 0;
  #clock: ReturnType<typeof setInterval>;

  constructor(
    camera: Camera,
    back: number,
    private readonly now: () => number,
    private readonly onlive: () => void,
  ) {
    this.stream = recordedStream(camera);
    this.book = new CoverageBook(camera.id, this.stream, Date.parse(camera.registered_at) || 0);
    this.player = new Player(camera.id, this.stream, this.book);
    this.back = back;
    this.lag = back;
    this.#clock = setInterval(() => (this.lag = Math.max(0, this.now() - this.player.at)), 500);
  }

  /** Its elements are in the page. */
  use(first: HTMLVideoElement, second: HTMLVideoElement, cover: HTMLCanvasElement): void {
    this.player.use(first, second, cover);
    this.go(this.back);
  }

  close(): void {
    this.#asked++;
    clearInterval(this.#clock);
    this.player.close();
  }

  /** To so many ms before now, playing. */
  go(back: number): void {
    this.back = back;
    const at = this.now() - back;
    this.player.playing = true;
    this.player.at = at;
    this.lag = back;
    // What is recorded is asked first, so that no playlist is of a time that has none; a slow answer keeps nobody.
    const known = this.book.want(at - AROUND_MS, at + AROUND_MS);
    const slow = new Promise((resolve) => setTimeout(resolve, KNOWN_WITHIN_MS));
    const asked = ++this.#asked;
    void Promise.race([known, slow]).then(() => {
      if (asked === this.#asked) void this.player.seek(at);
    });
  }

  longer(): void {
    this.go(longer(this.back));
  }

  shorter(): void {
    const next = shorter(this.back);
    if (next === null) this.onlive();
    else this.go(next);
  }

  /** The next speed, and from the greatest to the least. */
  faster(): void {
    const index = SPEEDS.findIndex((speed) => speed === this.player.speed);
    this.player.setSpeed(SPEEDS[(index + 1) % SPEEDS.length] ?? 1);
  }

  /** The speed before; the least stays. */
  slower(): void {
    const index = SPEEDS.findIndex((speed) => speed === this.player.speed);
    this.player.setSpeed(SPEEDS[Math.max(0, index - 1)] ?? 1);
  }

  /** Nothing more to play: where it has caught up with now, that is live. */
  ended(): void {
    if (this.now() - this.player.at < CAUGHT_UP_MS) this.onlive();
  }
}
