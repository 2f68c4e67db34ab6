// What a tile may say about its picture. Pure: the same facts give the same words. A picture older than 2 s, or not
// renewed for 2 s, is never called live.
import type { LinkState } from "./link";
import type { ServerTileState } from "./protocol";

export const OLD_MS = 2000;
const PICTURE_OLD_MS = 6000;
/** What the server said longer ago than this says nothing of now. */
const WORD_OLD_MS = 3000;

export type TileState = ServerTileState;

export interface Facts {
  camera: boolean;
  link: LinkState;
  /** Now, ms, on the clock of lastFrameAt. */
  now: number;
  /** The picture on the screen is of the present camera. */
  revealed: boolean;
  /** When the last picture was presented, ms; null before the first. */
  lastFrameAt: number | null;
  /** Its age when it was presented, ms; null while nobody knows. */
  lastFrameAgeMs: number | null;
  /** It is a still picture, sent in place of video. */
  still: boolean;
  /** What the last question for a picture over HTTP said in place of one; null where it gave one. */
  missing: TileState | null;
  server: { state: ServerTileState; ageMs: number | null; at: number } | null;
}

export interface Verdict {
  state: TileState;
  /** Age of the picture on the screen, ms; null when there is none or nobody knows. */
  ageMs: number | null;
  /** The picture must not look like one of now. */
  veil: boolean;
}

const TOLD: ReadonlySet<ServerTileState> = new Set(["offline", "forbidden", "unsupported"]);

/** Age now of the picture on the screen. */
export function ageOf(facts: Facts): number | null {
  if (!facts.revealed || facts.lastFrameAt === null) return null;
  const shownFor = facts.now - facts.lastFrameAt;
  if (facts.lastFrameAgeMs !== null) return Math.max(0, facts.lastFrameAgeMs + shownFor);
  return shownFor > OLD_MS ? shownFor : null;
}

// A picture that is sent again (the browser asked, and nothing newer was there) is new on the screen, and its RTP time
// says less than its age: the server knows what it sent last.
function toldAge(facts: Facts): number | null {
  const server = facts.server;
  if (!facts.revealed || !server || server.ageMs === null || server.ageMs <= OLD_MS) return null;
  const since = facts.now - server.at;
  return since < WORD_OLD_MS ? server.ageMs + since : null;
}

export function judge(facts: Facts): Verdict {
  if (!facts.camera) return { state: "empty", ageMs: null, veil: false };
  const [seen, heard] = [ageOf(facts), toldAge(facts)];
  const ageMs = heard === null || facts.still ? seen : Math.max(heard, seen ?? 0);
  const asPictures: Verdict = { state: "pictures", ageMs, veil: ageMs !== null && ageMs > PICTURE_OLD_MS };
  if (facts.link === "pictures") {
    if (facts.missing !== null && (ageMs === null || ageMs > PICTURE_OLD_MS)) return { state: facts.missing, ageMs, veil: true };
    return facts.revealed ? asPictures : { state: "connecting", ageMs: null, veil: false };
  }
  const frozen = facts.lastFrameAt !== null && facts.now - facts.lastFrameAt > OLD_MS;
  const old = ageMs !== null && ageMs > OLD_MS;
  if (facts.link === "down") return { state: "reconnecting", ageMs, veil: true };
  const told = facts.server?.state ?? "connecting";
  if (TOLD.has(told)) return { state: told, ageMs, veil: true };
  if (!facts.revealed || facts.lastFrameAt === null) {
    return { state: told === "reconnecting" ? "reconnecting" : "connecting", ageMs: null, veil: false };
  }
  // Until video is on the screen again the picture there is a still one, whatever the server sends already.
  if (facts.still && told !== "reconnecting" && told !== "connecting") return asPictures;
  if (frozen) return { state: told === "reconnecting" || told === "connecting" ? "reconnecting" : "late", ageMs, veil: true };
  if (old) return { state: told === "catching_up" || told === "reconnecting" ? told : "late", ageMs, veil: true };
  if (ageMs !== null) return { state: "live", ageMs, veil: false };
  return unknownAge(facts);
}

// Pictures flow and no clock has come yet: the server's word about what it sends has to do.
function unknownAge(facts: Facts): Verdict {
  const server = facts.server;
  if (server && facts.now - server.at < WORD_OLD_MS && (server.state === "live" || server.state === "late")) {
    return { state: server.state, ageMs: server.ageMs, veil: server.state === "late" };
  }
  return { state: "catching_up", ageMs: null, veil: false };
}

/** Age of a picture over HTTP, ms: by the server's clock as its answer tells it (`date`, in whole seconds), for this
 * machine's own may be minutes off and would call an old picture fresh. Null where nobody says when it was captured. */
export function pictureAge(captured: number, date: string | null, now: number): number | null {
  if (!Number.isFinite(captured)) return null;
  const server = Date.parse(date ?? "");
  return Math.max(0, (Number.isFinite(server) ? server + 500 : now) - captured);
}

/** A frame of video may take the place of a still picture: it is newer, or, where nobody knows, the server sends video. */
export function overtakes(stillMs: number, frameMs: number | null, told: ServerTileState | null): boolean {
  return frameMs === null ? told !== null && told !== "pictures" : frameMs > stillMs;
}

/** RTP timestamp `a` is at or after `b`, over the wrap of 32 bits. */
export function rtpReached(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}

export interface RtpClock {
  rtp: number;
  wallMs: number;
}

/** Capture time, ms since 1970, of an RTP timestamp (90 kHz) near `clock`. */
export function captureMs(clock: RtpClock, rtp: number): number {
  return clock.wallMs + ((rtp - clock.rtp) | 0) / 90;
}
