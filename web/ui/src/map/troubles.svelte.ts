// What the map knows beside the states of cameras: alarms that wait (the desk has them), and pictures that are not well,
// asked every few seconds while somebody looks.
import { desk } from "../alarms/desk.svelte";
import { alarmWord } from "../alarms/words";
import { call } from "../api/client";
import type { Events, VmsEvent } from "../api/types";
import { eventWord } from "../events/words";
import type { Troubles } from "./levels";

const FRESH_MS = 5000;
const KINDS = ["picture_black", "picture_blurred", "picture_covered", "picture_moved", "picture_frozen"];
const QUERY = `/api/events?open=true&limit=200${KINDS.map((kind) => `&kind=${kind}`).join("")}`;

class MapTroubles {
  #events = $state.raw<VmsEvent[]>([]);
  #alarms = $derived(new Map(desk.waiting.flatMap((alarm) => (alarm.camera ? [[alarm.camera.id, alarmWord(alarm)] as const] : []))));
  #pictures = $derived(new Map(this.#events.flatMap((event) => (event.camera ? [[event.camera.id, eventWord(event)] as const] : []))));
  current: Troubles = $derived({ alarms: this.#alarms, pictures: this.#pictures });
  #watchers = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Keep them fresh while something looks; gives the function that stops it. */
  watch(): () => void {
    this.#watchers++;
    if (this.#watchers === 1) this.#tick(0);
    return () => {
      this.#watchers--;
      if (this.#watchers === 0) clearTimeout(this.#timer);
    };
  }

  #tick(wait: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        if (!document.hidden) this.#events = (await call<Events>("GET", QUERY)).items;
      } catch {
        // The banner says that the server is away; what was known last stays.
      }
      if (this.#watchers) this.#tick(FRESH_MS);
    }, wait);
  }
}

export const mapTroubles = new MapTroubles();
