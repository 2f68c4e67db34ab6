// Who steers which camera, as the server tells it: on every tile of the camera, with the seconds until it is free.
import { SvelteMap } from "svelte/reactivity";
import { call } from "../api/client";
import { catalogue } from "../catalogue/catalogue.svelte";
import { m } from "../shell/messages";
import { news } from "../shell/news";
import { session } from "../shell/session.svelte";
import { toasts } from "../shell/toasts.svelte";
import type { Holder } from "./ptz";

const TICK_MS = 500;

interface Held {
  person: string;
  name: string;
  above: boolean;
  until: number;
}

class Holders {
  #held = new SvelteMap<string, Held>();
  #now = $state(performance.now());
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Keep listening; gives the function that stops it. */
  watch(): () => void {
    const stop = news.on("ptz", () => void this.#load());
    void this.#load();
    return () => {
      stop();
      this.#held.clear();
      this.#ticking();
    };
  }

  /** Who has the camera now; `mine`: this person, at this screen or another. */
  of(camera: string | null): { name: string; mine: boolean; above: boolean; leftS: number } | null {
    const held = camera === null ? undefined : this.#held.get(camera);
    if (!held || held.until <= this.#now) return null;
    return { name: held.name, mine: held.person === session.person?.id, above: held.above, leftS: Math.ceil((held.until - this.#now) / 1000) };
  }

  /** An order was answered with this. */
  hear(camera: string, holder: Holder | null): void {
    const before = this.#held.get(camera);
    if (holder) this.#held.set(camera, { person: holder.person, name: holder.name, above: holder.above, until: performance.now() + holder.left_s * 1000 });
    else this.#held.delete(camera);
    this.#ticking();
    if (before && before.until > performance.now() && holder && holder.person !== before.person) this.#tell(camera, before, holder);
  }

  /** Both are told when one takes over from the other. */
  #tell(camera: string, before: Held, after: Holder): void {
    const [me, name] = [session.person?.id, catalogue.byId.get(camera)?.name ?? ""];
    if (before.person === me) toasts.say(m.ptz_lost({ name: after.name, camera: name }), { ms: 8000 });
    else if (after.person === me) toasts.say(m.ptz_taken({ name: before.name, camera: name }));
  }

  async #load(): Promise<void> {
    try {
      const { items } = await call<{ items: { camera: string; holder: Holder }[] }>("GET", "/api/ptz");
      const told = new Set(items.map((one) => one.camera));
      for (const camera of [...this.#held.keys()]) if (!told.has(camera)) this.hear(camera, null);
      for (const one of items) this.hear(one.camera, one.holder);
    } catch {
      // It comes again with the line; what is known runs out by itself.
    }
  }

  #ticking(): void {
    this.#now = performance.now();
    clearInterval(this.#timer);
    if (!this.#held.size) return;
    this.#timer = setInterval(() => {
      this.#now = performance.now();
      for (const [camera, held] of this.#held) if (held.until <= this.#now) this.#held.delete(camera);
      if (!this.#held.size) clearInterval(this.#timer);
    }, TICK_MS);
  }
}

export const holders = new Holders();
