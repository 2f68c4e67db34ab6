// From the wall to a replay of what is on it, a little back.
import { codeOf, type Layout } from "../views/layout";
import { router, urlOf } from "../shell/router.svelte";
import { session } from "../shell/session.svelte";
import { CAMERAS_MAX, trimmed } from "./address";

const BACK_MS = 30_000;

interface Shown {
  cameras: readonly (string | null)[];
  layout: Layout;
  chosen: number;
  full: number | null;
}

/** null where nothing is on it. Of a wall of more tiles the first are taken that have a camera. */
export function replayOf({ cameras, layout, chosen, full }: Shown, now: number): string | null {
  const fits = layout.tiles.length <= CAMERAS_MAX;
  const all = fits ? trimmed(cameras.slice(0, layout.tiles.length)) : cameras.filter((id) => id !== null).slice(0, CAMERAS_MAX);
  if (!all.some(Boolean)) return null;
  const tile = Math.max(0, fits ? chosen : all.indexOf(cameras[chosen] ?? null));
  return urlOf("/replay", {
    cameras: all.map((id) => id ?? "").join(","),
    grid: fits ? layout.grid : null,
    layout: fits ? codeOf(layout) : null,
    at: new Date(now - BACK_MS).toISOString(),
    tile: tile || null,
    full: full === null ? null : 1,
  });
}

export function toReplay(wall: Shown & { serverNow(): number }): void {
  const url = session.may("replay") ? replayOf(wall, wall.serverNow()) : null;
  if (url) router.go(url);
}
