// Replay of one stream: seek to an instant, play, step, go on over window ends and gaps. A seek stays in the reel that is
// seen (a copy of the last frame covers it while another window loads); playing on, the other reel gets the next window
// before this one ends, and they change places.
import type { StreamName } from "../api/types";
import type { CoverageBook } from "./coverage.svelte";
import { NoFootage, Reel } from "./reel";
import { Sight } from "./sight";

export type PlayerState = "idle" | "seeking" | "ready" | "gap" | "edge" | "broken";

export interface Skipped {
  from: number;
  to: number;
}

const BEFORE_MS = 4000;
const AFTER_MS = 120_000;
const NEXT_WITHIN_MS = 20_000;
const NEAR_MS = 3000;
const JUMP_MS = 1500;
const EDGE_RETRY_MS = 1500;
export const SPEEDS = [0.5, 1, 2, 4] as const;

export class Player {
  state = $state<PlayerState>("idle");
  /** Capture time of the picture shown, or the instant asked for while none is. */
  at = $state(0);
  playing = $state(false);
  speed = $state(1);
  /** Which of the two reels is seen. */
  front = $state(0);
  /** The copy of the last frame is seen instead. */
  covered = $state(false);
  skipped = $state.raw<Skipped | null>(null);
  /** Of the picture shown, in its own pixels; 0 before the first. */
  size = $state.raw({ width: 0, height: 0 });
  #reels: Reel[] = [];
  #sights: Sight[] = [];
  #shown: number | null = null;
  #token = 0;
  #frameS = 0.04;
  #lastMedia = 0;
  #preparing = 0;
  /** The reel whose next picture brings it to the front. */
  #awaited: { index: number; token: number } | null = null;
  /** The front reel has a window but has shown nothing of it: it cannot be told another place yet. */
  #starting = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #cover: HTMLCanvasElement | null = null;

  constructor(
    private readonly camera: string,
    private readonly stream: StreamName,
    private readonly coverage: CoverageBook,
  ) {}

  /** Capture time of the frame presented last; null when none is. */
  get shownAt(): number | null {
    return this.#shown;
  }

  /** It has its elements. */
  get mounted(): boolean {
    return this.#reels.length === 2;
  }

