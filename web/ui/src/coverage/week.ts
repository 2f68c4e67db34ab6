// Weeks of the heat map, named by their first day in WIB, a Monday. Pure; instants are ms since 1970.
import type { Language } from "../shell/locale.svelte";
import { wibDay, wibParts } from "../shell/wib";

const WIB_MS = 7 * 3600_000;
const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
export const HOURS = 7 * 24;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const FIRST = Date.UTC(2000, 0, 3) - WIB_MS;

const write = (ms: number): string => new Date(ms + WIB_MS).toISOString().slice(0, 10);

/** The week of an instant. */
export function weekOf(ms: number): string {
  const back = (wibParts(ms).weekday + 6) % 7;
  return write(ms - back * DAY_MS);
}

/** When a week begins. */
export function weekStart(week: string): number {
  return Date.parse(`${week}T00:00:00Z`) - WIB_MS;
}

/** What an address says, as the Monday of its week, or this week where it says none that there can be. */
export function readWeek(text: string | null, now: number): string {
  const ms = DAY.test(text ?? "") ? weekStart(text ?? "") : NaN;
  return ms >= FIRST && ms <= now ? weekOf(ms) : weekOf(now);
}

export function weekAfter(week: string, step: number): string {
  return write(weekStart(week) + step * 7 * DAY_MS);
}

export function hourStart(week: string, hour: number): number {
  return weekStart(week) + hour * HOUR_MS;
}

/** "Sen 23 Nov – Min 29 Nov". */
export function weekWord(week: string, language: Language): string {
  return `${wibDay(weekStart(week), language)} – ${wibDay(weekStart(week) + 6 * DAY_MS, language)}`;
}

/** Where a key leads from an hour; null: it is no key of the map. Up and down are the rows'. */
export function hourAfter(key: string, hour: number, last: number): number | null {
  const step = ({ ArrowLeft: -1, ArrowRight: 1, PageUp: -24, PageDown: 24, Home: -HOURS, End: HOURS } as Record<string, number>)[key];
  return step === undefined ? null : Math.max(0, Math.min(last, hour + step));
}
