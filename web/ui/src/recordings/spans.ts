// Recorded stretches and gaps, and the arithmetic on them. Pure; half-open intervals in ms since 1970, in order.
export interface Span {
  from: number;
  to: number;
}

export interface GapSpan extends Span {
  cause: string;
  state: string;
}

/** The part of each that lies in [from, to). */
export function clip<T extends Span>(spans: readonly T[], from: number, to: number): T[] {
  return spans
    .filter((span) => span.to > from && span.from < to)
    .map((span) => ({ ...span, from: Math.max(span.from, from), to: Math.min(span.to, to) }));
}

/** Neighbours that touch become one; `same` says whether they are of a kind. */
export function joined<T extends Span>(spans: readonly T[], same: (a: T, b: T) => boolean = () => true): T[] {
  const result: T[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last && span.from - last.to < 1 && same(last, span)) result[result.length - 1] = { ...last, to: Math.max(last.to, span.to) };
    else result.push(span);
  }
  return result;
}

export function total(spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + span.to - span.from, 0);
}

export function at<T extends Span>(spans: readonly T[], ms: number): T | undefined {
  return spans.find((span) => span.from <= ms && ms < span.to);
}

/** What of [from, to) is in none of `spans`. */
export function missing(spans: readonly Span[], from: number, to: number): Span[] {
  const result: Span[] = [];
  let edge = from;
  for (const span of clip(spans, from, to)) {
    if (span.from > edge) result.push({ from: edge, to: span.from });
    edge = Math.max(edge, span.to);
  }
  if (edge < to) result.push({ from: edge, to });
  return result;
}
