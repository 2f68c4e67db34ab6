// PTZ mode: one tile whose camera the hands steer instead of zooming the picture. Hands are the pointer, the wheel, keys
// and a pad; whatever they do together is one order. Whatever ends (a key, a focus, the page) stops the camera.
import { ApiError, call } from "../api/client";
import type { Camera } from "../api/types";
import { words } from "../api/words";
import { catalogue } from "../catalogue/catalogue.svelte";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";
import { WHOLE } from "../tile/zoom";
import type { WallTile } from "../wall/tile.svelte";
import { holders } from "./holders.svelte";
import { Orders } from "./orders";
import { PtzPlan } from "./plan.svelte";
import { isStill, keySpeed, presetIndex, steeringKey, STILL, together, wheelSpeed, type Holder, type Speed } from "./ptz";

const WHEEL_MS = 220;
/** The server's own limit of an order is 8 s. */
const ORDER_MS = 9000;

type Hand = "drag" | "wheel" | "keys" | "pad";

export const steerable = (camera: Camera | undefined): boolean => Boolean(camera?.onvif);

class PtzMode {
  tile = $state.raw<WallTile | null>(null);
  plan = $state.raw<PtzPlan | null>(null);
  /** What the hands want now. */
  speed = $state.raw<Speed>(STILL);
  /** Why the last order was not obeyed; "" when it was. */
  problem = $state("");
  /** How long the camera took to obey the last order, ms; null before the first. */
  tookMs = $state<number | null>(null);
  #orders: Orders | null = null;
  #gave = false;
  #going = "";
  #hands: Record<Hand, Speed> = { drag: STILL, wheel: STILL, keys: STILL, pad: STILL };
  #held = new Set<string>();
  #wheel: ReturnType<typeof setTimeout> | undefined;

  /** While the wall is there: whatever takes the hands away lets go. Gives the function that ends it. */
  watch(): () => void {
    const stop = holders.watch();
    const up = (event: KeyboardEvent): void => this.#keyup(event);
    const away = (): void => this.#letGo();
    const hidden = (): void => {
      if (document.hidden) this.#letGo();
    };
    const leave = (): void => this.leave({ going: true });
    addEventListener("keyup", up);
    addEventListener("blur", away);
    addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", hidden);
    return () => {
      this.leave();
      stop();
      removeEventListener("keyup", up);
      removeEventListener("blur", away);
      removeEventListener("pagehide", leave);
      document.removeEventListener("visibilitychange", hidden);
    };
  }

  get camera(): Camera | undefined {
    return this.plan ? catalogue.byId.get(this.plan.camera) : undefined;
  }

  toggle(tile: WallTile | undefined): void {
    if (this.tile && this.tile === tile) this.leave();
    else if (tile) this.enter(tile);
  }

  /** Into the mode at this tile; false, and said, where its camera cannot be steered. */
  enter(tile: WallTile): boolean {
    const camera = catalogue.byId.get(tile.camera ?? "");
    if (!camera || !steerable(camera)) {
      toasts.say(camera ? m.ptz_none({ camera: camera.name }) : m.ptz_no_camera());
      return false;
    }
    this.leave();
    tile.tools.live();
    tile.tools.zoom = WHOLE;
    tile.tools.taken = true;
    this.tile = tile;
    this.plan = new PtzPlan(camera.id, (state) => holders.hear(camera.id, state.holder));
    this.#begin(camera.id);
    return true;
  }

