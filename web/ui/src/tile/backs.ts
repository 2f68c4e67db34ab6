// How far back an instant replay goes: a ladder of steps. Pure.
export const BACKS_MS: readonly number[] = [10_000, 30_000, 60_000, 120_000, 300_000];

/** The next step beyond `back`; the longest stays. */
export function longer(back: number): number {
  return BACKS_MS.find((step) => step > back) ?? BACKS_MS.at(-1) ?? back;
}

/** The next step below `back`; null: there is none, which is live. */
export function shorter(back: number): number | null {
  return BACKS_MS.findLast((step) => step < back) ?? null;
}
