// The tree of sites with their cameras, as the drawer shows it: a row per site, those below it after it. Pure.
import type { Camera, Condition, Site } from "../api/types";
import { counts, matches } from "../catalogue/groups";

export interface Branch {
  site: Site;
  depth: number;
  /** Cameras of the site itself. */
  cameras: Camera[];
  /** How many there are of each state here and below. */
  counts: { condition: Condition; count: number }[];
  total: number;
}

/** The site and all below it. */
export function below(sites: readonly Site[], site: string): Set<string> {
  const found = new Set([site]);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const one of sites) if (one.parent !== null && found.has(one.parent)) found.add(one.id);
  }
  return found;
}

/** In the order of `sites` and `cameras`; while something is searched only sites with a find, here or below. */
export function treeOf(sites: readonly Site[], cameras: readonly Camera[], search = ""): Branch[] {
  const found = cameras.filter((camera) => matches(camera, search));
  const known = new Set(sites.map((site) => site.id));
  const rows: Branch[] = [];
  const visit = (parent: string | null, depth: number): void => {
    for (const site of sites) {
      // A site whose parent is not here (a regency's own page) stands at the top.
      const above = site.parent !== null && known.has(site.parent) ? site.parent : null;
      if (above !== parent) continue;
      const inside = below(sites, site.id);
      const all = found.filter((camera) => inside.has(camera.site.id));
      if (search.trim() && !all.length) continue;
      rows.push({ site, depth, cameras: found.filter((camera) => camera.site.id === site.id), counts: counts(all), total: all.length });
      visit(site.id, depth + 1);
    }
  };
  visit(null, 0);
  return rows;
}

/** Without what lies below a closed site. */
export function opened(rows: readonly Branch[], closed: ReadonlySet<string>): Branch[] {
  const shown: Branch[] = [];
  let hiddenFrom = Infinity;
  for (const row of rows) {
    if (row.depth > hiddenFrom) continue;
    hiddenFrom = closed.has(row.site.id) ? row.depth : Infinity;
    shown.push(row);
  }
  return shown;
}

/** The first `most` cameras with their sites, and how many were left out: a thousand rows at each letter that is typed
 * would hold up the pictures beside them. */
export function firstOf(rows: readonly Branch[], most: number): { rows: Branch[]; rest: number } {
  let room = most;
  const shown: Branch[] = [];
  for (const row of rows) {
    const cameras = row.cameras.slice(0, room);
    room -= cameras.length;
    if (cameras.length || !row.cameras.length) shown.push(cameras.length === row.cameras.length ? row : { ...row, cameras });
  }
  const count = (list: readonly Branch[]): number => list.reduce((sum, row) => sum + row.cameras.length, 0);
  return { rows: shown, rest: count(rows) - count(shown) };
}
