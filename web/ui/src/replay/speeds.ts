// Speeds of a replay: every picture up to four times, above that and backwards key frames alone. Pure.
export const SPEEDS: readonly number[] = [-64, -32, -16, -8, -4, -2, -1, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64];

/** Only key frames are shown at this speed. */
export const onKeys = (rate: number): boolean => rate < 0 || rate > 4;

/** The next speed up or down; the last stays. */
export function next(rate: number, step: 1 | -1): number {
  const index = SPEEDS.indexOf(rate);
  return index < 0 ? 1 : (SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, index + step))] ?? rate);
}

/** J and L: the way they say, at once; where it goes that way already, faster. */
export function shuttle(rate: number, playing: boolean, way: 1 | -1): number {
  if (!playing || rate * way < 0) return way;
  if (rate * way < 1) return way;
  return next(rate, way);
}

/** What a URL or a field says; 1 where it says nothing that is known. */
export function speedOf(text: string | null): number {
  const value = Number(text ?? "");
  return SPEEDS.includes(value) ? value : 1;
}

/** "1/8", "2", "−16". */
export function speedWord(rate: number): string {
  const size = Math.abs(rate);
  return `${rate < 0 ? "−" : ""}${size < 1 ? `1/${Math.round(1 / size)}` : size}`;
}
