// What the wall's page and the server say to each other over the session's WebSocket, as JSON text.
import type { StreamName } from "../api/types";

/** How much `main` is wanted in place of `sub` where a site's line does not carry all; without it: it and no other. */
export type Claim = "large" | "full" | "forced";

export interface Choice {
  stream: StreamName;
  claim?: Claim;
}

export interface TileRequest extends Choice {
  tile: number;
  camera: string;
}

/** What was decided of the site's line for a tile with a claim: given, or why not, and what all that costs. */
export interface LineMessage {
  given: boolean;
  why: "" | "full" | "squeezed";
  forced: boolean;
  /** Of the main stream, of the sub stream; of all that crosses the line now, and of what may (null: nobody said). */
  kbps: number;
  small_kbps: number;
  used_kbps: number;
  line_kbps: number | null;
}

export type ServerTileState =
  | "empty"
  | "connecting"
  | "catching_up"
  | "live"
  /** The line carries no video: still pictures come instead, see PictureMessage. */
  | "pictures"
  | "late"
  | "reconnecting"
  | "offline"
  | "forbidden"
  | "unsupported";

export interface TileMessage {
  type: "tile";
  tile: number;
  camera: string | null;
  stream: StreamName | null;
  /** Null for what came with the offer. */
  n: number | null;
  state: ServerTileState;
  age_ms: number | null;
  since: string | null;
  cause: string | null;
  why: string | null;
  line?: LineMessage | null;
  /** This browser does not play what the camera sends: the server makes H.264 of it. */
  transcoded?: boolean;
}

/** What a tile is told of a camera that this person may not watch, with the answer to an offer. */
export const forbidden = ({ tile, camera, stream }: TileRequest): TileMessage => ({
  type: "tile",
  tile,
  camera,
  stream,
  n: null,
  state: "forbidden",
  age_ms: null,
  since: null,
  cause: null,
  why: null,
});

export interface PictureMessage {
  type: "picture";
  tile: number;
  n: number | null;
  /** Base64. */
  jpeg: string;
  wall_ns: string;
}

/**
 * Sound of one tile. The page adds one audio transceiver (recvonly, G.711 among its codecs) to the wall's offer, behind
 * the videos; then `listen` names the tile that is heard (null: none), and sound follows what that tile shows. "silent"
 * has a cause: the Run is not known yet, it has no sound, or none of it comes (across a line).
 */
export interface ListeningMessage {
  type: "listening";
  tile: number | null;
  state: "off" | "on" | "silent";
  cause: "waiting" | "no_track" | "no_packets" | null;
}

export type ServerMessage =
  | TileMessage
  | PictureMessage
  | ListeningMessage
  | { type: "switched"; tile: number; n: number | null; rtp: number }
  | { type: "clock"; tile: number; rtp: number; wall_ns: string }
  | { type: "pong"; t: number; server_ns: string }
  | { type: "error"; message: string }
  | { type: "closed"; why: string };

/** What a tile is to show; all that change together go in one message. */
export interface Show extends Choice {
  tile: number;
  camera: string | null;
  n: number;
}

/** What will be shown in a moment. */
export interface Warm extends Choice {
  camera: string;
}

export type ClientMessage =
  | { type: "warm"; cameras: Warm[] }
  | { type: "show"; tiles: Show[] }
  | { type: "listen"; tile: number | null }
  | { type: "ping"; t: number };

/** Nanoseconds since 1970 as text to milliseconds; doubles hold this to a quarter of a microsecond. */
export function msOfNs(ns: string): number {
  return Number(ns) / 1e6;
}
