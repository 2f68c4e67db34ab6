// Which presented picture of a <video> answers a seek. While the element says "seeking" a frame can be one of the old
// playback, so it is held and judged when the seek is over: at once where it is right beside the place asked for, else
// when two refreshes brought no other one. A camera of few frames shows a picture far behind its place, and a seek
// within the frame that is seen need not present it anew; neither may stay without an answer.

type Element = Pick<HTMLVideoElement, "seeking" | "currentTime" | "readyState">;

const HAVE_NOTHING = 0;
const HAVE_CURRENT_DATA = 2;

const twoRefreshes = (then: () => void): void => void requestAnimationFrame(() => requestAnimationFrame(then));

export class Sight {
  /** The frame presented last of what is loaded, and how many there have been. */
  #last: number | null = null;
  #count = 0;
  #held = false;

  constructor(
    private readonly video: Element,
    private readonly onpicture: (mediaTime: number) => void,
    private readonly soon: (then: () => void) => void = twoRefreshes,
  ) {}

  /** Something else is loaded: what was seen is no answer any more. */
  emptied(): void {
    this.#last = null;
    this.#held = false;
    this.#count++;
  }

  /** A new place is asked for: a frame held for another one says nothing of it. */
  asked(): void {
    this.#held = false;
  }

  /** The element presented a frame. */
  frame(mediaTime: number): void {
    if (this.video.readyState === HAVE_NOTHING) return; // Late, of what has been taken out.
    this.#last = mediaTime;
    this.#count++;
    this.#held = this.video.seeking;
    if (!this.#held) this.onpicture(mediaTime);
  }

  /** The element's seek is over. */
  seeked(frameS: number): void {
    const last = this.#last;
    if (last === null) return; // Its first frame is still to come.
    const behind = this.video.currentTime - last;
    if (this.#held && behind > -0.001 && behind < frameS * 1.5) return this.#settle(last);
    const count = this.#count;
    this.soon(() => {
      if (count === this.#count && !this.video.seeking && this.video.readyState >= HAVE_CURRENT_DATA) this.#settle(last);
    });
  }

  #settle(mediaTime: number): void {
    this.#held = false;
    this.onpicture(mediaTime);
  }
}