  /** The two elements and the canvas that covers them, once they are in the page. */
  use(first: HTMLVideoElement, second: HTMLVideoElement, cover: HTMLCanvasElement): void {
    this.#cover = cover;
    this.#reels = [first, second].map((video, index) => {
      const reel = new Reel(video);
      reel.onBroken = () => index === this.front && this.#broken();
      video.onended = () => index === this.front && void this.#ended();
      this.#sights[index] = this.#watch(video, index);
      return reel;
    });
  }

  close(): void {
    this.#token++;
    clearTimeout(this.#timer);
    for (const reel of this.#reels) {
      reel.video.onended = reel.video.onseeked = reel.video.onemptied = null;
      reel.empty();
    }
  }

  /** Show the frame of an instant; in a gap the first one after it, and `skipped` says so. */
  async seek(ms: number): Promise<void> {
    const token = ++this.#token;
    clearTimeout(this.#timer);
    this.#preparing = 0;
    this.#awaited = null;
    this.#sights[this.front]?.asked();
    const front = this.#reels[this.front];
    if (!front) return;
    this.at = ms;
    this.state = "seeking";
    this.#shown = null;
    front.video.pause(); // It plays on from the first picture, so that this is the one asked for.
    if (!this.#starting && front.place(ms)) return;
    const nothing = this.coverage.knows(ms) ? !this.coverage.isRecorded(ms) : ms < this.coverage.registered;
    if (nothing) return this.#overGap(ms, token);
    try {
      await this.#load(ms);
    } catch (error) {
      if (token !== this.#token) return;
      if (error instanceof NoFootage) await this.#overGap(ms, token);
      else this.#broken();
    }
  }

  play(): void {
    this.playing = true;
    if (this.state === "edge") void this.seek(this.at);
    else if (this.state === "ready") this.#reels[this.front]?.video.play().catch(() => undefined); // While it seeks: the picture plays on.
  }

  pause(): void {
    this.playing = false;
    this.#reels[this.front]?.video.pause();
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    for (const reel of this.#reels) reel.video.playbackRate = speed;
  }

  /** J and L: slower and faster while it plays; at rest L plays, and J goes back ten seconds (and at 1x while playing). */
  shuttle(direction: 1 | -1): void {
    const index = SPEEDS.findIndex((speed) => speed === this.speed);
    if (direction === 1 && !this.playing) this.play();
    else if (direction === 1) this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, index + 1)] ?? 1);
    else if (this.playing && this.speed > 1) this.setSpeed(SPEEDS[index - 1] ?? 1);
    else void this.seek(this.at - 10_000);
  }

  /** One frame on or back; pauses. */
  step(direction: 1 | -1): void {
    this.pause();
    const reel = this.#reels[this.front];
    if (!reel || this.state !== "ready") return;
    const target = reel.epoch(this.#lastMedia + this.#frameS * (direction === 1 ? 1.5 : -0.5));
    if (target !== null) void this.seek(target);
  }

  current(): HTMLVideoElement | undefined {
    return this.#reels[this.front]?.video;
  }

  #url(from: number, to: number): string {
    const iso = (value: number): string => new Date(value).toISOString();
    return `/api/cameras/${this.camera}/playlist.m3u8?from=${iso(from)}&to=${iso(to)}&stream=${this.stream}`;
  }

  async #load(ms: number): Promise<void> {
    const reel = this.#reels[this.front];
    if (!reel) return;
    const from = Math.floor(ms - BEFORE_MS);
    const to = Math.ceil(Math.min(ms + AFTER_MS, Date.now() + 1000));
    if (to - from < 1000) throw new NoFootage("future");
    this.#copy(reel.video);
    this.#starting = true;
    await reel.load(this.#url(from, to), from, to, ms);
  }

  // The last frame stays in sight while the element under it is emptied and filled again.
  #copy(video: HTMLVideoElement): void {
    const cover = this.#cover;
    if (!cover || this.covered || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !video.videoWidth) return;
    cover.width = video.videoWidth;
    cover.height = video.videoHeight;
    cover.getContext("2d")?.drawImage(video, 0, 0);
    this.covered = true;
  }

  #run(reel: Reel): void {
    reel.video.playbackRate = this.speed;
    if (this.playing) reel.video.play().catch(() => undefined);
    else reel.video.pause();
  }

  // Every presented frame of both reels: the truth of `at`, and the moment to bring the back one to the front.
  #watch(video: HTMLVideoElement, index: number): Sight {
    const sight = new Sight(video, (mediaTime) => index === this.front && this.#presented(mediaTime));
    const frame = (_now: number, metadata: VideoFrameCallbackMetadata): void => {
      video.requestVideoFrameCallback(frame);
      const awaited = this.#awaited;
      if (awaited && awaited.index === index && awaited.token === this.#token && index !== this.front) this.#swap(index);
      if (index === this.front && (metadata.width !== this.size.width || metadata.height !== this.size.height)) {
        this.size = { width: metadata.width, height: metadata.height };
      }
      sight.frame(metadata.mediaTime);
    };
    video.requestVideoFrameCallback(frame);
    video.onseeked = () => sight.seeked(this.#frameS);
    video.onemptied = () => sight.emptied();
    return sight;
  }

  #swap(index: number): void {
    const old = this.#reels[this.front];
    this.front = index;
    this.#awaited = null;
    // The one that is seen is the first in the document; the other moves, since a moved element stops.
    if (old) this.#reels[index]?.video.after(old.video);
    old?.empty();
  }

  #presented(mediaTime: number): void {
    const reel = this.#reels[this.front];
    const epoch = reel?.epoch(mediaTime) ?? null;
    if (!reel || epoch === null) return;
    const delta = mediaTime - this.#lastMedia;
    if (this.playing && this.speed === 1 && delta > 0.008 && delta < 0.15) this.#frameS += (delta - this.#frameS) * 0.1;
    this.#lastMedia = mediaTime;
    this.#starting = false;
    const before = this.#shown;
    this.#shown = epoch;
    this.covered = false;
    if (this.state === "seeking") {
      if (epoch - this.at > JUMP_MS) this.skipped = { from: this.at, to: epoch };
      this.state = "ready";
      this.#run(reel);
    } else if (before !== null && this.playing && epoch - before > JUMP_MS) this.skipped = { from: before, to: epoch };
    this.at = epoch;
    if (this.playing) this.#prepareNext(reel);
  }

  // Before a window ends, the back reel gets the next one.
  #prepareNext(reel: Reel): void {
    const end = reel.end();
    if (end === null || this.#preparing || this.#awaited) return;
    const [left, behind] = [end - this.at, Date.now() - end];
    if (left > NEXT_WITHIN_MS * Math.max(1, this.speed)) return;
    // Near now what comes next grows while one waits: late enough to be worth a window, early enough to be there.
    if (behind < NEXT_WITHIN_MS && (left > NEAR_MS * Math.max(1, this.speed) || behind < NEAR_MS)) return;
    const back = this.#reels[1 - this.front];
    if (!back) return;
    this.#preparing = end;
    const token = this.#token;
    void this.coverage.nextFootage(end + 1).then(async (next) => {
      if (next === null || token !== this.#token) return;
      const to = Math.ceil(Math.min(next + AFTER_MS, Date.now() + 1000));
      await back.load(this.#url(next, to), next, to, next).catch(() => undefined);
      if (token === this.#token) back.video.pause();
    });
  }

  async #ended(): Promise<void> {
    const token = this.#token;
    const end = this.#reels[this.front]?.end() ?? this.at;
    const back = this.#reels[1 - this.front];
    if (this.#preparing && back && back.end() !== null && back.end() !== end) {
      this.#preparing = 0;
      this.#awaited = { index: 1 - this.front, token };
      this.#run(back);
      return;
    }
    const next = await this.coverage.nextFootage(end + 1);
    if (token !== this.#token) return;
    if (next === null || Date.now() - next < 500) this.#edge(end);
    else void this.seek(next);
  }

  // Nothing after this yet: wait for more while somebody wants to play.
  #edge(ms: number): void {
    this.state = "edge";
    this.at = ms;
    clearTimeout(this.#timer);
    if (this.playing) this.#timer = setTimeout(() => void this.seek(ms + 1), EDGE_RETRY_MS);
  }

  async #overGap(ms: number, token: number): Promise<void> {
    const next = await this.coverage.nextFootage(ms);
    if (token !== this.#token) return;
    if (next === null || next <= ms) {
      const nearNow = Date.now() - ms < 15_000;
      if (nearNow && this.playing) this.#edge(ms);
      else {
        this.covered = this.covered && nearNow;
        this.state = nearNow ? "edge" : "gap";
      }
      return;
    }
    try {
      await this.#load(next);
    } catch {
      if (token === this.#token) this.#broken();
    }
  }

  #broken(): void {
    this.covered = false;
    this.state = "broken";
    this.playing = false;
  }
}
