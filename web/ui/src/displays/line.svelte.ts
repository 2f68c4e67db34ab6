// A screen's line to the server: what it is, the code while it waits to be paired, then the control socket that says what
// to show and hears how it is. It keeps trying for ever; the page is never reloaded, but for another version of itself.
import { ApiError, call } from "../api/client";
import type { Camera } from "../api/types";
import { words } from "../api/words";
import { catalogue, inOrder } from "../catalogue/catalogue.svelte";
import { reach } from "../shell/reach.svelte";
import { msOfNs } from "../wall/protocol";
import type { Scene } from "./scene";

interface Here {
  id: string | null;
  name: string | null;
  wall: string | null;
  pairing: { code: string; expires_at: string } | null;
}

interface Show {
  type: "show";
  display: { id: string; name: string; wall: string };
  scene: Scene;
  cameras: Camera[];
  build: string;
}

type Heard = Show | { type: "identify" } | { type: "pong"; t: number | null; server_ns: string } | { type: "error"; message: string };

const STEPS_MS = [100, 300, 700, 1000];
const WAITING_MS = 1500;
const STATE_MS = 1500;
const TELL_MS = 400;
const SILENT_MS = 5000;
const OPEN_MS = 3000;
const NAMING_MS = 8000;
const REMOVED = 4401;

export class DisplayLine {
  /** The display that this screen is; null while it is none. */
  display = $state.raw<Show["display"] | null>(null);
  code = $state("");
  scene = $state.raw<Scene | null>(null);
  up = $state(false);
  /** The server answered at least once. */
  known = $state(false);
  /** It was asked to say which it is. */
  naming = $state(false);
  downSince = $state(0);
  /** Why there is no code: too many wait, or this node keeps none. */
  problem = $state("");
  offsetMs = 0;
  #bestRtt = Infinity;
  #socket: WebSocket | null = null;
  #build = "";
  #tries = 0;
  #heard = 0;
  #heardAt = 0;
  #ended = false;
  #asking = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #telling: ReturnType<typeof setTimeout> | undefined;
  #naming: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly screen: number,
    private readonly report: () => { tiles: number; live: number },
  ) {}

  get base(): string {
    return `/api/display/${this.screen}`;
  }

  start(): () => void {
    const stopListening = reach.onBack(() => this.#soon(0));
    this.#soon(0); // Not at once: an effect that starts it must not depend on what it reads.
    return () => {
      this.#ended = true;
      stopListening();
      clearTimeout(this.#retry);
      clearTimeout(this.#naming);
      clearTimeout(this.#telling);
      this.#drop();
    };
  }

  /** What is reported has changed: said soon, once for all that changes together. */
  changed(): void {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#tell();
    }, TELL_MS);
  }

  serverNow = (): number => Date.now() + this.offsetMs;

  #soon(ms: number): void {
    clearTimeout(this.#retry);
    if (!this.#ended && !this.#socket) this.#retry = setTimeout(() => void this.#ask(), ms);
  }

  #later(): void {
    this.#soon(STEPS_MS[Math.min(this.#tries++, STEPS_MS.length - 1)] ?? 2000);
  }

  async #ask(): Promise<void> {
    if (this.#asking || this.#socket || this.#ended || !reach.online) return; // Else when it is back.
    this.#asking = true;
    try {
      let here = await call<Here | undefined>("GET", this.base, { anonymous: true, timeoutMs: 3000 });
      this.known = true;
      this.problem = "";
      if (here?.id) return this.#open();
      this.display = null;
      this.scene = null;
      if (!here?.pairing) {
        const pairing = await call<{ code: string; expires_at: string }>("POST", `${this.base}/pairing`, { anonymous: true });
        here = { id: null, name: null, wall: null, pairing };
      }
      this.code = here.pairing?.code ?? "";
      this.#tries = 0;
      this.#soon(WAITING_MS);
    } catch (error) {
      // Nobody there, or no code to be had: the page says so and asks again.
      if (error instanceof ApiError) this.problem = words(error);
      else this.known = false;
      this.#later();
    } finally {
      this.#asking = false;
    }
  }

  #open(): void {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${this.base}/control`);
    this.#socket = socket;
    this.#hears();
    this.code = "";
    socket.onopen = () => this.#tell();
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#hear(JSON.parse(String(event.data)) as Heard);
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket) return;
      this.#drop();
      if (event.code === REMOVED) {
        this.display = null;
        this.scene = null;
        this.#tries = 0;
      }
      this.#later();
    };
    clearInterval(this.#beat);
    this.#beat = setInterval(() => {
      if (this.#silentMs() > (socket.readyState === WebSocket.CONNECTING ? OPEN_MS : SILENT_MS)) {
        // A line that is cut says no end of it for minutes.
        void reach.check();
        this.#drop();
        this.#later();
      } else this.#tell();
    }, STATE_MS);
  }

  #tell(): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const size = { width: Math.round(innerWidth * devicePixelRatio), height: Math.round(innerHeight * devicePixelRatio) };
    this.#socket.send(JSON.stringify({ type: "state", t: performance.now(), ...this.report(), build: this.#build, ...size }));
  }

  #hears(): void {
    this.#heard = performance.now();
    this.#heardAt = Date.now();
  }

  // By both clocks: one stands still while the machine sleeps, the other may be set.
  #silentMs(): number {
    return Math.max(performance.now() - this.#heard, Date.now() - this.#heardAt);
  }

  #hear(message: Heard): void {
    this.#hears();
    if (message.type === "show") {
      this.#tries = 0;
      if (this.#build && message.build && message.build !== this.#build) return location.reload();
      this.#build ||= message.build;
      // What the tiles need to know of cameras comes with what is shown: nothing else may be asked.
      catalogue.cameras = inOrder(message.cameras);
      catalogue.loaded = true;
      this.display = message.display;
      this.scene = message.scene;
      this.up = true;
    } else if (message.type === "identify") {
      this.naming = true;
      clearTimeout(this.#naming);
      this.#naming = setTimeout(() => (this.naming = false), NAMING_MS);
    } else if (message.type === "pong" && message.t !== null) {
      const rtt = this.#heard - message.t;
      this.#bestRtt *= 1.05;
      if (rtt > this.#bestRtt) return;
      this.#bestRtt = rtt;
      this.offsetMs = msOfNs(message.server_ns) + rtt / 2 - Date.now();
    }
  }

  #drop(): void {
    clearInterval(this.#beat);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    if (this.up) this.downSince = Date.now();
    this.up = false;
  }
}
