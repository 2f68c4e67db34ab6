// Main or sub: which stream a tile asks for, and what it says of the site's line. Pure; words come from messages.
import { m } from "../shell/messages";
import type { Choice, LineMessage, TileMessage } from "../wall/protocol";

/** From so many device pixels of width on, the main stream shows more. */
export const MAIN_FROM_PX = 1280;

/** What an operator wants on a tile. */
export type Wish = "auto" | "main" | "sub";

const NEXT: Record<Wish, Wish> = { auto: "main", main: "sub", sub: "auto" };
export const nextWish = (wish: Wish): Wish => NEXT[wish];

/** The stream of a camera that has both. `px`: width of the tile in device pixels. */
export function choose(tile: { px: number; enlarged: boolean; wish: Wish }): Choice {
  if (tile.wish === "sub") return { stream: "sub" };
  if (tile.wish === "main") return { stream: "main", claim: "forced" };
  if (tile.enlarged) return { stream: "main", claim: "full" };
  return tile.px > MAIN_FROM_PX ? { stream: "main", claim: "large" } : { stream: "sub" };
}

export const mbps = (kbps: number, locale: string): string =>
  `${(kbps / 1000).toLocaleString(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 })} Mb/s`;

export interface LineMark {
  /** On the smallest tiles it stands alone. */
  short: string;
  /** Beside it where there is room; "" for nothing. */
  more: string;
  /** The whole of it, as a sentence. */
  whole: string;
}

/** What a tile says of the choice between main and sub; null where there is nothing to say. */
export function markOf(told: TileMessage | null, wish: Wish, site: string, locale: string): LineMark | null {
  const line = told?.line ?? null;
  if (line && !line.given) {
    const whole = line.why === "squeezed" ? m.line_squeezed({ site, main: mbps(line.kbps, locale) }) : fullOf(line, site, locale);
    return { short: m.line_sub(), more: m.line_full_short(), whole };
  }
  if (wish === "main") {
    const more = line ? mbps(line.kbps, locale) : "";
    return { short: m.line_main(), more, whole: line ? m.line_forced({ site, ...costOf(line, locale) }) : m.line_forced_free() };
  }
  return wish === "sub" ? { short: m.line_sub(), more: m.line_chosen(), whole: m.line_sub_chosen() } : null;
}

function fullOf(line: LineMessage, site: string, locale: string): string {
  return m.line_full({ site, ...costOf(line, locale), main: mbps(line.kbps, locale) });
}

/** What crosses the line and what may, as words. */
function costOf(line: LineMessage, locale: string): { extra: string; used: string; room: string } {
  return {
    extra: mbps(Math.max(0, line.kbps - line.small_kbps), locale),
    used: mbps(line.used_kbps, locale),
    room: line.line_kbps === null ? "?" : mbps(line.line_kbps, locale),
  };
}

/** Used of what may, for the figures; null where no line lies between. */
export function useOf(told: TileMessage | null, locale: string): string | null {
  const line = told?.line ?? null;
  if (!line) return null;
  const used = mbps(line.used_kbps, locale);
  return line.line_kbps === null ? used : `${used} / ${mbps(line.line_kbps, locale)}`;
}
