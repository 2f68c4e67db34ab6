// One <video> with one window of footage in it, through hls.js. Between the time of the medium (seconds from the window's
// start, gaps left out) and time of day it goes by the playlist's program date-times, as hls.js corrects them by what it
// really found in the fragments.
import Hls, { type ErrorData, type LevelDetails, type LevelLoadedData } from "hls.js/light";

/** Where nothing of a window can be shown. */
export class NoFootage extends Error {}

// Half a millisecond into the frame, so that rounding never gives the one before.
const INTO_FRAME_S = 0.0005;

export class Reel {
  readonly video: HTMLVideoElement;
  from = 0;
  to = 0;
  #hls: Hls | null = null;
  #details: LevelDetails | null = null;
  #fatal: ((error: Error) => void) | null = null;
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
    this.#hls = new Hls({
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
    this.#hls.on(Hls.Events.ERROR, (_event, data) => this.#error(data));
    this.#hls.attachMedia(this.video);
  }

  empty(): void {
    this.#hls?.destroy();
    this.#hls = null;
    this.#details = null;
    this.from = this.to = 0;
  }

  /** Load a window and go to `ms` in it; resolves when its playlist is known and the fragment is on its way. */
  load(url: string, from: number, to: number, ms: number): Promise<void> {
    if (this.#details || !this.#hls) this.ready();
    const hls = this.#hls;
    if (!hls) return Promise.reject(new NoFootage(url));
    return new Promise((resolve, reject) => {
      this.#fatal = reject;
      hls.once(Hls.Events.LEVEL_LOADED, (_event, data: LevelLoadedData) => {
        if (data.details.fragments.length === 0) return reject(new NoFootage(url));
        this.#details = data.details;
        this.from = from;
        this.to = to;
        const start = this.mediaTime(ms) ?? 0;
        hls.startLoad(start);
        this.video.currentTime = start;
        resolve();
      });
      hls.loadSource(url);
    });
  }

  /** Time of the medium for an instant: in its fragment, or the start of the next one when it lies in a gap. */
  mediaTime(ms: number): number | null {
    for (const fragment of this.#details?.fragments ?? []) {
      const begins = fragment.programDateTime;
      if (begins === null) continue;
      if (ms < begins + fragment.duration * 1000) return fragment.start + Math.max(0, (ms - begins) / 1000) + INTO_FRAME_S;
    }
    return null;
  }

  /** The instant of a time of the medium. */
  epoch(seconds: number): number | null {
    let found: number | null = null;
    for (const fragment of this.#details?.fragments ?? []) {
      if (fragment.programDateTime === null) continue;
      if (fragment.start > seconds + 0.001 && found !== null) break;
      found = fragment.programDateTime + (seconds - fragment.start) * 1000;
    }
    return found;
  }

  /** The window holds footage of this very instant. */
  has(ms: number): boolean {
    return (this.#details?.fragments ?? []).some(
      (fragment) => fragment.programDateTime !== null && fragment.programDateTime <= ms && ms < fragment.programDateTime + fragment.duration * 1000,
    );
  }

  /** End of the last footage in the window, or null when nothing is loaded. */
  end(): number | null {
    const last = this.#details?.fragments.at(-1);
    return last?.programDateTime == null ? null : last.programDateTime + last.duration * 1000;
  }

  #error(data: ErrorData): void {
    if (!data.fatal) return;
    const none = data.response?.code === 404 || data.details === Hls.ErrorDetails.LEVEL_EMPTY_ERROR || data.details === Hls.ErrorDetails.MANIFEST_PARSING_ERROR;
    const error = none ? new NoFootage(data.details) : new Error(data.details);
    if (this.#details) this.onBroken();
    else this.#fatal?.(error);
  }
}
