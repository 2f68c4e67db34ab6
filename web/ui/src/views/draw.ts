// Drawing a free layout: what becomes of its tiles when a rectangle is drawn, a tile taken away or the grid resized.
// Pure. A drawn tile remembers which tile of the layout before it stands for, so that its camera stays.
import { CELLS_MAX, freeLayout, STANDARD, TILES_MAX, type Cells, type Layout } from "./layout";

export interface Drawn extends Cells {
  /** Index in the layout before; null: new. */
  from: number | null;
}

export interface Drawing {
  columns: number;
  rows: number;
  tiles: readonly Drawn[];
}

export const begin = (layout: Layout): Drawing => ({
  columns: layout.columns,
  rows: layout.rows,
  tiles: layout.tiles.map((tile, from) => ({ ...tile, from })),
});

const meets = (a: Cells, b: Cells): boolean => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** The rectangle between two cells, whichever way it was drawn. */
export function between(ax: number, ay: number, bx: number, by: number): Cells {
  return { x: Math.min(ax, bx), y: Math.min(ay, by), w: Math.abs(ax - bx) + 1, h: Math.abs(ay - by) + 1 };
}

export const under = (drawing: Drawing, x: number, y: number): Drawn | null =>
  drawing.tiles.find((tile) => meets(tile, { x, y, w: 1, h: 1 })) ?? null;

/** The rectangle becomes a tile; those it meets go, and the first of them leaves it its camera. */
export function draw(drawing: Drawing, cells: Cells): Drawing {
  const met = drawing.tiles.filter((tile) => meets(tile, cells));
  const left = drawing.tiles.filter((tile) => !met.includes(tile));
  if (left.length >= TILES_MAX) return drawing;
  return { ...drawing, tiles: [...left, { ...cells, from: met[0]?.from ?? null }] };
}

export const erase = (drawing: Drawing, x: number, y: number): Drawing => ({
  ...drawing,
  tiles: drawing.tiles.filter((tile) => tile !== under(drawing, x, y)),
});

/** Every empty cell becomes a tile, as many as a layout may have. */
export function fillRest(drawing: Drawing): Drawing {
  const tiles = [...drawing.tiles];
  for (let y = 0; y < drawing.rows; y++) {
    for (let x = 0; x < drawing.columns && tiles.length < TILES_MAX; x++) {
      const cell = { x, y, w: 1, h: 1 };
      if (!tiles.some((tile) => meets(tile, cell))) tiles.push({ ...cell, from: null });
    }
  }
  return { ...drawing, tiles };
}

/** Another number of cells; tiles are cut at the new edge, those beyond it go. */
export function resize(drawing: Drawing, columns: number, rows: number): Drawing {
  const [c, r] = [columns, rows].map((value) => Math.min(CELLS_MAX, Math.max(1, value))) as [number, number];
  const tiles = drawing.tiles
    .filter((tile) => tile.x < c && tile.y < r)
    .map((tile) => ({ ...tile, w: Math.min(tile.w, c - tile.x), h: Math.min(tile.h, r - tile.y) }));
  return { columns: c, rows: r, tiles };
}

/** The layout in reading order, and the cameras that move with their tiles; those of tiles that are gone fill new ones. */
export function finish(drawing: Drawing, cameras: readonly (string | null)[]): { layout: Layout; cameras: (string | null)[] } | null {
  const tiles = [...drawing.tiles].sort((a, b) => a.y - b.y || a.x - b.x);
  const free = freeLayout(drawing.columns, drawing.rows, tiles.map(({ x, y, w, h }) => ({ x, y, w, h })));
  if (!free) return null;
  const at = (cell: Cells) => tiles.find((tile) => tile.x === cell.x && tile.y === cell.y && tile.w === cell.w && tile.h === cell.h);
  // A standard layout has an order of its own: the large ones first.
  const layout = STANDARD.find((known) => known.columns === free.columns && known.rows === free.rows && known.tiles.length === tiles.length && known.tiles.every(at)) ?? free;
  const ordered = layout.tiles.map((cell) => at(cell)!);
  const kept = new Set(ordered.map((tile) => tile.from));
  const spare = cameras.filter((camera, index): camera is string => camera !== null && !kept.has(index));
  return { layout, cameras: ordered.map((tile) => (tile.from === null ? (spare.shift() ?? null) : (cameras[tile.from] ?? null))) };
}
