// A timeline is read in tiles: a level has a step, a tile as many steps as an answer may have. Which tiles a view needs, and
// which of those that are there it is drawn from until they come. Pure.
import type { Span } from "../recordings/spans";

/** Steps of the levels in ms; the finest first. */
export const STEPS_MS: readonly number[] = [50, 200, 1000, 4000, 15_000, 60_000, 300_000, 1_800_000];
const TILE_STEPS = 3600;

export interface TileName {
  level: number;
  index: number;
}

export const tileMs = (level: number): number => (STEPS_MS[level] as number) * TILE_STEPS;
export const keyOf = ({ level, index }: TileName): string => `${level}/${index}`;

export function spanOf({ level, index }: TileName): Span {
  return { from: index * tileMs(level), to: (index + 1) * tileMs(level) };
}

/** The coarsest level that is as fine as what is drawn: of `perPixel` ms. */
export function levelOf(perPixel: number): number {
  let found = 0;
  STEPS_MS.forEach((step, level) => {
    if (step <= perPixel) found = level;
  });
  return found;
}

/** Tiles of a level that hold a part of [from, to). */
export function tilesOf(level: number, from: number, to: number): TileName[] {
  const long = tileMs(level);
  const found: TileName[] = [];
  for (let index = Math.floor(from / long); index * long < to; index++) found.push({ level, index });
  return found;
}

export interface Piece<T> extends Span {
  tile: T;
}

/** What of a view is drawn from which tile: of the wanted level, else of the nearest coarser one, else of a finer one. */
export function pieces<T extends Span & { level: number }>(there: readonly T[], view: Span, level: number): Piece<T>[] {
  const rank = (one: T): number => (one.level >= level ? one.level - level : STEPS_MS.length + level - one.level);
  const found: Piece<T>[] = [];
  let open: Span[] = [{ from: view.from, to: view.to }];
  for (const tile of [...there].sort((a, b) => rank(a) - rank(b) || a.from - b.from)) {
    if (!open.length) break;
    const left: Span[] = [];
    for (const hole of open) {
      const from = Math.max(hole.from, tile.from);
      const to = Math.min(hole.to, tile.to);
      if (from >= to) {
        left.push(hole);
        continue;
      }
      found.push({ from, to, tile });
      if (hole.from < from) left.push({ from: hole.from, to: from });
      if (to < hole.to) left.push({ from: to, to: hole.to });
    }
    open = left;
  }
  return found.sort((a, b) => a.from - b.from);
}