  /** Out of it: the camera stands still and is free. `going`: the page goes, and can wait for no answer. */
  leave({ going = false } = {}): void {
    const [tile, plan, orders, gave] = [this.tile, this.plan, this.#orders, this.#gave];
    if (!tile || !plan) return;
    this.#letGo();
    tile.tools.taken = false;
    plan.close();
    [this.tile, this.plan, this.#orders, this.#gave] = [null, null, null, false];
    [this.problem, this.tookMs] = ["", null];
    if (!orders || !gave) return;
    const release = (): void => {
      void call<{ holder: Holder | null }>("DELETE", `/api/cameras/${plan.camera}/ptz/holder`, { keepalive: true, timeoutMs: ORDER_MS })
        .then((answer) => holders.hear(plan.camera, answer.holder))
        .catch(() => undefined); // Its time runs out by itself.
    };
    if (going) release();
    else void orders.end().then(release);
  }

  /** The wall's chosen tile, or its camera, is another. */
  follow(tile: WallTile | undefined): void {
    if (this.tile && (this.tile !== tile || this.tile.camera !== this.plan?.camera)) this.leave();
  }

  /** A key of the wall; true when it was taken. */
  key(event: KeyboardEvent): boolean {
    if (!this.tile) return false;
    const steering = steeringKey(event.key);
    const preset = presetIndex(event.key);
    if (steering) {
      this.#held.add(steering);
      this.#hand("keys", keySpeed(this.#held, event.shiftKey));
    } else if (event.key === "Escape") this.leave();
    else if (event.key.toLowerCase() === "z" && event.shiftKey) void this.takeOver();
    else if (preset !== null) this.goto(preset);
    else if (event.key.toLowerCase() === "p" && !event.shiftKey) this.patrol();
    else return false;
    return true;
  }

  drag(speed: Speed): void {
    this.#hand("drag", speed);
  }

  /** A turn of the wheel zooms for a moment; the next goes on with it. */
  wheel(deltaY: number, deltaMode: number): void {
    clearTimeout(this.#wheel);
    this.#hand("wheel", { ...STILL, zoom: wheelSpeed(deltaY, deltaMode) });
    this.#wheel = setTimeout(() => this.#hand("wheel", STILL), WHEEL_MS);
  }

  /** A pad at the wall's chosen tile: its first movement enters the mode. */
  pad(speed: Speed, tile: WallTile | undefined): void {
    if (isStill(speed) && isStill(this.#hands.pad)) return;
    if (!this.tile && (!tile || !steerable(catalogue.byId.get(tile.camera ?? "")) || !this.enter(tile))) return;
    this.#hand("pad", speed);
  }

  /** Look at a preset, by its place in the list. */
  goto(index: number): void {
    const [plan, orders, preset] = [this.plan, this.#orders, this.plan?.presets[index]];
    if (!plan || !orders || !preset) return;
    this.#letGo();
    [this.#gave, this.#going] = [true, preset.token];
    void this.#visit(plan, orders, preset.token).catch((error: unknown) => this.#failed(error));
  }

  /** A pad's button: into the mode where it is not yet, and to the preset. */
  async visit(tile: WallTile, index: number): Promise<void> {
    if (this.tile !== tile && !this.enter(tile)) return;
    const plan = this.plan;
    await plan?.ready;
    if (plan && this.plan === plan) this.goto(index);
  }

  /** Start the round of the camera, or end it. */
  patrol(): void {
    if (!this.plan?.loaded) return;
    if (this.plan.patrol.steps.length) this.plan.toggle();
    else toasts.say(m.ptz_patrol_none());
  }

  /** From somebody else, in so many words. */
  async takeOver(): Promise<void> {
    const plan = this.plan;
    if (!plan) return;
    this.#gave = true;
    await this.#order(plan.camera, "/move", { ...STILL, take_over: true }).catch((error: unknown) => this.#failed(error));
  }

  /** Once nothing is on its way that would stop it there; of presets in a row only the last. */
  async #visit(plan: PtzPlan, orders: Orders, preset: string): Promise<void> {
    await orders.end();
    if (this.plan === plan && this.#going === preset) await this.#order(plan.camera, `/presets/${encodeURIComponent(preset)}/goto`, {});
  }

  #begin(camera: string): void {
    const here = (): boolean => this.plan?.camera === camera;
    this.#orders = new Orders(
      { move: (speed) => this.#order(camera, "/move", { ...speed }), stop: () => this.#order(camera, "/stop") },
      {
        took: (ms) => {
          if (here()) [this.tookMs, this.problem] = [ms, ""];
        },
        failed: (error) => here() && this.#failed(error),
      },
    );
  }

  async #order(camera: string, what: string, body?: object): Promise<void> {
    const answer = await call<{ holder: Holder | null }>("POST", `/api/cameras/${camera}/ptz${what}`, {
      ...(body ? { body } : {}),
      timeoutMs: ORDER_MS,
      keepalive: !body,
    });
    holders.hear(camera, answer.holder);
    if (this.plan?.camera === camera) this.problem = "";
  }

  /** True: it was refused, and asking again is of no use. */
  #failed(error: unknown): boolean {
    this.problem = words(error);
    return error instanceof ApiError && error.status < 500 && error.status !== 429;
  }

  #keyup(event: KeyboardEvent): void {
    const key = steeringKey(event.key);
    if (key && this.#held.delete(key)) this.#hand("keys", keySpeed(this.#held, event.shiftKey));
  }

  #hand(which: Hand, speed: Speed): void {
    this.#hands[which] = speed;
    const wanted = together(...Object.values(this.#hands));
    this.speed = wanted;
    if (!isStill(wanted)) this.#gave = true;
    this.#orders?.set(wanted);
  }

  #letGo(): void {
    clearTimeout(this.#wheel);
    this.#held.clear();
    this.#hands = { drag: STILL, wheel: STILL, keys: STILL, pad: STILL };
    this.speed = STILL;
    this.#orders?.set(STILL);
  }
}

export const ptz = new PtzMode();
