// What the console says of a display, in words and with a shape (catalogue/StateMark.svelte).
import { m } from "../shell/messages";
import type { Display } from "./board.svelte";
import type { Scene } from "./scene";

export interface Wellness {
  /** A shape of StateMark. */
  mark: string;
  word: string;
  bad: boolean;
}

/** The worst thing first: away, tiles that are not live, an old page. */
export function wellness(display: Display, since: string): Wellness {
  if (!display.online) return { mark: "offline", word: display.seen_at ? m.display_away({ since }) : m.display_never(), bad: true };
  if (display.live < display.tiles) return { mark: "late", word: m.display_tiles({ live: display.live, tiles: display.tiles }), bad: false };
  if (display.current === false) return { mark: "catching_up", word: m.display_old(), bad: false };
  return { mark: "live", word: display.tiles ? m.display_well({ tiles: display.tiles }) : m.display_ready(), bad: false };
}

/** What it shows, in a line. */
export function sceneWord(scene: Scene): string {
  if (scene.gone) return m.display_gone();
  if (scene.kind === "view") return m.scene_view({ name: scene.name });
  if (scene.kind === "tour") return m.scene_tour({ name: scene.name });
  if (scene.alarm) return m.scene_alarm({ name: scene.name });
  if (scene.kind === "camera") return m.scene_camera({ name: scene.name });
  if (scene.kind === "tiles") return m.scene_tiles({ count: scene.cameras.filter(Boolean).length });
  if (scene.kind === "message") return m.scene_message();
  return m.scene_nothing();
}
