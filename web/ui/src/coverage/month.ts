// Months as the coverage report has them, in WIB, such as "2026-11". Pure; instants are ms since 1970.
import type { Language } from "../shell/locale.svelte";
import { wibParts } from "../shell/wib";

const WIB_MS = 7 * 3600_000;
const DAY_MS = 86_400_000;
const MONTH = /^(\d{4})-(0[1-9]|1[0-2])$/;
const FIRST_YEAR = 2000;

const NAMES: Record<Language, string[]> = {
  id: ["Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November", "Desember"],
  en: ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
};

const write = (year: number, month: number): string => `${year}-${String(month + 1).padStart(2, "0")}`;

function read(month: string): [year: number, month: number] {
  return [Number(month.slice(0, 4)), Number(month.slice(5)) - 1];
}

/** The month of an instant. */
export function monthOf(ms: number): string {
  const { year, month } = wibParts(ms);
  return write(year, month);
}

/** What an address says, or this month where it says none that there can be a report of. */
export function readMonth(text: string | null, now: number): string {
  const here = monthOf(now);
  const found = MONTH.exec(text ?? "");
  return found && Number(found[1]) >= FIRST_YEAR && found[0] <= here ? found[0] : here;
}

/** The month so many after (or before). */
export function monthAfter(month: string, step: number): string {
  const [year, number] = read(month);
  const date = new Date(Date.UTC(year, number + step, 1));
  return write(date.getUTCFullYear(), date.getUTCMonth());
}

/** When day `number` (from 0) begins in WIB. */
export function dayStart(month: string, number: number): number {
  const [year, index] = read(month);
  return Date.UTC(year, index, 1) - WIB_MS + number * DAY_MS;
}

/** "November 2026". */
export function monthWord(month: string, language: Language): string {
  const [year, index] = read(month);
  return `${NAMES[language][index] ?? ""} ${year}`;
}
