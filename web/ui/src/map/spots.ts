// Cameras and sites where they stand on the map, and what stands nowhere. Pure.
import type { Camera, Site } from "../api/types";
import { levelOf, type Level, type Troubles } from "./levels";
import { positionOf, type Position } from "./position";

export interface Spot {
  camera: Camera;
  at: Position;
  /** It has a position of its own; else it stands at its site's. */
  own: boolean;
  level: Level;
}

export interface SiteSpot {
  site: Site;
  at: Position;
  /** Else it is in the middle of its cameras. */
  own: boolean;
}

export interface Placed {
  spots: Spot[];
  sites: SiteSpot[];
  /** Neither they nor their site have a position. */
  nowhere: Camera[];
}

export function placed(sites: readonly Site[], cameras: readonly Camera[], troubles: Troubles): Placed {
  const siteAt = new Map(sites.map((site) => [site.id, positionOf(site)]));
  const spots: Spot[] = [];
  const nowhere: Camera[] = [];
  const inSite = new Map<string, Position[]>();
  for (const camera of cameras) {
    const own = positionOf(camera);
    const at = own ?? siteAt.get(camera.site.id) ?? null;
    if (!at) {
      nowhere.push(camera);
      continue;
    }
    spots.push({ camera, at, own: own !== null, level: levelOf(camera, troubles) });
    const others = inSite.get(camera.site.id);
    if (others) others.push(at);
    else inSite.set(camera.site.id, [at]);
  }
  const named = sites.flatMap((site): SiteSpot[] => {
    const own = siteAt.get(site.id) ?? null;
    const at = own ?? middle(inSite.get(site.id) ?? []);
    return at ? [{ site, at, own: own !== null }] : [];
  });
  return { spots, sites: named, nowhere };
}

function middle(positions: readonly Position[]): Position | null {
  if (!positions.length) return null;
  const sum = (pick: (one: Position) => number): number => positions.reduce((total, one) => total + pick(one), 0) / positions.length;
  return { longitude: sum((one) => one.longitude), latitude: sum((one) => one.latitude) };
}
