// One tile: which camera it should show, what was heard and seen of it, and the verdict that the screen says.
import type { TileReading } from "../shell/instruments";
import type { Shown } from "../tile/shot";
import { TileTools } from "../tile/tools.svelte";
import type { LinkState } from "./link";
import { msOfNs, type Choice, type PictureMessage, type ServerMessage, type TileMessage } from "./protocol";
import { drawJpeg } from "./still";
import { ageOf, captureMs, judge, overtakes, rtpReached, type Facts, type RtpClock, type TileState, type Verdict } from "./truth";

export class WallTile {
  camera = $state<string | null>(null);
  verdict = $state.raw<Verdict>({ state: "empty", ageMs: null, veil: false });
  /** What the server said about the present camera. */
  told = $state.raw<TileMessage | null>(null);
  /** The last of it that says something of the line. */
  lined = $state.raw<TileMessage | null>(null);
  revealed = $state(false);
  /** A copy of the last picture is seen: the track it came from is gone. */
  kept = $state(false);
  readonly tools = new TileTools(this);
  choice: Choice = { stream: "sub" };
  n = 0;
  /** Messages of earlier switches say less than this. */
  expected = 0;
  media: MediaStream | null = null;
  receiver: RTCRtpReceiver | null = null;
  /** Where pictures over HTTP are drawn, and the last one of a lost session. */
  canvas: HTMLCanvasElement | null = null;
  #video: HTMLVideoElement | null = null;
  #told = 0;
  #clock: RtpClock | null = null;
  #unused = true;
  #switchedRtp: number | null = null;
  #shownRtp: number | null = null;
  #frames = 0;
  #firstFrameAt: number | null = null;
  #lastFrameAt: number | null = null;
  #lastFrameWall = 0;
  #lastFrameAge: number | null = null;
  /** Capture time, ms on the server's clock, of the still picture on the screen that stands in for video. */
  #still: number | null = null;
  /** What there was in place of the last picture that was asked for over HTTP. */
  #missing: TileState | null = null;
  /** That of the newest one that came. */
  #newest = -Infinity;

  constructor(
    readonly tile: number,
    private readonly serverNow: () => number | null,
    private readonly changed: (tile: WallTile) => void,
  ) {}

  /** Another camera or stream. The old picture is hidden at once unless it is of the same camera. */
  assign(camera: string | null, choice: Choice, n: number): void {
    const same = camera !== null && camera === this.camera;
    this.#unused = this.#unused && this.camera === null;
    this.camera = camera;
    this.choice = choice;
    this.n = n;
    this.told = null;
    // What is known of the same camera's line holds until more is: its mark must not blink.
    if (!same) this.lined = null;
    this.#switchedRtp = null;
    this.#firstFrameAt = null;
    if (!same) {
      this.revealed = false;
      this.kept = false;
      this.#clock = null;
      this.#forgetFrame();
      this.tools.reset();
    }
    this.changed(this);
  }

