// The wall as a URL: /wall?grid=9&tiles=<id>,<id>,,<id>&full=3&tile=2, a free layout as layout=<code>, a saved view as
// view=<id>; what was changed of a view stands beside it, with the rev it was read at. Pure. With none of `tiles` and
// `view` it is the default wall.
import { codeOf, parseCode, standard, TILES_MAX, type Layout } from "../views/layout";

export interface Address {
  view: string | null;
  /** Of the view, as it was when the changes here began; null where nothing is changed. */
  rev: number | null;
  layout: Layout | null;
  tiles: (string | null)[] | null;
  full: number | null;
  chosen: number;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;

function index(text: string | null): number | null {
  if (text === null || !/^\d{1,2}$/.test(text)) return null;
  const value = Number(text);
  return value < TILES_MAX ? value : null;
}

/** Anything that is not understood is left out; the wall then shows what it would without. */
export function parseAddress(query: URLSearchParams): Address {
  const [view, rev, tiles] = [query.get("view"), query.get("rev"), query.get("tiles")];
  return {
    view: view !== null && ID.test(view) ? view : null,
    rev: rev !== null && /^\d{1,9}$/.test(rev) ? Number(rev) : null,
    layout: standard(query.get("grid") ?? "") ?? parseCode(query.get("layout") ?? ""),
    tiles: tiles === null ? null : tiles.split(",").slice(0, TILES_MAX).map((id) => (ID.test(id) ? id : null)),
    full: index(query.get("full")),
    chosen: index(query.get("tile")) ?? 0,
  };
}

export function queryOf(address: Address): Record<string, string | number | null> {
  const tiles = address.tiles ? [...address.tiles] : null;
  while (tiles && tiles.length > 1 && tiles.at(-1) === null) tiles.pop();
  return {
    view: address.view,
    rev: address.view && (address.layout || address.tiles) ? address.rev : null,
    grid: address.layout?.grid ?? null,
    layout: address.layout ? codeOf(address.layout) : null,
    tiles: tiles ? tiles.map((id) => id ?? "").join(",") || "," : null,
    full: address.full,
    tile: address.chosen || null,
  };
}
