// What may be said of the sound of a tile that is listened to. Pure: the same facts give the same word.
import type { ListeningMessage } from "../wall/protocol";

/** "asking": no answer yet; "disabled": off in the camera's settings; "none": the camera sends none; "away": none comes
 * here now; "blocked": the browser wants a click first; "held": the tile shows what was. */
export type SoundState = "asking" | "on" | "muted" | "held" | "blocked" | "disabled" | "none" | "away";

export interface SoundFacts {
  /** The tile that is listened to. */
  tile: number;
  /** There is a session with the server. */
  up: boolean;
  told: ListeningMessage | null;
  /** The camera's setting; undefined while the camera is not known. */
  taken: boolean | undefined;
  blocked: boolean;
  held: boolean;
  muted: boolean;
}

export function soundState(facts: SoundFacts): SoundState {
  if (!facts.up) return "away";
  if (facts.held) return "held";
  const told = facts.told?.tile === facts.tile ? facts.told : null;
  if (told?.state === "on") return facts.blocked ? "blocked" : facts.muted ? "muted" : "on";
  if (facts.taken === false) return "disabled";
  if (told?.state !== "silent" || told.cause === "waiting") return "asking";
  return told.cause === "no_track" ? "none" : "away";
}

const STEP = 0.1;
const QUIETEST = 0.1;

/** The volume one step up or down. */
export function stepped(volume: number, by: 1 | -1): number {
  return Math.min(1, Math.max(QUIETEST, Math.round((volume + by * STEP) * 10) / 10));
}
