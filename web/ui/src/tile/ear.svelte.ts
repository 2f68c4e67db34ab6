// The sound of one tile of the wall: which one is heard, how loud, and what is said of it. Sound follows what the tile
// shows. It begins with a key or a click and never by itself, so that a browser lets it; where it does not all the same,
// `blocked` says so until the next click or key.
import { untrack } from "svelte";
import { session } from "../shell/session.svelte";
import type { ClientMessage, ListeningMessage } from "../wall/protocol";
import { soundState, stepped, type SoundState } from "./sound";

class Ear {
  tile = $state<number | null>(null);
  volume = $state(0.8);
  muted = $state(false);
  /** The tile shows what was: sound of now would lie. */
  held = $state(false);
  #blocked = $state(false);
  #up = $state(false);
  #told = $state.raw<ListeningMessage | null>(null);
  #send: ((message: ClientMessage) => boolean) | null = null;
  #receiver: RTCRtpReceiver | null = null;
  #element: HTMLAudioElement | null = null;

  /** Speak for this wall until the returned function is called. */
  start(send: (message: ClientMessage) => boolean): () => void {
    this.#send = send;
    this.#read();
    const touched = (): void => {
      if (this.#blocked) this.#play();
    };
    addEventListener("pointerdown", touched);
    addEventListener("keydown", touched);
    return () => {
      this.tile = null;
      this.#use();
      this.#send = this.#receiver = null;
      this.#up = false;
      removeEventListener("pointerdown", touched);
      removeEventListener("keydown", touched);
    };
  }

  /** The sound of a new PeerConnection. */
  attach(receiver: RTCRtpReceiver): void {
    this.#receiver = receiver;
    this.#use();
  }

  /** The control socket is open: the server knows nothing of what was asked before. */
  opened(): void {
    this.#told = null;
    if (this.tile !== null) this.#ask();
  }

  linked(up: boolean): void {
    this.#up = up;
  }

  hear(message: ListeningMessage): void {
    this.#told = message;
  }

  /** Hear this tile; the one that is heard: no more. */
  toggle(tile: number): void {
    this.tile = this.tile === tile ? null : tile;
    this.#told = null;
    this.held = false;
    this.#ask();
    this.#use();
  }

  /** The tile shows nothing any more. */
  leave(tile: number): void {
    untrack(() => {
      if (this.tile === tile) this.toggle(tile);
    });
  }

  set(change: { volume?: number; muted?: boolean }): void {
    this.volume = change.volume ?? this.volume;
    this.muted = change.muted ?? this.muted;
    localStorage.setItem(this.#key, JSON.stringify({ volume: this.volume }));
    this.#loud();
  }

  hold(held: boolean): void {
    this.held = held;
    this.#loud();
  }

  /** `taken`: whether sound is taken from the camera at all, by its settings. */
  state(tile: number, taken: boolean | undefined): SoundState {
    return soundState({ tile, up: this.#up, told: this.#told, taken, blocked: this.#blocked, held: this.held, muted: this.muted });
  }

  get #key(): string {
    return `vms.tile-sound.${session.person?.id ?? ""}`;
  }

  #read(): void {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key) ?? "{}") as { volume?: unknown };
      if (typeof kept.volume === "number" && kept.volume > 0 && kept.volume <= 1) this.volume = kept.volume;
    } catch {
      // What was kept is not ours: the usual volume.
    }
  }

  // Not sent while the socket is away: `opened` says it then.
  #ask(): void {
    this.#send?.({ type: "listen", tile: this.tile });
  }

  // A browser decodes a sound only for an element that plays it: nobody listening, nothing is.
  #use(): void {
    const track = this.tile === null ? null : (this.#receiver?.track ?? null);
    this.#blocked = false;
    if (!track) {
      if (this.#element) this.#element.srcObject = null;
      return;
    }
    this.#element ??= new Audio();
    this.#element.srcObject = new MediaStream([track]);
    this.#loud();
    this.#play();
  }

  #play(): void {
    this.#element
      ?.play()
      .then(() => (this.#blocked = false))
      .catch((error: unknown) => {
        // Another reason is that the sound was changed meanwhile.
        if (error instanceof DOMException && error.name === "NotAllowedError") this.#blocked = true;
      });
  }

  #loud(): void {
    if (!this.#element) return;
    this.#element.volume = this.volume ** 2;
    this.#element.muted = this.muted || this.held;
  }
}

export const ear = new Ear();

/** Keys of the wall: u hears the tile, Shift+U mutes, the page keys are its volume. True when the key was ours. */
export function soundKey(key: string, shift: boolean, tile: number, camera: string | null): boolean {
  if (key.toLowerCase() === "u" && shift && ear.tile !== null) ear.set({ muted: !ear.muted });
  else if (key.toLowerCase() === "u" && (camera !== null || ear.tile === tile)) ear.toggle(tile);
  else if ((key === "PageUp" || key === "PageDown") && ear.tile !== null) ear.set({ volume: stepped(ear.volume, key === "PageUp" ? 1 : -1), muted: false });
  else return false;
  return true;
}

