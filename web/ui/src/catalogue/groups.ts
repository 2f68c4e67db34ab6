// Cameras under their sites, with counts by state, narrowed by what somebody types. Pure.
import type { Camera, Condition, Site } from "../api/types";

export interface Group {
  site: { id: string; name: string };
  cameras: Camera[];
  counts: { condition: Condition; count: number }[];
}

const ORDER: readonly Condition[] = ["live", "connecting", "stalled", "auth_failed", "unreachable", "not_reported", "unsupported", "disabled"];

export function counts(cameras: readonly Camera[]): { condition: Condition; count: number }[] {
  return ORDER.map((condition) => ({
    condition,
    count: cameras.filter((camera) => camera.state.condition === condition).length,
  })).filter((entry) => entry.count > 0);
}

const plain = (text: string): string => text.normalize("NFKD").toLowerCase();

/** Every word typed must be in the camera's name, slug or site, or be its number. */
export function matches(camera: Camera, search: string): boolean {
  const where = plain(`${camera.name} ${camera.slug} ${camera.site.name}`);
  return plain(search).split(/\s+/).every((word) => where.includes(word) || word === String(camera.number));
}

/** As a choice for a new camera: sites that cameras can be at first, those above others (a province) last. */
export function bySiteUse(sites: readonly Site[], cameras: readonly Camera[]): Site[] {
  const used = new Set(cameras.map((camera) => camera.site.id));
  const above = new Set(sites.map((site) => site.parent));
  const last = (site: Site): number => Number(above.has(site.id) && !used.has(site.id));
  return [...sites].sort((a, b) => last(a) - last(b));
}

/** In the order of `cameras`; sites without a camera stay while nothing is searched. */
export function groupBySite(sites: readonly Site[], cameras: readonly Camera[], search = ""): Group[] {
  const found = cameras.filter((camera) => matches(camera, search));
  const groups = new Map<string, Group>();
  for (const camera of found) {
    let group = groups.get(camera.site.id);
    if (!group) groups.set(camera.site.id, (group = { site: camera.site, cameras: [], counts: [] }));
    group.cameras.push(camera);
  }
  const parents = new Set(sites.map((site) => site.parent));
  if (!search.trim()) {
    for (const site of sites) {
      if (!groups.has(site.id) && !parents.has(site.id)) groups.set(site.id, { site, cameras: [], counts: [] });
    }
  }
  for (const group of groups.values()) group.counts = counts(group.cameras);
  return [...groups.values()];
}
