// Which names have room on the map: the more important first, none over another. Pure.
export interface Label {
  key: string;
  /** The middle of its top edge, pixels. */
  x: number;
  y: number;
  width: number;
  height: number;
  /** Lower goes first. */
  rank: number;
}

export function roomFor(labels: readonly Label[]): Set<string> {
  const kept: Label[] = [];
  for (const label of [...labels].sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : 1)))
    if (!kept.some((other) => overlap(label, other))) kept.push(label);
  return new Set(kept.map((label) => label.key));
}

function overlap(a: Label, b: Label): boolean {
  return Math.abs(a.x - b.x) * 2 < a.width + b.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
