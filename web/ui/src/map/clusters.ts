// Cameras that would lie over each other at a zoom, gathered into one mark that counts them by their worst. Pure.
import { countLevels, rankOf, type Level } from "./levels";
import { project, unproject, type Pixel, type Position } from "./position";
import type { Spot } from "./spots";

export interface Cluster {
  /** Stays the same while its first camera does. */
  key: string;
  at: Position;
  spots: Spot[];
  worst: Level;
  counts: { level: Level; count: number }[];
}

/** Of the same cameras at the same zoom always the same ones, wherever the map is moved to. */
export function clustersOf(spots: readonly Spot[], zoom: number, radiusPx: number): Cluster[] {
  const points = spots
    .map((spot) => ({ spot, at: project(spot.at, zoom), taken: false }))
    .sort((a, b) => (a.spot.camera.id < b.spot.camera.id ? -1 : 1));
  const grid = new Map<string, typeof points>();
  const cell = (value: number): number => Math.floor(value / radiusPx);
  for (const point of points) {
    const name = `${cell(point.at.x)} ${cell(point.at.y)}`;
    const here = grid.get(name);
    if (here) here.push(point);
    else grid.set(name, [point]);
  }
  const found: Cluster[] = [];
  for (const first of points) {
    if (first.taken) continue;
    const members: typeof points = [];
    for (let column = cell(first.at.x) - 1; column <= cell(first.at.x) + 1; column++)
      for (let row = cell(first.at.y) - 1; row <= cell(first.at.y) + 1; row++)
        for (const other of grid.get(`${column} ${row}`) ?? [])
          if (!other.taken && Math.hypot(other.at.x - first.at.x, other.at.y - first.at.y) <= radiusPx) members.push(other);
    for (const member of members) member.taken = true;
    found.push(gathered(members.map((one) => one.spot), members.map((one) => one.at), zoom));
  }
  return found;
}

function gathered(members: Spot[], points: readonly Pixel[], zoom: number): Cluster {
  const [first] = members as [Spot, ...Spot[]];
  const spots = [...members].sort((a, b) => rankOf(a.level) - rankOf(b.level) || (a.camera.number ?? Infinity) - (b.camera.number ?? Infinity));
  const alone = members.length === 1;
  const mean = { x: points.reduce((sum, one) => sum + one.x, 0) / points.length, y: points.reduce((sum, one) => sum + one.y, 0) / points.length };
  return {
    key: alone ? first.camera.id : `many:${first.camera.id}`,
    at: alone ? first.at : unproject(mean, zoom),
    spots,
    worst: spots[0]?.level ?? "live",
    counts: countLevels(spots.map((spot) => spot.level)),
  };
}

/** They lie on one point, or the map comes no closer: a list tells them apart, another zoom does not. */
export function isOnePlace(cluster: Cluster, mostZoom: number): boolean {
  const points = cluster.spots.map((spot) => project(spot.at, mostZoom));
  const [first] = points;
  return !first || points.every((point) => Math.hypot(point.x - first.x, point.y - first.y) < 24);
}
