// One <video> with one window of footage in it, through hls.js. Between the time of the medium and time of day it goes by
// the playlist's program date-times, as hls.js corrects them by what it really found in the fragments.
import Hls, { type ErrorData, type LevelLoadedData } from "hls.js/light";
import { end, epoch, has, mediaTime, type Piece } from "./times";

/** Where nothing of a window can be shown. */
export class NoFootage extends Error {}

/** The reel was emptied, or got another window, before this one was there. */
export class Superseded extends Error {}

/** How far an element may leap, at most (Chromium: twice the longest frame). */
const LEAP_S = 0.5;

export class Reel {
  readonly video: HTMLVideoElement;
  from = 0;
  to = 0;
  #hls: Hls | null = null;
  #asked = false;
  /** The fragments of the window, once its playlist is known. */
  #pieces: readonly Piece[] | null = null;
  #fail: ((error: Error) => void) | null = null;
  onBroken: () => void = () => undefined;

  constructor(video: HTMLVideoElement) {
    this.video = video;
    this.ready();
  }

  static possible(): boolean {
    return Hls.isSupported();
  }

  /** A fresh player with its MediaSource open, so that a seek does not wait for it. */
  ready(): void {
    this.empty();
    const hls = new Hls({
      enableWorker: false, // Footage is not transmuxed; a worker would only cost its start (and a blob: script).
      autoStartLoad: false,
      startFragPrefetch: true,
      maxBufferLength: 16,
      maxMaxBufferLength: 32,
      backBufferLength: 30,
      nudgeOnVideoHole: false,
      fragLoadPolicy: {
        default: {
          maxTimeToFirstByteMs: 8000,
          maxLoadTimeMs: 20_000,
          timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
          errorRetry: { maxNumRetry: 3, retryDelayMs: 300, maxRetryDelayMs: 2000 },
        },
      },
    });
    hls.on(Hls.Events.ERROR, (_event, data) => hls === this.#hls && this.#error(data));
    hls.attachMedia(this.video);
    this.#hls = hls;
  }

  empty(): void {
    this.#hls?.destroy();
    this.#hls = null;
    this.#asked = false;
    this.#pieces = null;
    this.from = this.to = 0;
    this.#fail?.(new Superseded());
    this.#fail = null;
  }

  /**
   * Load a window and go to `ms` in it; resolves when its playlist is known and the fragment is on its way. Every window
   * has a player of its own: one that was told to start twice can stay without a picture.
   */
  load(url: string, from: number, to: number, ms: number): Promise<void> {
    if (this.#asked || !this.#hls) this.ready();
    const hls = this.#hls;
    if (!hls) return Promise.reject(new Superseded());
    this.#asked = true;
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      hls.once(Hls.Events.LEVEL_LOADED, (_event, data: LevelLoadedData) => {
        if (hls !== this.#hls) return;
        const pieces = data.details.fragments;
        const start = mediaTime(pieces, ms);
        if (start === null) return reject(new NoFootage(url));
        this.#pieces = pieces;
        this.from = from;
        this.to = to;
        hls.startLoad(start);
        this.video.currentTime = start;
        resolve();
      });
      hls.loadSource(url);
    });
  }

  /** Go to an instant of the window in place; false where another load has to. */
  place(ms: number): boolean {
    const pieces = this.#pieces ?? [];
    const to = has(pieces, ms) ? mediaTime(pieces, ms) : null;
    if (to === null || this.#leaps(to)) return false;
    this.video.currentTime = to;
    return true;
  }

  epoch(seconds: number): number | null {
    return epoch(this.#pieces ?? [], seconds);
  }

  end(): number | null {
    return end(this.#pieces ?? []);
  }

  // Where what is buffered begins a little after it, an element takes the first frame there for the one asked for.
  #leaps(to: number): boolean {
    const { buffered } = this.video;
    let leaps = false;
    for (let index = 0; index < buffered.length; index++) {
      if (buffered.start(index) <= to && to < buffered.end(index)) return false;
      leaps ||= buffered.start(index) > to && buffered.start(index) - to < LEAP_S;
    }
    return leaps;
  }

  #error(data: ErrorData): void {
    if (!data.fatal) return;
    const none = data.response?.code === 404 || data.details === Hls.ErrorDetails.LEVEL_EMPTY_ERROR || data.details === Hls.ErrorDetails.MANIFEST_PARSING_ERROR;
    const error = none ? new NoFootage(data.details) : new Error(data.details);
    if (this.#pieces) this.onBroken();
    else this.#fail?.(error);
  }
}
