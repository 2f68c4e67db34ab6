// How a camera fares, in the order of what wants a person first: what the map shows by shape, colour and word. Pure.
import type { Camera } from "../api/types";

export const LEVELS = ["alarm", "down", "picture", "unsteady", "silent", "live", "off"] as const;
export type Level = (typeof LEVELS)[number];

/** What is known beside the camera's own state: cameras with an alarm that waits, and with a picture that is not well. */
export interface Troubles {
  alarms: ReadonlyMap<string, string>;
  pictures: ReadonlyMap<string, string>;
}

export function levelOf(camera: Camera, troubles: Troubles): Level {
  if (troubles.alarms.has(camera.id)) return "alarm";
  switch (camera.state.condition) {
    case "disabled":
      return "off";
    case "unreachable":
    case "auth_failed":
    case "unsupported":
      return "down";
    case "not_reported":
      return "silent";
    case "stalled":
    case "connecting":
      return "unsteady";
    default:
      return troubles.pictures.has(camera.id) ? "picture" : "live";
  }
}

export const rankOf = (level: Level): number => LEVELS.indexOf(level);

/** How many there are of each level, the worst first. */
export function countLevels(levels: readonly Level[]): { level: Level; count: number }[] {
  return LEVELS.map((level) => ({ level, count: levels.filter((one) => one === level).length })).filter((entry) => entry.count > 0);
}
