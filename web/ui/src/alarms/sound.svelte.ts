// Plays the tones of alarms that wait, in one window of a browser at a time. Volume and silence are each person's own,
// kept in this browser. A browser lets a page sound only after a click or a key: until then `blocked` says so.
import { session } from "../shell/session.svelte";
import { Alone } from "./alone";
import { desk } from "./desk.svelte";
import { due, keysOf, PATTERNS, type Heard } from "./tones";
import type { Priority } from "./alarm";

const LOOK_MS = 250;
const LOCK = "vms-alarm-sound";

class AlarmSound {
  volume = $state(0.7);
  muted = $state(false);
  /** Something should be heard, and the browser does not let it. */
  blocked = $state(false);
  #person = "";
  #context: AudioContext | null = null;
  #known: Set<string> = new Set();
  #last: Heard | null = null;
  // Locks need a secure context; without them each window sounds.
  #alone = new Alone(LOCK, typeof navigator === "undefined" ? undefined : navigator.locks);

  /** Sound until the returned function is called. */
  start(): () => void {
    this.#read();
    const release = this.#alone.start();
    const timer = setInterval(() => this.look(), LOOK_MS);
    const touched = (): void => {
      this.#alone.take();
      void this.#wake();
    };
    const seen = (): void => {
      if (!document.hidden && this.#allowed) this.#alone.take();
    };
    // Silence and volume are the person's, in whichever window they said so.
    const said = (event: StorageEvent): void => {
      if (event.key === this.#key) this.#read();
    };
    addEventListener("pointerdown", touched);
    addEventListener("keydown", touched);
    addEventListener("storage", said);
    document.addEventListener("visibilitychange", seen);
    return () => {
      release();
      clearInterval(timer);
      removeEventListener("pointerdown", touched);
      removeEventListener("keydown", touched);
      removeEventListener("storage", said);
      document.removeEventListener("visibilitychange", seen);
    };
  }

  set(change: { volume?: number; muted?: boolean }): void {
    this.volume = change.volume ?? this.volume;
    this.muted = change.muted ?? this.muted;
    localStorage.setItem(this.#key, JSON.stringify({ volume: this.volume, muted: this.muted }));
  }

  /** Once, for a person to hear how loud it is. */
  async try(priority: Priority): Promise<void> {
    await this.#wake();
    this.#play(priority);
  }

  get #key(): string {
    return `vms.alarm-sound.${this.#person}`;
  }

  #read(): void {
    this.#person = session.person?.id ?? "";
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key) ?? "{}") as { volume?: unknown; muted?: unknown };
      if (typeof kept.volume === "number" && kept.volume >= 0 && kept.volume <= 1) this.volume = kept.volume;
      this.muted = kept.muted === true;
    } catch {
      // What was kept is not ours: the usual volume.
    }
  }

  /** What is due now. Called often, and at once when something is raised: the timers of a hidden page rest for a minute. */
  look(): void {
    const now = Date.now();
    const priority = this.muted ? null : due(desk.waiting, this.#known, this.#last, now);
    this.blocked = !this.muted && desk.waiting.some((alarm) => alarm.sound) && !this.#allowed;
    if (priority === null) {
      if (this.muted) this.#known = keysOf(desk.waiting);
      return;
    }
    if (!this.#allowed) return;
    this.#known = keysOf(desk.waiting);
    this.#last = { key: "", at: now };
    if (this.#alone.mine) this.#play(priority);
  }

  get #allowed(): boolean {
    return this.#context?.state === "running" || navigator.userActivation?.hasBeenActive === true;
  }

  async #wake(): Promise<void> {
    this.#context ??= new AudioContext();
    if (this.#context.state === "suspended") await this.#context.resume().catch(() => undefined);
  }

  #play(priority: Priority): void {
    this.#context ??= new AudioContext();
    const context = this.#context;
    void this.#wake();
    for (const tone of PATTERNS[priority].tones) {
      const [from, to] = [context.currentTime + tone.at, context.currentTime + tone.at + tone.long];
      const [source, gain] = [context.createOscillator(), context.createGain()];
      source.type = "triangle";
      source.frequency.value = tone.hz;
      // Without a soft edge each tone begins and ends with a click.
      gain.gain.setValueAtTime(0, from);
      gain.gain.linearRampToValueAtTime(this.volume ** 2, from + 0.015);
      gain.gain.setValueAtTime(this.volume ** 2, to - 0.03);
      gain.gain.linearRampToValueAtTime(0, to);
      source.connect(gain).connect(context.destination);
      source.start(from);
      source.stop(to);
    }
  }
}

export const alarmSound = new AlarmSound();
