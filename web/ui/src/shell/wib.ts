// Times as people here read them: WIB (UTC+7, no summer time), and UTC beside it. Pure; all instants are ms since 1970.
import type { Language } from "./locale.svelte";

const WIB_MS = 7 * 3600_000;
const DAY_MS = 86_400_000;

const MONTHS: Record<Language, string[]> = {
  id: ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"],
  en: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
};

const WEEKDAYS: Record<Language, string[]> = {
  id: ["Min", "Sen", "Sel", "Rab", "Kam", "Jum", "Sab"],
  en: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
};

const UNITS: Record<Language, { d: string; h: string; m: string; s: string }> = {
  id: { d: "hr", h: "j", m: "mnt", s: "dtk" },
  en: { d: "d", h: "h", m: "min", s: "s" },
};

const two = (value: number): string => String(value).padStart(2, "0");
const three = (value: number): string => String(value).padStart(3, "0");

interface Parts {
  year: number;
  month: number;
  day: number;
  weekday: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
}

/** Calendar and clock in WIB of an instant. */
export function wibParts(ms: number): Parts {
  const date = new Date(ms + WIB_MS);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    ms: date.getUTCMilliseconds(),
  };
}

/** "14:03:27", or with `digits` of a second "14:03:27.4". */
export function wibClock(ms: number, digits = 0): string {
  const step = 10 ** (3 - digits);
  const p = wibParts(Math.floor(ms / step) * step);
  const fraction = digits ? `.${three(p.ms).slice(0, digits)}` : "";
  return `${two(p.hour)}:${two(p.minute)}:${two(p.second)}${fraction}`;
}

/** "14:03". */
export function wibMinute(ms: number): string {
  const p = wibParts(ms);
  return `${two(p.hour)}:${two(p.minute)}`;
}

/** "24 Nov 2026". */
export function wibDate(ms: number, language: Language): string {
  const p = wibParts(ms);
  return `${p.day} ${MONTHS[language][p.month] ?? ""} ${p.year}`;
}

/** "Sel 24 Nov". */
export function wibDay(ms: number, language: Language): string {
  const p = wibParts(ms);
  return `${WEEKDAYS[language][p.weekday] ?? ""} ${p.day} ${MONTHS[language][p.month] ?? ""}`;
}

/** "24 Nov 2026 14:03:27 WIB". */
export function wibFull(ms: number, language: Language): string {
  return `${wibDate(ms, language)} ${wibClock(ms)} WIB`;
}

/** "2026-11-24 07:03:27 UTC": what stands beside a WIB time on hover. */
export function utcFull(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Today only the clock, else day and clock: for "since" in lists. */
export function wibSince(ms: number, now: number, language: Language): string {
  const sameDay = Math.floor((ms + WIB_MS) / DAY_MS) === Math.floor((now + WIB_MS) / DAY_MS);
  return sameDay ? wibClock(ms) : `${wibDay(ms, language)} ${wibMinute(ms)}`;
}

/** "850 ms" never: "0.9 s", "12 s", "3 min 20 s", "2 h 5 min", "1 d 4 h". */
export function duration(ms: number, language: Language): string {
  const unit = UNITS[language];
  const s = Math.max(0, ms) / 1000;
  if (s < 9.95) {
    const tenths = (Math.round(s * 10) / 10).toFixed(s % 1 === 0 ? 0 : 1);
    return `${language === "id" ? tenths.replace(".", ",") : tenths} ${unit.s}`;
  }
  const whole = Math.round(s);
  const [d, h, min, sec] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  const join = (a: number, ua: string, b: number, ub: string): string => (b ? `${a} ${ua} ${b} ${ub}` : `${a} ${ua}`);
  if (d) return join(d, unit.d, h, unit.h);
  if (h) return join(h, unit.h, min, unit.m);
  if (min) return join(min, unit.m, sec, unit.s);
  return `${sec} ${unit.s}`;
}

/** An instant from calendar and clock in WIB (month from 1), or null when there is no such time. */
function instant(y: number, mo: number, d: number, h: number, mi: number, s: number, ms: number): number | null {
  if (mo < 1 || mo > 12 || h > 23 || mi > 59 || s > 59) return null;
  const utc = Date.UTC(y, mo - 1, d, h, mi, s, ms);
  if (new Date(utc).getUTCDate() !== d) return null;
  return utc - WIB_MS;
}

const CLOCK = /^(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,](\d{1,3}))?)?$/;
const ISO_DAY = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const LOCAL_DAY = /^(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{4}))?$/;

/**
 * What a person typed, in WIB: "14:03", "14.03.27", "24/11 14:03", "24/11/2026 14:03:27.5", "2026-11-24 14:03".
 * A clock alone means the day of `near`, or the day before when that would lie after `now`. Null when not understood.
 */
export function parseWib(text: string, near: number, now: number): number | null {
  const words = text.trim().replace("T", " ").replace(/\s*(wib)$/i, "").split(/\s+/);
  const clock = CLOCK.exec(words.at(-1) ?? "");
  if (!clock || words.length > 2) return null;
  const [h, mi, s] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
  const ms = Number((clock[4] ?? "0").padEnd(3, "0"));
  const base = wibParts(near);
  if (words.length === 1) {
    const found = instant(base.year, base.month + 1, base.day, h, mi, s, ms);
    return found !== null && found > now ? found - DAY_MS : found;
  }
  const iso = ISO_DAY.exec(words[0] ?? "");
  if (iso) return instant(Number(iso[1]), Number(iso[2]), Number(iso[3]), h, mi, s, ms);
  const local = LOCAL_DAY.exec(words[0] ?? "");
  if (local) return instant(Number(local[3] ?? base.year), Number(local[2]), Number(local[1]), h, mi, s, ms);
  return null;
}

/** "2026-11-24 14:03:27" in WIB: what the fields of an interval hold; parseWib reads it back. */
export function wibField(ms: number): string {
  return new Date(ms + WIB_MS).toISOString().slice(0, 19).replace("T", " ");
}
