// The wall's session with the server: one PeerConnection, one WebSocket, and how both come back after a loss.
// Switching a tile is a message and never a renegotiation. Knows nothing of the screen.
import { ApiError, call, Unreachable } from "../api/client";
import { reach } from "../shell/reach.svelte";
import { firstOffer, poolFor, webrtcPossible } from "./offer";
import { forbidden, msOfNs, type ClientMessage, type ServerMessage, type TileMessage, type TileRequest } from "./protocol";

export type LinkState = "connecting" | "up" | "down" | "pictures";

export interface LinkHooks {
  /** What should be on the tiles now: goes with the offer. */
  wanted(): TileRequest[];
  /** The tile's track of a new PeerConnection. */
  attach(tile: number, receiver: RTCRtpReceiver): void;
  /** The track of its sound. */
  sound(receiver: RTCRtpReceiver): void;
  /** The WebSocket is open: `fresh` after a new session, whose tiles came with the offer. */
  open(fresh: boolean): void;
  message(message: ServerMessage): void;
  /** The tracks are about to end: the last pictures can still be copied. */
  losing(): void;
  state(state: LinkState): void;
}

const STEPS_MS = [100, 300, 600, 1000];
const OPEN_MS = 6000;
const CONNECT_MS = 7000;
const SOCKET_MS = 3000;
const DISCONNECTED_MS = 1000;
const SILENT_MS = 4000;
/** The server forgets who was silent for so long: their session is not worth asking for. */
const FORGOTTEN_MS = 12_000;
const GRACE_MS = 1000;
/** Sessions come about and no picture does: WebRTC is forbidden here, or was for a moment. */
const BARRED = 2;
const BARRED_MS = [3000, 10_000, 30_000];
/** This person may watch nothing: each question is written down, so it is asked seldom. */
const FORBIDDEN_MS = 60_000;
/** Nobody makes a session: pictures over HTTP meanwhile, from whoever can. */
const REFUSED = 3;
/** Closed for good: signed out, or over (web/relay.py). */
const OVER = new Set([4401, 4410]);

export class WallLink {
  /** server's clock minus ours, ms; null before the first pong. */
  offsetMs: number | null = null;
  #pool = poolFor(0);
  #peer: RTCPeerConnection | null = null;
  #socket: WebSocket | null = null;
  #session = "";
  #state: LinkState = "connecting";
  #tries = 0;
  #noMedia = 0;
  #refused = 0;
  #socketTries = 0;
  #attached = false;
  /** Tiles of the present session that stay empty: this person may not watch their camera. */
  #forbidden: TileMessage[] = [];
  #closed = false;
  #generation = 0;
  #bestRtt = Infinity;
  #heard = 0;
  #heardAt = 0;
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #stopListening: () => void = () => undefined;

  constructor(
    private readonly hooks: LinkHooks,
    private readonly sessions = "/api/wall/sessions",
  ) {}