  /** A track of a new PeerConnection: nothing was ever shown on it. */
  attach(receiver: RTCRtpReceiver): void {
    this.receiver = receiver;
    this.media = new MediaStream([receiver.track]);
    this.#unused = true;
    this.#switchedRtp = null;
    this.#clock = null;
    this.#shownRtp = null;
    this.told = null; // It was said of the session before.
    if (this.#video) this.#play(this.#video);
  }

  /** The session is lost and its track with it: keep the last picture (marked as what it is) until there is another. */
  keep(): void {
    const [video, canvas] = [this.#video, this.canvas];
    if (!video?.videoWidth || !canvas || !this.revealed || this.kept) return;
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    this.kept = true;
  }

  /** The element that shows it; gives the function that takes it away. */
  show(video: HTMLVideoElement): () => void {
    this.#video = video;
    if (this.media) this.#play(video);
    let handle = 0;
    const frame = (now: number, metadata: VideoFrameCallbackMetadata): void => {
      handle = video.requestVideoFrameCallback(frame);
      this.#presented(now, metadata);
    };
    handle = video.requestVideoFrameCallback(frame);
    return () => {
      video.cancelVideoFrameCallback(handle);
      video.srcObject = null;
      if (this.#video === video) this.#video = null;
    };
  }

  /** A still picture was drawn; its age in ms. Those over HTTP replace a session, the others (`stillMs`) its video. */
  picture(ageMs: number | null, stillMs: number | null = null): void {
    this.#still = stillMs;
    this.#missing = null;
    this.#frames++;
    if (this.canvas) this.tools.sized(this.canvas.width, this.canvas.height);
    this.revealed = true;
    this.kept = true;
    this.#seen(performance.now());
    this.#lastFrameAge = ageMs;
    this.#firstFrameAt ??= Date.now();
    this.changed(this);
  }

  /** There is none over HTTP now, and this is why. The last one grows older. */
  noPicture(why: TileState): void {
    this.#missing = why;
    this.changed(this);
  }

  hear(message: ServerMessage & { tile: number }): void {
    if (message.type === "clock") {
      this.#clock = { rtp: message.rtp >>> 0, wallMs: Number(message.wall_ns) / 1e6 };
    } else if (message.type === "switched") {
      if ((message.n ?? 0) < this.expected) return;
      this.#switchedRtp = message.rtp >>> 0;
      // A clock that came before it may be of the camera before; one of the new camera has passed the switch.
      if (this.#clock && !rtpReached(this.#clock.rtp, this.#switchedRtp)) this.#clock = null;
      if (this.#shownRtp !== null && rtpReached(this.#shownRtp, this.#switchedRtp)) this.#reveal(performance.now());
    } else if (message.type === "tile") {
      if ((message.n ?? 0) < this.expected || message.camera !== this.camera) return;
      this.told = this.lined = message;
      this.#told = performance.now();
    } else if (message.type === "picture") {
      if ((message.n ?? 0) < this.expected) return;
      void this.#draw(message);
      return;
    }
    this.changed(this);
  }

  /** Now on the server's clock, ms since 1970; this machine's own while that is not known. */
  now(): number {
    return this.serverNow() ?? Date.now();
  }

  /** The picture on the screen, in its own size, and when it was captured; null where there is none. */
  shown(): (Shown & { at: number | null }) | null {
    const replay = this.tools.replay;
    const video = replay ? replay.player.current() : this.#video;
    if (replay && video?.videoWidth) return { source: video, width: video.videoWidth, height: video.videoHeight, at: replay.player.shownAt ?? replay.player.at };
    if (replay || !this.revealed || this.camera === null) return null;
    const [canvas, at] = [this.canvas, this.capturedAt()];
    if (this.kept && canvas?.width) return { source: canvas, width: canvas.width, height: canvas.height, at };
    return video?.videoWidth ? { source: video, width: video.videoWidth, height: video.videoHeight, at } : null;
  }

  /** When the live picture on the screen was captured, ms on the server's clock; null while nobody knows. */
  capturedAt(): number | null {
    if (this.#still !== null) return this.#still;
    if (this.#lastFrameAge !== null && this.#lastFrameAt !== null) return this.now() - this.#lastFrameAge - (performance.now() - this.#lastFrameAt);
    return null;
  }

  /** The page was hidden, and callbacks of frames with it: until the next one the server's word has to do. */
  resumed(): void {
    if (this.#lastFrameAt === null || this.#still !== null) return;
    this.#seen(performance.now());
    this.#lastFrameAge = null;
    this.changed(this);
  }

  decide(link: LinkState): void {
    const next = judge(this.#facts(link));
    const now = this.verdict;
    const coarse = (age: number | null): number => (age === null ? -1 : Math.floor(age / 100));
    if (next.state !== now.state || next.veil !== now.veil || coarse(next.ageMs) !== coarse(now.ageMs)) this.verdict = next;
  }

  reading(link: LinkState): TileReading {
    return {
      tile: this.tile,
      camera: this.camera,
      state: this.verdict.state,
      ageMs: ageOf(this.#facts(link)),
      frames: this.#frames,
      n: this.n,
      firstFrameAt: this.#firstFrameAt,
      switchedRtp: this.#switchedRtp,
      shownRtp: this.#shownRtp,
    };
  }

  #facts(link: LinkState): Facts {
    const told = this.told;
    return {
      camera: this.camera !== null,
      link,
      now: this.#now(),
      revealed: this.revealed,
      lastFrameAt: this.#lastFrameAt,
      lastFrameAgeMs: this.#lastFrameAge,
      still: this.#still !== null,
      missing: this.#missing,
      server: told ? { state: told.state, ageMs: told.age_ms, at: this.#told } : null,
    };
  }

  // On the clock of lastFrameAt, which stands still while the machine sleeps: the other clock tells.
  #now(): number {
    const now = performance.now();
    return this.#lastFrameAt === null ? now : Math.max(now, this.#lastFrameAt + Date.now() - this.#lastFrameWall);
  }

  #seen(now: number): void {
    this.#lastFrameAt = now;
    this.#lastFrameWall = Date.now() - (performance.now() - now);
  }

  #play(video: HTMLVideoElement): void {
    video.srcObject = this.media;
    // Muted video may start by itself; a refusal (page hidden) is made good by the browser when it is shown.
    video.play().catch(() => undefined);
  }

  #presented(now: number, metadata: VideoFrameCallbackMetadata): void {
    // A track that ends presents one black frame: no picture of a camera.
    if (this.media?.getVideoTracks()[0]?.readyState !== "live") return;
    const rtp = metadata.rtpTimestamp === undefined ? null : metadata.rtpTimestamp >>> 0;
    this.#shownRtp = rtp;
    // What was still on its way when the line gave out is older than the still picture, and stays under it.
    const frameMs = this.#clock && rtp !== null ? captureMs(this.#clock, rtp) : null;
    if (this.#still !== null && !overtakes(this.#still, frameMs, this.told?.state ?? null)) return;
    this.#frames++;
    this.tools.sized(metadata.width, metadata.height);
    this.kept = false;
    this.#still = null;
    this.#seen(now);
    this.#lastFrameAge = this.#ageAt(rtp);
    if (this.camera === null || this.#firstFrameAt !== null) return;
    const reached = this.#switchedRtp !== null && (rtp === null || rtpReached(rtp, this.#switchedRtp));
    if (reached || (this.#unused && this.expected === 0)) this.#reveal(metadata.presentationTime || now);
  }

  #ageAt(rtp: number | null): number | null {
    const server = this.serverNow();
    if (rtp === null || this.#clock === null || server === null) return null;
    return Math.max(0, server - captureMs(this.#clock, rtp));
  }

  #reveal(at: number): void {
    if (this.#firstFrameAt !== null) return;
    this.#firstFrameAt = performance.timeOrigin + at;
    if (this.#lastFrameAt === null) this.#seen(at);
    this.revealed = true;
    this.changed(this);
  }

  async #draw(message: PictureMessage): Promise<void> {
    const [camera, canvas, captured] = [this.camera, this.canvas, msOfNs(message.wall_ns)];
    if (camera === null || !canvas || captured <= this.#newest) return;
    this.#newest = captured;
    const drawn = await drawJpeg(canvas, message.jpeg, () => this.camera === camera && this.#newest === captured);
    if (!drawn) return;
    const server = this.serverNow();
    this.picture(server === null ? null : Math.max(0, server - captured), captured);
  }

  #forgetFrame(): void {
    this.#missing = null;
    this.#still = null;
    this.#newest = -Infinity;
    this.#lastFrameAt = null;
    this.#lastFrameAge = null;
  }
}
