// The wall as a URL: /wall?grid=9&tiles=<id>,<id>,,<id>&full=3&tile=2. Pure. Without `tiles` it is the default wall.
export type Grid = 1 | 4 | 9 | 16;

export const GRIDS: readonly Grid[] = [1, 4, 9, 16];

export interface Address {
  grid: Grid | null;
  tiles: (string | null)[] | null;
  full: number | null;
  chosen: number;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;

function index(text: string | null): number | null {
  if (text === null || !/^\d{1,2}$/.test(text)) return null;
  const value = Number(text);
  return value < 16 ? value : null;
}

/** Anything that is not understood is left out; the wall then shows what it would without. */
export function parseAddress(query: URLSearchParams): Address {
  const grid = Number(query.get("grid"));
  const tiles = query.get("tiles");
  return {
    grid: GRIDS.find((known) => known === grid) ?? null,
    tiles: tiles === null ? null : tiles.split(",").slice(0, 16).map((id) => (ID.test(id) ? id : null)),
    full: index(query.get("full")),
    chosen: index(query.get("tile")) ?? 0,
  };
}

export function queryOf(address: Address): Record<string, string | number | null> {
  const tiles = address.tiles ? [...address.tiles] : null;
  while (tiles && tiles.length > 1 && tiles.at(-1) === null) tiles.pop();
  return {
    grid: address.grid,
    tiles: tiles ? tiles.map((id) => id ?? "").join(",") || "," : null,
    full: address.full,
    tile: address.chosen || null,
  };
}

/** The smallest grid that holds `count` cameras. */
export function gridFor(count: number): Grid {
  return GRIDS.find((grid) => grid >= count) ?? 16;
}

/** The tile one step away in a square grid; stays at the edges. */
export function neighbour(tile: number, grid: Grid, key: string): number {
  const side = Math.sqrt(grid);
  const [row, column] = [Math.floor(tile / side), tile % side];
  if (key === "ArrowLeft" && column > 0) return tile - 1;
  if (key === "ArrowRight" && column < side - 1) return tile + 1;
  if (key === "ArrowUp" && row > 0) return tile - side;
  if (key === "ArrowDown" && row < side - 1) return tile + side;
  return tile;
}
