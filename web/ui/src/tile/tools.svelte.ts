// What an operator does at one tile beyond choosing its camera: zoom, replay, figures, marks. All of it belongs to the
// camera that is shown; another camera begins without. The wall's keys and the tile's own buttons call it.
import { Hands } from "./hands";
import { panBy, WHOLE, zoomAt, type Zoom } from "./zoom";

const MAIN_STAYS_MS = 3000;
const KEY_FACTOR = 1.35;
const KEY_PAN = 0.15;

const PANS: Record<string, [number, number]> = {
  ArrowLeft: [KEY_PAN, 0],
  ArrowRight: [-KEY_PAN, 0],
  ArrowUp: [0, KEY_PAN],
  ArrowDown: [0, -KEY_PAN],
};

export class TileTools {
  /** The size of the picture shown, in its own pixels; 0 before the first. */
  size = $state.raw({ width: 0, height: 0 });
  /** Somebody else, such as a PTZ mode, has wheel and drag. */
  taken = $state(false);
  readonly hands = new Hands(this);
  /** Zoomed, or just was: the main stream is worth it. A turn of the wheel to and fro must not switch each time. */
  wantsMain = $state(false);
  #zoom = $state.raw<Zoom>(WHOLE);
  #timer: ReturnType<typeof setTimeout> | undefined;

  get zoom(): Zoom {
    return this.#zoom;
  }

  set zoom(zoom: Zoom) {
    this.#zoom = zoom;
    clearTimeout(this.#timer);
    if (zoom.scale > 1) this.wantsMain = true;
    else if (this.wantsMain) this.#timer = setTimeout(() => (this.wantsMain = false), MAIN_STAYS_MS);
  }

  get zoomed(): boolean {
    return this.#zoom.scale > 1;
  }

  get free(): boolean {
    return !this.taken;
  }

  /** Another camera is on the tile, or none. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#zoom = WHOLE;
    this.wantsMain = false;
    this.size = { width: 0, height: 0 };
  }

  sized(width: number, height: number): void {
    if (width && height && (width !== this.size.width || height !== this.size.height)) this.size = { width, height };
  }

  /** A key of the wall that is about this tile's picture; true when it was taken. */
  key(key: string, shift = false): boolean {
    if (this.taken) return false;
    if (key === "+" || key === "=" || key === "-") {
      this.zoom = zoomAt(this.zoom, key === "-" ? 1 / KEY_FACTOR : KEY_FACTOR, 0.5, 0.5, this.hands.box());
      return true;
    }
    const pan = shift && this.zoomed ? PANS[key] : undefined;
    if (!pan) return false;
    this.zoom = panBy(this.zoom, pan[0], pan[1], this.hands.box());
    return true;
  }

  /** Esc: leaves the innermost of what is on; true when there was something. */
  leave(): boolean {
    if (!this.zoomed) return false;
    this.zoom = WHOLE;
    return true;
  }
}
