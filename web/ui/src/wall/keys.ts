// Keys of the wall: digits gather a camera's number until Enter, g and a number picks a grid, the rest are single keys.
// Pure but for the clock of the pause after "g 1"; acts through what it is given.
import { GRIDS } from "../views/layout";

export interface KeyActs {
  step(key: string): void;
  /** The chosen tile's camera changes places with the one that way. */
  carry(key: string): void;
  camera(number: number): void;
  grid(grid: string): void;
  draw(): void;
  fill(): void;
  leave(): void;
  recordings(): void;
  /** All cameras of the wall, a little back. */
  replay(): void;
  snapshot(): void;
  fullscreen(): void;
  help(): void;
  drawer(): void;
  views(): void;
  keepView(): void;
  events(): void;
  map(): void;
  clear(): void;
  clearAll(): void;
  tour(): void;
  push(): void;
  ptz(): void;
  pad(): void;
  /** What is being typed: "12" or "g1"; "" when nothing is. */
  typing(text: string): void;
}

/** Keys that go on while they are held; all others act once a press: a held S is one picture and not thirty a second. */
const GOES_ON = /^(Arrow.*|Page.*|Tab|Backspace|[-+=[\],.])$/;

/** Whether a key that was pressed, or is held (`repeat`), means something. */
export const counts = (event: Pick<KeyboardEvent, "key" | "repeat">): boolean => !event.repeat || GOES_ON.test(event.key);

/** A letter as Shift says, whatever Caps Lock does: a wall must not lose its keys by a key beside Tab. */
const letter = (key: string, shift: boolean): string => (/^[a-z]$/i.test(key) ? (shift ? key.toUpperCase() : key.toLowerCase()) : key);

const PAUSE_MS = 700;
const FORGET_MS = 4000;

export class WallKeys {
  #typed = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly acts: KeyActs) {}

  /** True when the key was ours. */
  press(pressed: string, shift = false): boolean {
    const key = letter(pressed, shift);
    if (/^\d$/.test(key)) return this.#digit(key);
    if (key === "Enter" && this.#typed) return this.#finish();
    if (key === "Backspace" && this.#typed) return this.#type(this.#typed.slice(0, -1));
    if (key === "Escape" && this.#typed) return this.#type("");
    const act = this.#single(key, shift);
    if (!act) return false;
    if (key !== "g") this.#type("");
    act();
    return true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #single(key: string, shift: boolean): (() => void) | null {
    if (key.startsWith("Arrow")) return () => (shift ? this.acts.carry(key) : this.acts.step(key));
    if (key === "G") return () => this.acts.draw();
    if (key === "R") return () => this.acts.replay();
    if (key === "M") return null; // the page of the map, as everywhere
    if (key === "V") return () => this.acts.keepView();
    if (key === "Delete" && shift) return () => this.acts.clearAll();
    const table: Record<string, () => void> = {
      enter: () => this.acts.fill(),
      escape: () => this.acts.leave(),
      g: () => this.#type("g"),
      r: () => this.acts.recordings(),
      s: () => this.acts.snapshot(),
      f: () => this.acts.fullscreen(),
      c: () => this.acts.drawer(),
      v: () => this.acts.views(),
      e: () => this.acts.events(),
      m: () => this.acts.map(),
      delete: () => this.acts.clear(),
      t: () => this.acts.tour(),
      d: () => this.acts.push(),
      z: () => this.acts.ptz(),
      j: () => this.acts.pad(),
      "?": () => this.acts.help(),
    };
    return table[key.toLowerCase()] ?? null;
  }

  #digit(key: string): boolean {
    this.#type((this.#typed + key).slice(0, 5));
    if (this.#typed.startsWith("g")) {
      const text = this.#typed.slice(1);
      const longer = GRIDS.some((grid) => grid !== text && grid.startsWith(text));
      // "1" can become "16": wait a moment for the second digit.
      if (longer) this.#wait(PAUSE_MS, () => this.#finish());
      else this.#finish();
    }
    return true;
  }

  #finish(): boolean {
    const typed = this.#typed;
    this.#type("");
    if (typed.startsWith("g")) {
      const grid = GRIDS.find((known) => known === typed.slice(1));
      if (grid) this.acts.grid(grid);
    } else this.acts.camera(Number(typed));
    return true;
  }

  #type(text: string): boolean {
    this.#typed = text;
    this.acts.typing(text);
    if (text) this.#wait(FORGET_MS, () => this.#type(""));
    else clearTimeout(this.#timer);
    return true;
  }

  #wait(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }
}
