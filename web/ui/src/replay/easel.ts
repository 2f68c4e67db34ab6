// The canvas of a tile: the picture that was painted last and when it was taken, in its own size, so that it can be saved;
// smaller only where the tile shows less than half of it.
const OWN_WIDTH = 1280;

export class Easel {
  /** Capture time of what is seen, ms since 1970; null before the first. */
  shown: number | null = null;
  #context: CanvasRenderingContext2D | null;

  constructor(
    readonly canvas: HTMLCanvasElement,
    /** The picture has another form: its own size. */
    private readonly onsize: (width: number, height: number) => void,
  ) {
    this.#context = canvas.getContext("2d", { alpha: false });
  }

  /** Paint; the frame is the caller's to close. */
  paint(frame: VideoFrame, at: number): void {
    const { displayWidth: wide, displayHeight: tall } = frame;
    const ratio = globalThis.devicePixelRatio || 1;
    const seen = wide <= OWN_WIDTH ? 1 : Math.max((this.canvas.clientWidth * ratio) / wide, (this.canvas.clientHeight * ratio) / tall) || 1;
    const share = seen > 0.5 ? 1 : seen;
    const [width, height] = [Math.max(1, Math.round(wide * share)), Math.max(1, Math.round(tall * share))];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.onsize(wide, tall);
    }
    this.#context?.drawImage(frame, 0, 0, width, height);
    this.shown = at;
  }

  forget(): void {
    this.shown = null;
  }
}
