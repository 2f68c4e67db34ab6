// Key frames alone: at every refresh the newest one of the clock's instant, one decoded at a time, so that what cannot be
// shown in time is left out.
import { configOf, decodable, kindOf } from "./codecs";
import type { Easel } from "./easel";
import { pictureOf, type Key } from "./keybook";

export class KeyStrip {
  cannot = "";
  /** The one that is seen. */
  seen: Key | null = null;
  #decoder: VideoDecoder | null = null;
  #kind = "";
  #busy = false;
  #bad: Key | null = null;
  #turn = 0;

  constructor(private readonly easel: Easel) {}

  broken(key: Key): boolean {
    return this.#bad === key;
  }

  /** Show this one. */
  follow(key: Key): void {
    if (this.#busy || this.seen === key || this.#bad === key) return;
    const can = decodable(key.init);
    this.cannot = can === false ? key.init.codec : "";
    if (can) void this.#show(key);
  }

  restart(): void {
    this.#turn++;
    this.seen = null;
    this.#bad = null;
  }

  close(): void {
    this.restart();
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
  }

  async #show(key: Key): Promise<void> {
    this.#busy = true;
    const turn = this.#turn;
    try {
      const sample = pictureOf(key);
      if (!sample) throw new Error("no picture");
      const frame = await this.#decode(key, sample.data);
      if (turn === this.#turn) {
        this.easel.paint(frame, key.from);
        this.seen = key;
      }
      frame.close();
    } catch {
      this.#bad = key;
      if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
      this.#decoder = null;
    } finally {
      this.#busy = false;
    }
  }

  async #decode(key: Key, data: Uint8Array<ArrayBuffer>): Promise<VideoFrame> {
    const got: VideoFrame[] = [];
    this.#take = (frame) => got.push(frame);
    const decoder = this.#ready(key);
    decoder.decode(new EncodedVideoChunk({ type: "key", timestamp: Math.round(key.from * 1000), data }));
    await decoder.flush();
    const [frame, ...rest] = got;
    for (const one of rest) one.close();
    if (!frame) throw new Error("no picture");
    return frame;
  }

  #take: (frame: VideoFrame) => void = (frame) => frame.close();

  #ready(key: Key): VideoDecoder {
    const kind = kindOf(key.init);
    if (!this.#decoder || this.#decoder.state === "closed") {
      this.#decoder = new VideoDecoder({ output: (frame) => this.#take(frame), error: () => undefined });
      this.#kind = "";
    }
    if (this.#kind !== kind) this.#decoder.configure(configOf(key.init));
    this.#kind = kind;
    return this.#decoder;
  }
}
