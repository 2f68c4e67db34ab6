// The pad at this machine: read once a picture while one is there and this window has the focus (two windows must not
// both obey it). What its buttons mean is kept in this browser, by the kind of pad.
import { mapOf, padActs, padSpeed, trusted, type PadAct, type PadMap, type PadReading } from "./pad";
import { STILL, type Speed } from "./ptz";

export interface PadHands {
  moves(speed: Speed): void;
  act(act: PadAct): void;
}

const KEPT = "vms.pad.";

class Pads {
  /** The pad that is heard: the one that was touched last. */
  id = $state<string | null>(null);
  map = $state.raw<PadMap>(mapOf(null, ""));
  /** What it says now, for who sets it up; only while somebody `shows` it. */
  now = $state.raw<{ axes: number[]; buttons: number[] }>({ axes: [], buttons: [] });
  #mapping = "";
  #hands: PadHands | null = null;
  #before = new Map<number, boolean[]>();
  #rested = new Map<number, boolean[]>();
  #shows = 0;
  #frame = 0;

  /** Whether this browser gives pads to this page: only where it came by HTTPS, or from this machine. */
  get possible(): boolean {
    return isSecureContext && typeof navigator.getGamepads === "function";
  }

  /** Listen; gives the function that ends it. */
  start(hands: PadHands): () => void {
    if (!this.possible) return () => undefined;
    this.#hands = hands;
    const come = (): void => this.#next();
    addEventListener("gamepadconnected", come);
    addEventListener("gamepaddisconnected", come);
    come();
    return () => {
      removeEventListener("gamepadconnected", come);
      removeEventListener("gamepaddisconnected", come);
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
      this.#hands = null;
    };
  }

  /** Tell what it says while a settings sheet is open: it moves nothing meanwhile. */
  show(): () => void {
    this.#shows++;
    this.#hands?.moves(STILL);
    return () => void this.#shows--;
  }

  set(change: Partial<PadMap>): void {
    this.map = { ...this.map, ...change };
    this.#keep(this.map);
  }

  /** As it is before anybody changes it. */
  forget(): void {
    this.map = mapOf(null, this.#mapping);
    this.#keep(null);
  }

  #next(): void {
    if (this.#frame || !this.#hands) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#look()) this.#next();
    });
  }

  /** False: no pad is there, and none need be looked for until one comes. */
  #look(): boolean {
    const pads = navigator.getGamepads().filter((pad): pad is Gamepad => pad !== null && pad.connected);
    if (!pads.length) {
      if (this.id !== null) this.#hands?.moves(STILL);
      this.id = null;
      this.#before.clear();
      this.#rested.clear();
      return false;
    }
    if (!document.hasFocus()) {
      this.#hands?.moves(STILL);
      return true;
    }
    const touched = pads.find((pad) => pad.buttons.some((button) => button.pressed) || pad.axes.some((axis) => Math.abs(axis) > 0.5));
    const pad = (this.id === null ? undefined : pads.find((one) => one.id === this.id && (!touched || touched.id === one.id))) ?? touched ?? pads[0];
    if (pad) this.#hear(pad);
    return true;
  }

  #hear(pad: Gamepad): void {
    if (pad.id !== this.id) this.#take(pad);
    const before = this.#before.get(pad.index) ?? pad.buttons.map((button) => button.pressed);
    this.#before.set(pad.index, pad.buttons.map((button) => button.pressed));
    if (this.#shows) {
      this.now = { axes: [...pad.axes], buttons: pad.buttons.map((button) => Math.max(button.value, button.pressed ? 1 : 0)) };
      return;
    }
    const { axes, rested } = trusted(pad.axes, this.#rested.get(pad.index) ?? [], this.map.dead);
    this.#rested.set(pad.index, rested);
    this.#hands?.moves(padSpeed({ id: pad.id, mapping: pad.mapping, buttons: pad.buttons, axes }, this.map));
    for (const act of padActs(before, pad, this.map)) this.#hands?.act(act);
  }

  #take(pad: PadReading): void {
    this.id = pad.id;
    this.#mapping = pad.mapping;
    let kept: unknown = null;
    try {
      kept = JSON.parse(localStorage.getItem(KEPT + pad.id) ?? "null");
    } catch {
      // What cannot be read is as if it had never been kept.
    }
    this.map = mapOf(kept, pad.mapping);
  }

  #keep(map: PadMap | null): void {
    if (this.id === null) return;
    try {
      if (map) localStorage.setItem(KEPT + this.id, JSON.stringify(map));
      else localStorage.removeItem(KEPT + this.id);
    } catch {
      // A browser that keeps nothing has the usual meaning next time.
    }
  }
}

export const pads = new Pads();
