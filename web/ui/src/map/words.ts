// Levels and places in the reader's language.
import { conditionWord } from "../catalogue/words";
import { m } from "../shell/messages";
import type { Level, Troubles } from "./levels";
import type { Spot } from "./spots";

const LEVEL: Record<Level, () => string> = {
  alarm: m.map_level_alarm,
  down: m.map_level_down,
  picture: m.map_level_picture,
  unsteady: m.map_level_unsteady,
  silent: m.condition_not_reported,
  live: m.condition_live,
  off: m.condition_disabled,
};

export const levelWord = (level: Level): string => LEVEL[level]();

/** What is to be said of one camera: its alarm, else what ails its picture, else its state. */
export function spotWord(spot: Spot, troubles: Troubles): string {
  if (spot.level === "alarm") return troubles.alarms.get(spot.camera.id) ?? levelWord("alarm");
  if (spot.level === "picture") return troubles.pictures.get(spot.camera.id) ?? levelWord("picture");
  return conditionWord(spot.camera.state.condition);
}
