// Presets and patrol of one camera: read, and changed at once, with a way back where the device has one. A preset that is
// deleted goes from the screen first and from the camera some seconds later: no device gives back what it has forgotten.
import { call } from "../api/client";
import { words } from "../api/words";
import { m } from "../shell/messages";
import { news } from "../shell/news";
import { toasts } from "../shell/toasts.svelte";
import { DWELL_S, moved, type Patrol, type Preset, type PtzState } from "./ptz";

const UNDO_MS = 6000;
const leaving = new Map<string, () => void>();

addEventListener("pagehide", () => {
  for (const now of [...leaving.values()]) now();
});

export class PtzPlan {
  presets = $state.raw<Preset[]>([]);
  patrol = $state.raw<Patrol>({ on: false, steps: [] });
  loaded = $state(false);
  /** Why there is nothing to show. */
  problem = $state("");
  /** Once it was read for the first time, or could not be. */
  readonly ready: Promise<void>;
  #stop: () => void;

  constructor(
    readonly camera: string,
    private readonly heard: (state: PtzState) => void,
  ) {
    this.#stop = news.on("presets", () => void this.load());
    this.ready = this.load();
  }

  close(): void {
    this.#stop();
  }

  async load(): Promise<void> {
    try {
      const state = await call<PtzState>("GET", this.#path());
      this.presets = state.presets.filter((preset) => !leaving.has(this.#key(preset)));
      this.patrol = { ...state.patrol, steps: state.patrol.steps.filter((step) => !leaving.has(`${this.camera}/${step.preset}`)) };
      this.problem = "";
      this.heard(state);
    } catch (error) {
      this.problem = words(error);
    } finally {
      this.loaded = true;
    }
  }

  name(token: string): string {
    return this.presets.find((preset) => preset.token === token)?.name ?? token;
  }

  /** Keep where the camera looks now. True: done. */
  async add(name: string): Promise<boolean> {
    return this.#try(async () => {
      const preset = await call<Preset>("POST", this.#path("/presets"), { body: { name } });
      this.presets = [...this.presets.filter((one) => one.token !== preset.token), preset];
    });
  }

  /** Another name, or (`here`) where the camera looks now. True: done. */
  async change(preset: Preset, change: { name?: string; here?: boolean }): Promise<boolean> {
    return this.#try(async () => {
      await call("PATCH", this.#path(`/presets/${encodeURIComponent(preset.token)}`), { body: change });
      this.presets = this.presets.map((one) => (one.token === preset.token ? { ...one, name: change.name ?? one.name } : one));
    });
  }

  removeLater(preset: Preset): void {
    const [key, before, patrol] = [this.#key(preset), this.presets, this.patrol];
    const act = (): void => {
      clearTimeout(timer);
      leaving.delete(key);
      void this.#try(() => call("DELETE", this.#path(`/presets/${encodeURIComponent(preset.token)}`), { keepalive: true })).then((done) => {
        if (!done) void this.load();
      });
    };
    const timer = setTimeout(act, UNDO_MS);
    leaving.set(key, act);
    this.presets = before.filter((one) => one.token !== preset.token);
    this.patrol = { ...patrol, steps: patrol.steps.filter((step) => step.preset !== preset.token) };
    const back = (): void => {
      if (!leaving.delete(key)) return;
      clearTimeout(timer);
      void this.load();
    };
    toasts.say(m.ptz_preset_removed({ name: preset.name }), { ms: UNDO_MS, action: { label: m.undo(), run: back } });
  }

  toggle(): void {
    void this.#set({ ...this.patrol, on: !this.patrol.on });
  }

  addStep(preset: string): void {
    void this.#set({ ...this.patrol, steps: [...this.patrol.steps, { preset, dwell_s: DWELL_S.usual }] });
  }

  dwell(index: number, dwell_s: number): void {
    const held = Math.min(DWELL_S.most, Math.max(DWELL_S.least, Math.round(dwell_s) || DWELL_S.usual));
    void this.#set({ ...this.patrol, steps: this.patrol.steps.map((step, at) => (at === index ? { ...step, dwell_s: held } : step)) });
  }

  moveStep(index: number, by: number): void {
    void this.#set({ ...this.patrol, steps: moved(this.patrol.steps, index, by) });
  }

  async removeStep(index: number): Promise<void> {
    const before = this.patrol;
    const steps = before.steps.filter((_, at) => at !== index);
    if (!(await this.#set({ on: before.on && steps.length > 0, steps }))) return;
    toasts.say(m.ptz_step_removed({ name: this.name(before.steps[index]?.preset ?? "") }), { ms: UNDO_MS, action: { label: m.undo(), run: () => void this.#set(before) } });
  }

  async #set(patrol: Patrol): Promise<boolean> {
    const before = this.patrol;
    this.patrol = patrol;
    const done = await this.#try(async () => {
      this.patrol = await call<Patrol>("PUT", this.#path("/patrol"), { body: patrol });
    });
    if (!done) this.patrol = before;
    return done;
  }

  async #try(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
      return false;
    }
  }

  #path(rest = ""): string {
    return `/api/cameras/${this.camera}/ptz${rest}`;
  }

  #key(preset: Preset): string {
    return `${this.camera}/${preset.token}`;
  }
}