  start(): void {
    addEventListener("pagehide", this.#leave);
    addEventListener("online", this.#back);
    addEventListener("pageshow", this.#shown);
    this.#stopListening = reach.onBack(this.#back);
    if (webrtcPossible()) void this.#connect();
    else this.#to("pictures");
  }

  close(): void {
    this.#closed = true;
    removeEventListener("pagehide", this.#leave);
    removeEventListener("online", this.#back);
    removeEventListener("pageshow", this.#shown);
    this.#stopListening();
    this.#leave();
  }

  /** How many videos the session has. */
  get pool(): number {
    return this.#pool;
  }

  /** There are so many tiles from now on: where the session has fewer videos, another takes its place at once, and the
   * pictures of the old one stay until those of the new one come. */
  hold(tiles: number): void {
    if (poolFor(tiles) <= this.#pool) return;
    this.#pool = poolFor(tiles);
    if (!this.#peer || this.#closed) return;
    if (this.#session) this.#end();
    this.#drop();
    void this.#connect();
  }

  /** True when it went out; otherwise `open` will be called later and everything is to be said again. */
  send(message: ClientMessage): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  // The server, or the network, is there again. What was asked before hangs for as long as the network was away.
  #back = (): void => {
    this.#tries = 0;
    const alive = this.#socket?.readyState === WebSocket.OPEN || this.#silentMs() < FORGOTTEN_MS;
    if (this.#closed || !webrtcPossible() || (this.#session && alive)) return;
    this.#drop();
    void this.#connect();
  };

  // The page comes out of the browser's own store of pages, as it was left: what ended then begins anew.
  #shown = (event: PageTransitionEvent): void => {
    if (event.persisted) this.#back();
  };

  #leave = (): void => {
    if (this.#session) this.#end();
    this.#drop();
  };

  #end(): void {
    void call("DELETE", `${this.sessions}/${this.#session}`, { keepalive: true, anonymous: true }).catch(() => undefined);
  }

  #to(state: LinkState): void {
    if (this.#state === state || this.#closed) return;
    this.#state = state;
    this.hooks.state(state);
  }

  #after(ms: number, act: () => void): void {
    const generation = this.#generation;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (generation === this.#generation && !this.#closed) act();
    }, ms);
    this.#timers.add(timer);
  }

  // Ends the present session on our side; every timer and callback of it becomes void.
  #drop(): void {
    this.#generation++;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    clearInterval(this.#heartbeat);
    this.#socket?.close();
    this.#socket = null;
    if (this.#attached && !this.#closed) this.hooks.losing();
    this.#peer?.close();
    this.#peer = null;
    this.#session = "";
    this.#forbidden = [];
    this.#bestRtt = Infinity;
  }

  async #connect(): Promise<void> {
    const generation = ++this.#generation;
    const over = (): boolean => generation !== this.#generation || this.#closed;
    let peer: RTCPeerConnection | null = null;
    try {
      const offer = await firstOffer.take(this.#pool);
      peer = offer.peer;
      if (over()) return peer.close();
      this.#peer = peer;
      this.#attached = false;
      // The very first tracks are put in place at once; later ones when they carry pictures, so that the last
      // picture of the lost session stays (marked) until then.
      if (this.#state === "connecting") this.#attach(peer);
      this.#watch(peer, generation);
      const tiles = this.hooks.wanted();
      const answer = await call<{ id: string; sdp: string; forbidden?: number[] }>("POST", this.sessions, {
        body: { sdp: offer.sdp, tiles },
        timeoutMs: OPEN_MS,
      });
      if (over()) return peer.close();
      this.#session = answer.id;
      this.#forbidden = tiles.filter(({ tile }) => answer.forbidden?.includes(tile)).map(forbidden);
      if (this.#attached) this.#sayForbidden();
      this.#refused = 0;
      this.#openSocket(true);
      await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      this.#after(CONNECT_MS, () => {
        if (peer?.connectionState !== "connected") this.#noPictures();
      });
    } catch (error) {
      if (over()) {
        peer?.close();
        return;
      }
      if (error instanceof ApiError && error.status === 401) return this.#drop();
      if (!(error instanceof Unreachable)) this.#refused++;
      this.#again(error instanceof ApiError && error.status === 403 ? FORBIDDEN_MS : undefined);
    }
  }

  #attach(peer: RTCPeerConnection): void {
    if (this.#attached) return;
    this.#attached = true;
    peer.getTransceivers().forEach(({ receiver }, tile) => (receiver.track.kind === "audio" ? this.hooks.sound(receiver) : this.hooks.attach(tile, receiver)));
    this.#sayForbidden();
  }

  // To the tiles of this session: what was said of the one before went with its tracks.
  #sayForbidden(): void {
    for (const message of this.#forbidden) this.hooks.message(message);
  }

  #watch(peer: RTCPeerConnection, generation: number): void {
    let flowed = false;
    peer.onconnectionstatechange = () => {
      if (generation !== this.#generation) return;
      if (peer.connectionState === "connected") {
        flowed = true;
        this.#noMedia = 0;
        this.#tries = 0;
        this.#attach(peer);
        this.#judge();
      } else if (peer.connectionState === "failed") {
        if (flowed) this.#again();
        else this.#noPictures();
      } else if (peer.connectionState === "disconnected") {
        this.#after(DISCONNECTED_MS, () => {
          if (peer.connectionState === "disconnected") this.#again();
        });
      }
    };
  }

  #judge(): void {
    const open = this.#socket?.readyState === WebSocket.OPEN;
    if (open && this.#peer?.connectionState === "connected") this.#to("up");
  }

  // The session was made but no picture can come: after two times, pictures over HTTP.
  #noPictures(): void {
    this.#noMedia++;
    this.#again();
  }

  #again(waitMs?: number): void {
    this.#drop();
    if (this.#closed) return;
    const barred = this.#noMedia - BARRED;
    if (barred >= 0 || this.#refused >= REFUSED) this.#to("pictures");
    else if (this.#state !== "pictures") this.#to("down");
    const steps = barred >= 0 ? BARRED_MS : STEPS_MS;
    const wait = steps[Math.min(barred >= 0 ? barred : this.#tries++, steps.length - 1)] ?? 1000;
    this.#after(waitMs ?? wait, () => {
      if (reach.online) void this.#connect(); // Else when it is back.
    });
  }

  #openSocket(fresh: boolean): void {
    const generation = this.#generation;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.sessions}/${this.#session}/control`);
    this.#socket = socket;
    this.#after(SOCKET_MS, () => {
      if (socket === this.#socket && socket.readyState === WebSocket.CONNECTING) this.#forget(socket);
    });
    socket.onopen = () => {
      if (socket !== this.#socket) return socket.close();
      this.#socketTries = 0;
      this.#hears();
      this.hooks.open(fresh);
      this.#beat(socket);
      this.#judge();
    };
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#hear(JSON.parse(String(event.data)) as ServerMessage);
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket || generation !== this.#generation) return;
      this.#lostSocket(event.code);
    };
  }

  // The session lives 15 s without its socket: try to take it up again, twice, then begin anew.
  #lostSocket(code = 0): void {
    clearInterval(this.#heartbeat);
    this.#socket = null;
    if (OVER.has(code) || this.#socketTries >= 2 || this.#silentMs() > FORGOTTEN_MS) return this.#again();
    void reach.check();
    const wait = this.#socketTries++ === 0 ? 100 : 500;
    this.#after(wait, () => this.#openSocket(false));
    this.#after(GRACE_MS, () => {
      if (this.#socket?.readyState !== WebSocket.OPEN) this.#to("down");
    });
  }

  #beat(socket: WebSocket): void {
    clearInterval(this.#heartbeat);
    const beat = (): void => {
      // Half-open: the network went away without a word.
      if (this.#silentMs() > SILENT_MS) return this.#forget(socket);
      this.send({ type: "ping", t: performance.now() });
    };
    beat();
    this.#heartbeat = setInterval(beat, 1000);
  }

  #forget(socket: WebSocket): void {
    socket.onclose = null;
    socket.close();
    if (socket === this.#socket) this.#lostSocket();
  }

  #hears(): void {
    this.#heard = performance.now();
    this.#heardAt = Date.now();
  }

  // By both clocks: one stands still while the machine sleeps, the other may be set.
  #silentMs(): number {
    return Math.max(performance.now() - this.#heard, Date.now() - this.#heardAt);
  }

  #hear(message: ServerMessage): void {
    // The page was stopped, or slept, for longer than its session lives: what waited for it is of that time.
    if (this.#silentMs() > FORGOTTEN_MS) return this.#again();
    this.#hears();
    if (message.type === "pong") {
      const rtt = this.#heard - message.t;
      this.#bestRtt *= 1.05; // An old best must not hide that one of the clocks was set.
      if (rtt <= this.#bestRtt) {
        this.#bestRtt = rtt;
        this.offsetMs = msOfNs(message.server_ns) + rtt / 2 - Date.now();
      }
      return;
    }
    if (message.type === "closed") return this.#again();
    this.hooks.message(message);
  }
}
