// Every picture of one stream, decoded a little ahead of the clock and painted when it is due: the newest one taken at or
// before the clock's instant. Told the instant at every refresh, it does what there is to do and returns. A new place is
// seen only with its own picture; a group that cannot be decoded is passed over.
import { configOf, decodable, kindOf } from "./codecs";
import type { Easel } from "./easel";
import type { GopBook } from "./gopbook";
import type { Sample } from "./fmp4";
import { timeOf, type Loaded, type Media } from "./media";
import type { Gop } from "./playlist";

const AHEAD = 6;
const QUEUED = 12;
const IN_FLIGHT = 32;
/** Time of a frame is a fraction: half a millisecond is no other instant. */
const EXACT_MS = 0.6;
/** A place so little after what is decoded is reached by going on. */
const ON_MS = 400;
/** Nothing comes for so long: what was fed without an answer has none. */
const SILENT_MS = 300;
/** So late, and with a newer group there, it goes on with that. */
const LATE_MS = 300;
/** So long before footage goes on after a gap it is made ready. */
const LEAD_MS = 1500;
const FIRST_WITHIN_MS = 300;

interface Due {
  at: number;
  until: number;
  frame: VideoFrame;
}

export class Strip {
  /** The codec that this browser does not decode; "" while it does. */
  cannot = "";
  /** Nothing of the present place has been seen. */
  landing = true;
  #decoder: VideoDecoder | null = null;
  #kind = "";
  #feeding: { gop: Gop; index: number } | null = null;
  #queue: Due[] = [];
  #at = 0;
  #rate = 1;
  #fed = 0;
  #out = 0;
  #decoded = 0;
  /** Of the end of a stretch: its last pictures are asked for, or there. */
  #flush: "" | "asked" | "done" = "";
  #heard = 0;
  #bad = new Set<string>();
  /** Changes when what was fed is of no interest any more. */
  #turn = 0;

  constructor(
    private readonly book: GopBook,
    private readonly media: Media,
    private readonly easel: Easel,
  ) {}

  /** Another instant is asked for: one close by is reached by going on. */
  seek(ms: number): void {
    const seen = this.easel.shown;
    const on = !this.landing && this.#feeding !== null && seen !== null && ms >= seen - EXACT_MS && ms - this.#decoded < ON_MS;
    if (!on) this.restart();
  }

  /** What could not be decoded may be tried again. */
  forgive(): void {
    this.#bad.clear();
  }

