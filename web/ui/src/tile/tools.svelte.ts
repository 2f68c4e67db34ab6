// What an operator does at one tile beyond choosing its camera: zoom, replay, figures, marks. All of it belongs to the
// camera that is shown; another camera begins without. The wall's keys and the tile's own buttons call it.
import type { Camera } from "../api/types";
import { Marking } from "../bookmarks/marking.svelte";
import { catalogue } from "../catalogue/catalogue.svelte";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";
import { BACKS_MS } from "./backs";
import { Hands } from "./hands";
import { nextWish, type Wish } from "./line";
import type { InstantReplay } from "./replay.svelte";
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

/** The tile, as its tools know it. */
export interface Owner {
  readonly camera: string | null;
  /** Now on the server's clock, as well as known; ms since 1970. */
  now(): number;
  /** Capture time of the live picture; null while nobody knows. */
  capturedAt(): number | null;
}

export class TileTools {
  /** Somebody else, such as a PTZ mode, has wheel and drag. */
  taken = $state(false);
  readonly hands = new Hands(this);
  /** Zoomed, or just was: the main stream is worth it. A turn of the wheel to and fro must not switch each time. */
  wantsMain = $state(false);
  /** Which stream the operator wants, whatever its size and its line say. */
  wish = $state<Wish>("auto");
  replay = $state.raw<InstantReplay | null>(null);
  /** Its figures are shown; they stay so whatever camera is on the tile. */
  figures = $state(false);
  readonly marking = new Marking();
  #live = $state.raw({ width: 0, height: 0 });
  #zoom = $state.raw<Zoom>(WHOLE);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #opening = 0;

  constructor(private readonly owner: Owner) {}

  /** Of the picture shown, in its own pixels; 0 before the first. */
  get size(): { width: number; height: number } {
    const replayed = this.replay?.player.size;
    return replayed?.width ? replayed : this.#live;
  }

  /** Of the live picture. */
  get liveSize(): { width: number; height: number } {
    return this.#live;
  }

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

  /** Somebody works at this picture. */
  get busy(): boolean {
    return this.taken || this.zoomed || this.replay !== null || this.marking.at !== null;
  }

  get free(): boolean {
    return !this.taken;
  }

  /** Another camera is on the tile, or none. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#zoom = WHOLE;
    this.wantsMain = false;
    this.wish = "auto";
    this.#live = { width: 0, height: 0 };
    this.marking.close();
    this.live();
  }

  /** The live picture has this size. */
  sized(width: number, height: number): void {
    if (width && height && (width !== this.#live.width || height !== this.#live.height)) this.#live = { width, height };
  }

  /** Replay what was `back` ms ago. */
  async past(back: number = BACKS_MS[0] ?? 10_000): Promise<void> {
    const camera = this.#camera();
    if (!camera) return;
    if (this.replay) return this.replay.go(back);
    const opening = ++this.#opening;
    try {
      const { InstantReplay } = await import("./replay.svelte");
      if (opening === this.#opening && this.owner.camera === camera.id) {
        this.replay = new InstantReplay(camera, back, () => this.owner.now(), () => this.live());
      }
    } catch {
      toasts.say(m.replay_broken(), { kind: "bad" });
    }
  }

  /** Back to live: the live picture was there all the time. */
  live(): void {
    this.#opening++;
    this.replay?.close();
    this.replay = null;
  }

  /** Mark the moment that is seen. */
  mark(): void {
    const camera = this.#camera();
    if (!camera) return;
    const seen = this.replay ? (this.replay.player.shownAt ?? this.replay.player.at) : this.owner.capturedAt();
    this.marking.press(camera, seen ?? this.owner.now());
  }

  /** A key of the wall that is about this tile's picture; true when it was taken. */
  key(key: string, shift = false): boolean {
    if (this.owner.camera === null) return false;
    if (!this.taken && this.#zoomKey(key, shift)) return true;
    if (key === "b" || key === "B") this.mark();
    else if (key === "i" || key === "I") this.figures = !this.figures;
    else if (key === "q" || key === "Q") this.#wishNext();
    else return !this.taken && this.#replayKey(key);
    return true;
  }

  #zoomKey(key: string, shift: boolean): boolean {
    if (key === "+" || key === "=" || key === "-") {
      this.zoom = zoomAt(this.zoom, key === "-" ? 1 / KEY_FACTOR : KEY_FACTOR, 0.5, 0.5, this.hands.box());
      return true;
    }
    const pan = shift && this.zoomed ? PANS[key] : undefined;
    if (pan) this.zoom = panBy(this.zoom, pan[0], pan[1], this.hands.box());
    return pan !== undefined;
  }

  /** Automatic, main whatever it costs, sub; said in words, for the tile may show the same picture for a moment. */
  #wishNext(): void {
    const camera = this.#camera();
    if (!camera?.streams.some((stream) => stream.name === "sub")) {
      toasts.say(m.line_one_stream());
      return;
    }
    this.wish = nextWish(this.wish);
    const words = { auto: m.line_wish_auto, main: m.line_wish_main, sub: m.line_wish_sub };
    toasts.say(words[this.wish]({ camera: camera.name }));
  }

  /** Esc: leaves the innermost of what is on; true when there was something. */
  leave(): boolean {
    if (this.marking.at !== null) this.marking.close();
    else if (this.zoomed) this.zoom = WHOLE;
    else if (this.replay) this.live();
    else return false;
    return true;
  }

  #replayKey(key: string): boolean {
    const replay = this.replay;
    if (key === "p" || key === "P") {
      if (replay) this.live();
      else void this.past();
    } else if (key === "[") {
      if (replay) replay.longer();
      else void this.past();
    } else if (key === "]" && replay) replay.shorter();
    else if (key === " " && replay) replay.player.toggle();
    else if (key === ">" && replay) replay.faster();
    else if (key === "<" && replay) replay.slower();
    else return false;
    return true;
  }

  #camera(): Camera | undefined {
    return this.owner.camera === null ? undefined : catalogue.byId.get(this.owner.camera);
  }
}
