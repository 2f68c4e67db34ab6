// Places on the earth: Web Mercator, bounds, and how people write them. Pure.
export interface Position {
  longitude: number;
  latitude: number;
}

export interface Pixel {
  x: number;
  y: number;
}

export interface Bounds {
  west: number;
  south: number;
  east: number;
  north: number;
}

/** Side of the whole world at zoom 0, pixels. */
const TILE = 256;
/** Where Web Mercator ends, degrees. */
const LATITUDE_MOST = 85.0511;

/** Of a Camera or Site: null where it has none of its own. */
export function positionOf(thing: { longitude: number | null; latitude: number | null }): Position | null {
  return thing.longitude === null || thing.latitude === null ? null : { longitude: thing.longitude, latitude: thing.latitude };
}

/** Pixels from the world's north-west corner at a zoom. */
export function project({ longitude, latitude }: Position, zoom: number): Pixel {
  const side = TILE * 2 ** zoom;
  const sine = Math.sin((Math.max(-LATITUDE_MOST, Math.min(LATITUDE_MOST, latitude)) * Math.PI) / 180);
  return { x: side * (longitude / 360 + 0.5), y: side * (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) };
}

/** The inverse of `project`. */
export function unproject({ x, y }: Pixel, zoom: number): Position {
  const side = TILE * 2 ** zoom;
  const latitude = (Math.atan(Math.sinh(Math.PI * (1 - (2 * y) / side))) * 180) / Math.PI;
  return { longitude: (x / side - 0.5) * 360, latitude };
}

export function boundsOf(positions: readonly Position[]): Bounds | null {
  if (!positions.length) return null;
  const longitudes = positions.map((one) => one.longitude);
  const latitudes = positions.map((one) => one.latitude);
  return { west: Math.min(...longitudes), south: Math.min(...latitudes), east: Math.max(...longitudes), north: Math.max(...latitudes) };
}

export function isInside({ longitude, latitude }: Position, { west, south, east, north }: Bounds): boolean {
  return longitude >= west && longitude <= east && latitude >= south && latitude <= north;
}

/** Six digits are a tenth of a metre; more is noise. */
export const rounded = (degrees: number): number => Math.round(degrees * 1e6) / 1e6;

/** Degrees as they stand in a field: "-2.2086". */
export const degreesText = (degrees: number | null): string => (degrees === null ? "" : String(rounded(degrees)));

/** A number of degrees as somebody typed it, with a point or a comma; null: it is none, or beyond `most`. */
export function parseDegrees(text: string, most: number): number | null {
  const plain = text.trim().replace("−", "-").replace(",", ".").replace(/°$/, "");
  if (!/^[-+]?\d{1,3}(\.\d{1,12})?$/.test(plain)) return null;
  const value = Number(plain);
  return Math.abs(value) <= most ? rounded(value) : null;
}

/** "-2.2086, 113.9172", as other maps copy it: latitude first. */
export function parsePair(text: string): Position | null {
  const found = /^\s*([-+−]?\d{1,2}(?:\.\d+)?)°?\s*[,;\s]\s*([-+−]?\d{1,3}(?:\.\d+)?)°?\s*$/.exec(text);
  if (!found) return null;
  const [latitude, longitude] = [parseDegrees(found[1] ?? "", 90), parseDegrees(found[2] ?? "", 180)];
  return latitude === null || longitude === null ? null : { longitude, latitude };
}

/** Two fields as they were typed: null where both are empty, undefined where they are no position. */
export function typedPosition(latitude: string, longitude: string): Position | null | undefined {
  if (!latitude.trim() && !longitude.trim()) return null;
  const [north, east] = [parseDegrees(latitude, 90), parseDegrees(longitude, 180)];
  return north === null || east === null ? undefined : { longitude: east, latitude: north };
}