  /** Begin anew at whatever comes next. */
  restart(): void {
    this.#turn++;
    this.#drop();
    if (this.#decoder?.state === "configured") this.#decoder.reset();
    this.#kind = "";
    this.#feeding = null;
    this.landing = true;
    this.#flush = "";
    this.#fed = this.#out = 0;
  }

  close(): void {
    this.restart();
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
  }

  /** The group of that instant could not be decoded. */
  broken(gop: Gop): boolean {
    return this.#bad.has(gop.key);
  }

  /** What is seen is the newest at that instant, as far as anybody knows. */
  current(ms: number): boolean {
    if (this.landing || this.easel.shown === null) return false;
    const after = this.#queue[0]?.at;
    return (after !== undefined && after > ms) || this.#flush === "done" || ms - this.easel.shown < 700 * Math.max(1, this.#rate);
  }

  /** The clock says `ms`, which is in `gop`, and goes at `rate` (0: not at all). */
  follow(gop: Gop, ms: number, rate: number): void {
    this.#at = ms;
    this.#rate = rate;
    if (this.#bad.has(gop.key)) return;
    this.#place(gop, ms);
    this.#prefetch(gop, ms);
    this.#feed();
    this.#paint();
  }

  /** In a gap that ends soon. */
  prepare(next: Gop, ms: number, rate: number): void {
    if (next.from - ms > LEAD_MS * Math.max(1, rate)) return;
    this.#at = ms;
    this.#rate = rate;
    if (!this.#feeding || this.#feeding.gop.from < next.from) this.#begin(next);
    this.#feed();
  }

  #begin(gop: Gop): void {
    this.restart();
    this.#feeding = { gop, index: 0 };
    this.#decoded = gop.from;
  }

  #place(gop: Gop, ms: number): void {
    const fed = this.#feeding?.gop;
    const left = fed && gop.from > fed.from && ms - this.#decoded > LATE_MS * Math.max(1, this.#rate);
    if (!fed || left) this.#begin(gop);
  }

  // What is played next is on its way before it is needed.
  #prefetch(gop: Gop, ms: number): void {
    const until = ms + Math.max(3500, this.#rate * 3500);
    let next: Gop | undefined = gop;
    for (let count = 0; next && next.from < until && count < 5; count++) {
      this.media.peek(next);
      next = this.book.beside(next, 1);
    }
  }

  #feed(): void {
    if (this.#decoder?.decodeQueueSize === 0 && performance.now() - this.#heard > SILENT_MS) this.#fed = this.#out;
    while (this.#feeding && this.#queue.length < AHEAD && this.#fed - this.#out < IN_FLIGHT) {
      if ((this.#decoder?.decodeQueueSize ?? 0) >= QUEUED) return;
      const loaded = this.media.peek(this.#feeding.gop);
      if (!loaded) return;
      const sample = loaded.samples[this.#feeding.index];
      if (!sample) {
        if (!this.#onward(this.#feeding.gop)) return;
        continue;
      }
      if (this.#feeding.index === 0 && !this.#ready(loaded)) return;
      this.#feeding.index++;
      this.#flush = "";
      this.#fed++;
      if (!this.#decode(loaded, sample)) return this.#broke();
    }
  }

  #decode(loaded: Loaded, sample: Sample): boolean {
    const timestamp = Math.round(timeOf(loaded, sample) * 1000);
    const duration = Math.round((sample.duration / loaded.init.timescale) * 1e6);
    try {
      this.#decoder?.decode(new EncodedVideoChunk({ type: sample.key ? "key" : "delta", timestamp, duration, data: sample.data }));
      return true;
    } catch {
      return false; // A group that does not begin with a key frame, or a decoder that has just failed.
    }
  }

  // All of a group is fed: on with what it has become, or with the next one.
  #onward(gop: Gop): boolean {
    const present = this.book.present(gop);
    if (present.bytes > gop.bytes) {
      if (this.#flush) this.#begin(present);
      else if (this.#feeding) this.#feeding.gop = present;
      return true;
    }
    const next = this.book.beside(gop, 1);
    if (next && this.book.joins(gop, next)) {
      this.#feeding = { gop: next, index: 0 };
      return true;
    }
    if (next || this.book.settled(gop.to)) this.#finish();
    if (!next || this.#flush !== "done" || next.from - this.#at > LEAD_MS * Math.max(1, this.#rate)) return false;
    this.#feeding = { gop: next, index: 0 };
    return true;
  }

  #finish(): void {
    if (this.#flush || !this.#decoder) return;
    this.#flush = "asked";
    const turn = this.#turn;
    this.#decoder.flush().then(
      () => {
        if (turn !== this.#turn) return;
        this.#flush = "done";
        this.#fed = this.#out;
      },
      () => undefined, // Reset meanwhile.
    );
  }

  #ready(loaded: Loaded): boolean {
    const kind = kindOf(loaded.init);
    if (this.#decoder?.state === "configured" && kind === this.#kind) return true;
    const can = decodable(loaded.init);
    this.cannot = can === false ? loaded.init.codec : "";
    if (!can) return false;
    if (this.#decoder?.state === "configured" && this.#kind) {
      // The pictures of the former kind come out first.
      this.#finish();
      if (this.#flush !== "done") return false;
    }
    if (!this.#decoder || this.#decoder.state === "closed") this.#decoder = this.#fresh();
    this.#decoder.configure(configOf(loaded.init));
    this.#kind = kind;
    return true;
  }

  #fresh(): VideoDecoder {
    return new VideoDecoder({ output: (frame) => this.#take(frame), error: () => this.#broke() });
  }

  #take(frame: VideoFrame): void {
    this.#out++;
    this.#heard = performance.now();
    const at = frame.timestamp / 1000;
    this.#decoded = Math.max(this.#decoded, at);
    let index = this.#queue.length;
    while (index > 0 && (this.#queue[index - 1]?.at ?? 0) > at) index--;
    this.#queue.splice(index, 0, { at, until: at + (frame.duration ?? 0) / 1000, frame });
    this.#prune();
    this.#feed();
  }

  // Of those that are due only the newest is seen.
  #prune(): void {
    while (this.#queue.length > 1 && (this.#queue[1]?.at ?? Infinity) <= this.#at + EXACT_MS) this.#queue.shift()?.frame.close();
  }

  #paint(): void {
    this.#prune();
    const head = this.#queue[0];
    if (!head) return;
    const early = head.at > this.#at + EXACT_MS;
    if (this.landing) {
      const sure = this.#queue.length > 1 || early || this.#at < head.until || this.#flush === "done";
      if (!sure || (early && head.at - this.#at > FIRST_WITHIN_MS)) return;
      this.landing = false;
    } else if (early) return;
    this.easel.paint(head.frame, head.at);
    head.frame.close();
    this.#queue.shift();
  }

  #broke(): void {
    const gop = this.#feeding?.gop;
    if (gop) this.#bad.add(gop.key);
    this.#turn++;
    this.#drop();
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
    this.#kind = "";
    this.#feeding = null;
    this.#flush = "";
    this.#fed = this.#out = 0;
    this.landing = true;
  }

  #drop(): void {
    for (const due of this.#queue) due.frame.close();
    this.#queue = [];
  }
}
