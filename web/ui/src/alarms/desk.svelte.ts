// The alarms as the server has them: those that wait, at every moment while somebody is signed in; and, while a list is
// looked at, those that somebody has taken on. Told by the server at once, asked for now and then where it cannot tell.
import { ApiError, call } from "../api/client";
import { words } from "../api/words";
import { catalogue } from "../catalogue/catalogue.svelte";
import { m } from "../shell/messages";
import { news } from "../shell/news";
import { reach } from "../shell/reach.svelte";
import { toasts } from "../shell/toasts.svelte";
import { First, inOrder, type Alarm, type Alarms, type Priority, type Raised } from "./alarm";
import { alarmWord } from "./words";

const ASK_MS = 10_000;
const ASK_TOLD_MS = 60_000;
/** A cut line raises a hundred in a second: they are asked for together. */
const LEAST_MS = 500;
const RECENT = 50;

class Desk {
  raised = $state.raw<Raised>({ p1: 0, p2: 0, p3: 0 });
  /** In the order in which they are to be seen to. */
  waiting = $state.raw<Alarm[]>([]);
  taken = $state.raw<Alarm[]>([]);
  closed = $state.raw<Alarm[]>([]);
  loaded = $state(false);
  failed = $state(false);
  top: Alarm | null = $derived(this.waiting[0] ?? null);
  /** The alarm whose camera wants to be seen. */
  shown: Alarm | null = $derived(this.waiting.find((alarm) => alarm.alarm_tile && alarm.camera && catalogue.byId.has(alarm.camera.id)) ?? null);
  count = $derived(this.raised.p1 + this.raised.p2 + this.raised.p3);
  #watchers = 0;
  #readers = 0;
  #asking = false;
  #askedAt = -Infinity;
  #again = false;
  #first = new First();
  #taking = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Keep them fresh while somebody is signed in; gives the function that stops it. */
  watch(): () => void {
    this.#watchers++;
    const stop = news.on("alarms", () => void this.ask());
    const back = reach.onBack(() => void this.ask());
    if (this.#watchers === 1) void this.ask();
    return () => {
      this.#watchers--;
      stop();
      back();
      if (this.#watchers === 0) clearTimeout(this.#timer);
    };
  }

  /** Keep those that were taken on fresh too. */
  read(): () => void {
    this.#readers++;
    void this.ask();
    return () => {
      this.#readers--;
    };
  }

  /** Take on the one that comes first, as a key does. One that came before it a moment ago nobody has read. */
  takeFirst(): void {
    const top = this.top;
    if (!top) return;
    if (this.#first.isRead(performance.now())) void this.acknowledge(top);
    else toasts.say(m.alarm_not_read({ alarm: alarmWord(top) }));
  }

  /** Take one on, for everyone. */
  async acknowledge(alarm: Alarm, note = ""): Promise<boolean> {
    if (this.#taking.has(alarm.id)) return true;
    this.#taking.add(alarm.id);
    try {
      await call<Alarm>("POST", `/api/alarms/${alarm.id}/acknowledgement`, { body: { note: note.trim() } });
      this.#put(this.waiting.filter((one) => one.id !== alarm.id), true);
      toasts.say(m.alarm_taken({ alarm: alarmWord(alarm) }));
      return true;
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
      return error instanceof ApiError && error.status === 409;
    } finally {
      this.#taking.delete(alarm.id);
      void this.ask();
    }
  }

  /** Take on several that have one cause, for everyone. True: done. */
  async acknowledgeAll(ids: readonly string[], note = ""): Promise<boolean> {
    try {
      const { taken, others } = await call<{ taken: number; others: number }>("POST", "/api/alarms/acknowledgements", { body: { alarms: ids, note: note.trim() } });
      toasts.say(others ? m.alarms_taken_part({ count: taken, others }) : m.alarms_taken_all({ count: taken }));
      return true;
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
      return false;
    } finally {
      void this.ask();
    }
  }

  async raise(camera: string, note: string, priority: Priority): Promise<void> {
    await call<Alarm>("POST", "/api/alarms", { body: { camera, note: note.trim(), priority } });
    void this.ask();
  }

  /** Now; what comes while an answer is on its way is asked once more after it. */
  async ask(): Promise<void> {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    const wait = this.#askedAt + LEAST_MS - performance.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => void this.ask(), wait);
      return;
    }
    this.#asking = true;
    this.#askedAt = performance.now();
    try {
      await this.#load();
      this.failed = false;
    } catch {
      this.failed = true;
    }
    this.#asking = false;
    if (this.#again) {
      this.#again = false;
      return this.ask();
    }
    if (this.#watchers) this.#timer = setTimeout(() => void this.ask(), news.up ? ASK_TOLD_MS : ASK_MS);
  }

  #put(waiting: Alarm[], own = false): void {
    this.waiting = waiting;
    this.#first.put(waiting[0]?.id ?? null, performance.now(), own);
  }

  async #load(): Promise<void> {
    const waiting = await call<Alarms>("GET", "/api/alarms?state=raised&order=pressing&limit=200");
    this.raised = waiting.raised;
    this.#put(inOrder(waiting.items));
    if (!this.#readers) return;
    const taken = await call<Alarms>("GET", "/api/alarms?state=acknowledged&limit=200");
    this.taken = taken.items;
    this.closed = (await call<Alarms>("GET", `/api/alarms?state=closed&limit=${RECENT}`)).items;
    this.loaded = true;
  }
}

export const desk = new Desk();
