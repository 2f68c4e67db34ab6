// What is searched for, as the form has it and the address says it, and what of it goes to the server. Pure.
import type { Point } from "../api/types";
import { urlOf } from "../shell/url";

export type What = "told" | "motion";

export interface Schedule {
  days: number[];
  from_min: number;
  to_min: number;
}

export interface Query {
  what: What;
  cameras: string[];
  site: string;
  /** ms since 1970. */
  from: number;
  to: number;
  schedule: Schedule;
  /** What is told. */
  words: string;
  kinds: string[];
  sources: string[];
  /** Motion: parts of the picture, the least that counts (1: only what is large … 5: what is small too), seconds. */
  polygons: Point[][];
  level: number;
  least: number;
  /** It was asked for; a form that is only filled in searches nothing. */
  go: boolean;
}

export const HOUR_MS = 3600_000;
export const DAY_MS = 86_400_000;
export const ALL_DAYS = [0, 1, 2, 3, 4, 5, 6];
export const ALWAYS: Schedule = { days: ALL_DAYS, from_min: 0, to_min: 1440 };
export const THRESHOLDS = [0.15, 0.06, 0.02, 0.008, 0.003];
export const LEVEL = 3;
export const SOURCES = ["event", "bookmark", "alarm"];
export const CAMERAS_MAX = 16;
const POLYGONS_MAX = 8;

const list = (text: string | null): string[] => (text ?? "").split(",").filter(Boolean);
const whole = (text: string | null, least: number, most: number, otherwise: number): number => {
  const value = text === null || text === "" ? NaN : Number(text);
  return Number.isInteger(value) && value >= least && value <= most ? value : otherwise;
};

/** "0.1,0.2,0.5,0.2,0.5,0.6;…": a polygon's numbers, polygons apart by ";". What is none is left out. */
export function polygonsOf(text: string | null): Point[][] {
  return (text ?? "")
    .split(";")
    .map((part) => part.split(",").map(Number))
    .filter((parts) => parts.length >= 6 && parts.length % 2 === 0 && parts.every((one) => one >= 0 && one <= 1))
    .slice(0, POLYGONS_MAX)
    .map((parts) => Array.from({ length: parts.length / 2 }, (_, i): Point => [parts[2 * i] ?? 0, parts[2 * i + 1] ?? 0]));
}

export const polygonsText = (polygons: readonly Point[][]): string => polygons.map((polygon) => polygon.flat().join(",")).join(";");

function scheduleOf(values: URLSearchParams): Schedule {
  const [from, to] = (values.get("hours") ?? "").split("-");
  const days = [...new Set(list(values.get("days")).map(Number))].filter((day) => ALL_DAYS.includes(day)).sort();
  const made = { days: days.length ? days : ALL_DAYS, from_min: whole(from ?? null, 0, 1439, 0), to_min: whole(to ?? null, 1, 1440, 1440) };
  return made.from_min === made.to_min ? { ...made, from_min: 0, to_min: 1440 } : made;
}

/** The search an address says; without times, the last day up to `now`. */
export function queryOf(values: URLSearchParams, now: number): Query {
  const time = (name: string): number => Date.parse(values.get(name) ?? "");
  const end = Math.floor(now / 60_000) * 60_000;
  const to = time("to") || end;
  return {
    what: values.get("what") === "motion" ? "motion" : "told",
    cameras: list(values.get("cameras")),
    site: values.get("site") ?? "",
    from: time("from") || to - DAY_MS,
    to,
    schedule: scheduleOf(values),
    words: values.get("q") ?? "",
    kinds: list(values.get("kinds")),
    sources: list(values.get("sources")).filter((source) => SOURCES.includes(source)),
    polygons: polygonsOf(values.get("area")),
    level: whole(values.get("level"), 1, THRESHOLDS.length, LEVEL),
    least: whole(values.get("least"), 0, 3600, 0),
    go: values.get("go") === "1",
  };
}

export const isAlways = (schedule: Schedule): boolean => schedule.days.length === 7 && schedule.from_min === 0 && schedule.to_min === 1440;

/** Its address; what is as usual is left out. */
export function addressOf(query: Query): string {
  const { schedule } = query;
  const motion = query.what === "motion";
  return urlOf("/search", {
    what: motion ? "motion" : "",
    cameras: query.cameras.join(","),
    site: motion ? "" : query.site,
    from: new Date(query.from).toISOString(),
    to: new Date(query.to).toISOString(),
    hours: schedule.from_min === 0 && schedule.to_min === 1440 ? "" : `${schedule.from_min}-${schedule.to_min}`,
    days: schedule.days.length === 7 ? "" : schedule.days.join(","),
    q: motion ? "" : query.words,
    kinds: motion ? "" : query.kinds.join(","),
    sources: motion ? "" : query.sources.join(","),
    area: motion ? polygonsText(query.polygons) : "",
    level: motion && query.level !== LEVEL ? query.level : "",
    least: motion && query.least ? query.least : "",
    go: query.go ? 1 : "",
  });
}

/** Body of POST /api/search/motion. */
export function motionBody(query: Query): Record<string, unknown> {
  return {
    cameras: query.cameras,
    from: new Date(query.from).toISOString(),
    to: new Date(query.to).toISOString(),
    polygons: query.polygons,
    threshold: THRESHOLDS[query.level - 1],
    least_s: query.least,
    schedule: isAlways(query.schedule) ? null : query.schedule,
  };
}

/** Address of GET /api/search. */
export function toldUrl(query: Query, cursor: string | null, limit: number): string {
  const values = new URLSearchParams({ from: new Date(query.from).toISOString(), to: new Date(query.to).toISOString(), limit: String(limit) });
  if (query.words.trim()) values.set("q", query.words.trim());
  if (query.site) values.set("site", query.site);
  for (const camera of query.cameras) values.append("camera", camera);
  for (const kind of query.kinds) values.append("kind", kind);
  for (const source of query.sources) values.append("source", source);
  const { schedule } = query;
  if (schedule.days.length < 7) for (const day of schedule.days) values.append("day", String(day));
  if (schedule.from_min) values.set("from_min", String(schedule.from_min));
  if (schedule.to_min !== 1440) values.set("to_min", String(schedule.to_min));
  if (cursor) values.set("cursor", cursor);
  return `/api/search?${values.toString()}`;
}

/** Why it cannot be asked for yet. */
export function fault(query: Query): "times" | "cameras" | "many" | "" {
  if (query.from >= query.to) return "times";
  if (query.what === "motion" && query.cameras.length === 0) return "cameras";
  return query.what === "motion" && query.cameras.length > CAMERAS_MAX ? "many" : "";
}
