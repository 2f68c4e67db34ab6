// A replay as a URL: /replay?cameras=<id>,<id>,,<id>&at=<instant>&rate=2&paused=1&grid=4&stream=sub&tile=1&full=1, or
// view=<id> in place of cameras and grid. Pure. What is not understood is left out.
import { codeOf, parseCode, smallestFor, standard, type Layout } from "../views/layout";
import type { StreamName } from "../api/types";
import { speedOf } from "./speeds";

export const CAMERAS_MAX = 16;
const ID = /^[A-Za-z0-9_-]{1,64}$/;

export interface Address {
  view: string | null;
  /** null: the view's. */
  cameras: (string | null)[] | null;
  layout: Layout | null;
  at: number | null;
  rate: number;
  paused: boolean;
  stream: StreamName | null;
  chosen: number;
  full: boolean;
}

export function parseAddress(query: URLSearchParams): Address {
  const [view, cameras, stream] = [query.get("view"), query.get("cameras"), query.get("stream")];
  const at = Date.parse(query.get("at") ?? query.get("t") ?? "");
  const chosen = Number(query.get("tile") ?? "0");
  const layout = standard(query.get("grid") ?? "") ?? parseCode(query.get("layout") ?? "");
  return {
    view: view !== null && ID.test(view) ? view : null,
    cameras: cameras === null ? null : cameras.split(",").slice(0, CAMERAS_MAX).map((id) => (ID.test(id) ? id : null)),
    layout: layout && layout.tiles.length <= CAMERAS_MAX ? layout : null,
    at: Number.isFinite(at) ? at : null,
    rate: speedOf(query.get("rate")),
    paused: query.get("paused") === "1",
    stream: stream === "main" || stream === "sub" ? stream : null,
    chosen: Number.isInteger(chosen) && chosen >= 0 && chosen < CAMERAS_MAX ? chosen : 0,
    full: query.get("full") === "1",
  };
}

/** Trailing holes are of no interest. */
export function trimmed(cameras: readonly (string | null)[]): (string | null)[] {
  const last = cameras.findLastIndex((id) => id !== null);
  return cameras.slice(0, last + 1);
}

export function queryOf(address: Address): Record<string, string | number | null> {
  const cameras = address.cameras && trimmed(address.cameras);
  return {
    view: address.view,
    cameras: cameras ? cameras.map((id) => id ?? "").join(",") || "," : null,
    grid: address.layout?.grid ?? null,
    layout: address.layout ? codeOf(address.layout) : null,
    at: address.at === null ? null : new Date(address.at).toISOString(),
    rate: address.rate === 1 ? null : address.rate,
    paused: address.paused ? 1 : null,
    stream: address.stream,
    tile: address.chosen || null,
    full: address.full ? 1 : null,
  };
}

/** The layout that is said, made larger where it does not hold them all. */
export function layoutFor(cameras: readonly (string | null)[], said: Layout | null): Layout {
  const count = Math.max(1, trimmed(cameras).length);
  return said && said.tiles.length >= count ? said : smallestFor(count);
}

/** The camera taken out where it is there, else put on the first free tile; null: there is no room for it. */
export function toggled(cameras: readonly (string | null)[], id: string, most = CAMERAS_MAX): (string | null)[] | null {
  if (cameras.includes(id)) {
    const without = cameras.map((one) => (one === id ? null : one));
    return trimmed(without);
  }
  const free = cameras.indexOf(null);
  if (free >= 0) return cameras.map((one, index) => (index === free ? id : one));
  return cameras.length < most ? [...cameras, id] : null;
}
