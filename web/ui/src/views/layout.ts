// Layouts: rectangles of cells, standard ones by name and free ones; the same as vms/domain/layout.py. Pure.
export interface Cells {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Layout {
  /** Its name where it is a standard one, else null. */
  grid: string | null;
  columns: number;
  rows: number;
  tiles: readonly Cells[];
}

/** As the API has it: {"grid": "9"}, or columns, rows and tiles. */
export type LayoutJson = { grid: string } | { columns: number; rows: number; tiles: Cells[] };

export const CELLS_MAX = 32;
export const TILES_MAX = 64;

const covers = (a: Cells, b: Cells): boolean => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

const cellsOf = (columns: number, rows: number): Cells[] =>
  Array.from({ length: columns * rows }, (_, index) => ({ x: index % columns, y: Math.floor(index / columns), w: 1, h: 1 }));

/** The large ones first, and single cells around them in reading order. */
function around(side: number, ...large: Cells[]): Layout {
  const rest = cellsOf(side, side).filter((cell) => !large.some((one) => covers(one, cell)));
  const tiles = [...large, ...rest];
  return { grid: String(tiles.length), columns: side, rows: side, tiles };
}

export const STANDARD: readonly Layout[] = [
  around(1),
  around(2),
  around(3, { x: 0, y: 0, w: 2, h: 2 }),
  around(4, { x: 0, y: 0, w: 3, h: 3 }),
  around(3),
  around(4, { x: 0, y: 0, w: 2, h: 2 }, { x: 2, y: 0, w: 2, h: 2 }),
  around(4, { x: 1, y: 1, w: 2, h: 2 }),
  around(4),
  around(5),
  around(6),
  around(8),
];

export const GRIDS: readonly string[] = STANDARD.map((layout) => layout.grid ?? "");

export const standard = (grid: string): Layout | null => STANDARD.find((layout) => layout.grid === grid) ?? null;

/** The smallest standard layout that holds `count` cameras. */
export const smallestFor = (count: number): Layout => STANDARD.find((layout) => layout.tiles.length >= count) ?? STANDARD[STANDARD.length - 1]!;

/** As `smallestFor`, of the layouts whose tiles are all of one size, and at most 16: how the wall begins. */
export const evenFor = (count: number): Layout =>
  STANDARD.find((layout) => layout.tiles.length === layout.columns ** 2 && (layout.tiles.length >= count || layout.columns === 4)) ?? STANDARD[0]!;

const key = (layout: Layout): string => codeOf({ ...layout, grid: null });
const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least && value <= CELLS_MAX;

/** A free layout, or the standard one of the same form; null where tiles overlap, lie outside or are too many. */
export function freeLayout(columns: number, rows: number, tiles: readonly Cells[]): Layout | null {
  if (!whole(columns, 1) || !whole(rows, 1) || tiles.length < 1 || tiles.length > TILES_MAX) return null;
  for (const [index, tile] of tiles.entries()) {
    const sound = whole(tile.x, 0) && whole(tile.y, 0) && whole(tile.w, 1) && whole(tile.h, 1);
    if (!sound || tile.x + tile.w > columns || tile.y + tile.h > rows) return null;
    if (tiles.slice(0, index).some((other) => covers(other, tile))) return null;
  }
  const layout = { grid: null, columns, rows, tiles };
  return STANDARD.find((known) => key(known) === key(layout)) ?? layout;
}

/** "12x8_0.0.6.4_6.0.6.4" of a free layout, "" of a standard one: what stands in the URL. */
export function codeOf(layout: Layout): string {
  if (layout.grid !== null) return "";
  return [`${layout.columns}x${layout.rows}`, ...layout.tiles.map(({ x, y, w, h }) => `${x}.${y}.${w}.${h}`)].join("_");
}

export function parseCode(code: string): Layout | null {
  const [size = "", ...rest] = code.split("_");
  const numbers = /^(\d{1,2})x(\d{1,2})$/.exec(size);
  if (!numbers || !rest.every((one) => /^\d{1,2}(\.\d{1,2}){3}$/.test(one))) return null;
  const tiles = rest.map((one) => {
    const [x = 0, y = 0, w = 0, h = 0] = one.split(".").map(Number);
    return { x, y, w, h };
  });
  return freeLayout(Number(numbers[1]), Number(numbers[2]), tiles);
}

export const toJson = (layout: Layout): LayoutJson =>
  layout.grid === null ? { columns: layout.columns, rows: layout.rows, tiles: layout.tiles.map(({ x, y, w, h }) => ({ x, y, w, h })) } : { grid: layout.grid };

/** What this page knows of a layout of the API; an unknown standard one is shown as 16. */
export const fromJson = (json: LayoutJson): Layout =>
  ("grid" in json ? standard(json.grid) : freeLayout(json.columns, json.rows, json.tiles)) ?? standard("16")!;

export const sameLayout = (a: Layout, b: Layout): boolean => a.grid === b.grid && codeOf(a) === codeOf(b);

type Span = [start: number, end: number];
const overlap = (a: Span, b: Span): number => Math.min(a[1], b[1]) - Math.max(a[0], b[0]);

/** The tile that an arrow key leads to: the nearest that lies wholly on that side, one that is level with this tile
 * before one that is not; stays at the edges. */
export function neighbour(layout: Layout, tile: number, arrow: string): number {
  const here = layout.tiles[tile];
  if (!here) return 0;
  const sideways = arrow === "ArrowLeft" || arrow === "ArrowRight";
  const back = arrow === "ArrowLeft" || arrow === "ArrowUp";
  const along = (cell: Cells): Span => (sideways ? [cell.x, cell.x + cell.w] : [cell.y, cell.y + cell.h]);
  const across = (cell: Cells): Span => (sideways ? [cell.y, cell.y + cell.h] : [cell.x, cell.x + cell.w]);
  let best = tile;
  let least = Infinity;
  layout.tiles.forEach((other, index) => {
    const gap = back ? along(here)[0] - along(other)[1] : along(other)[0] - along(here)[1];
    if (index === tile || gap < 0) return;
    const level = overlap(across(here), across(other)) > 0;
    const [a, b] = [across(here), across(other)];
    const aside = Math.abs(a[0] + a[1] - b[0] - b[1]) / 2;
    // Level tiles: by the gap, then by how far their middles are apart, then the first.
    const cost = (level ? 0 : 10_000) + gap * 100 + aside;
    if (cost < least) [best, least] = [index, cost];
  });
  return best;
}

/** Width of a tile as a share of the whole. */
export const shareOf = (layout: Layout, tile: number): number => (layout.tiles[tile]?.w ?? 0) / layout.columns;
