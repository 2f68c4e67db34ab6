// The map as a URL: /map?at=<latitude>,<longitude>,<zoom>&camera=<id>&only=<level>&edit=1. Pure.
import { LEVELS, type Level } from "./levels";
import type { Position } from "./position";

export const ZOOM = { least: 5, most: 18, town: 14 } as const;

export interface MapView {
  center: Position;
  zoom: number;
}

export interface MapAddress {
  /** Null: as much as holds everything. */
  at: MapView | null;
  camera: string | null;
  only: Level | null;
  editing: boolean;
}

const NUMBER = /^-?\d{1,3}(\.\d{1,8})?$/;

/** What is not understood is left out. */
export function parseMap(query: URLSearchParams): MapAddress {
  const camera = query.get("camera");
  const only = LEVELS.find((level) => level === query.get("only")) ?? null;
  return {
    at: parseAt(query.get("at") ?? ""),
    camera: camera !== null && /^[A-Za-z0-9_-]{1,64}$/.test(camera) ? camera : null,
    only,
    editing: query.get("edit") === "1",
  };
}

function parseAt(text: string): MapView | null {
  const parts = text.split(",");
  if (parts.length !== 3 || !parts.every((part) => NUMBER.test(part))) return null;
  const [latitude = 0, longitude = 0, zoom = 0] = parts.map(Number);
  if (Math.abs(latitude) > 85 || Math.abs(longitude) > 180) return null;
  return { center: { longitude, latitude }, zoom: Math.max(ZOOM.least, Math.min(ZOOM.most, Math.round(zoom))) };
}

/** As many digits as a pixel is wide. */
export function atText({ center, zoom }: MapView): string {
  const digits = Math.max(2, Math.min(6, Math.ceil(zoom / 3)));
  return `${center.latitude.toFixed(digits)},${center.longitude.toFixed(digits)},${zoom}`;
}

export function queryOfMap(address: MapAddress): Record<string, string | number | null> {
  return {
    at: address.at ? atText(address.at) : null,
    camera: address.camera,
    only: address.only,
    edit: address.editing ? 1 : null,
  };
}
