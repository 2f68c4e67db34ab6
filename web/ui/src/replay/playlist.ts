// Groups of pictures out of a playlist of the server (recorder/playlist.py): where their bytes lie and of when they are.
// Pure. Only what the server writes is read; another line is passed over.
export interface Gop {
  /** Unlike that of every other. */
  key: string;
  uri: string;
  offset: number;
  bytes: number;
  /** ftyp and moov of its Run, and the Run's name: one is as good as another. */
  init: { uri: string; bytes: number };
  run: string;
  /** Shown times, ms since 1970. */
  from: number;
  to: number;
}

const attribute = (line: string, name: string): string => new RegExp(`${name}="([^"]*)"`).exec(line)?.[1] ?? "";

export const runOf = (uri: string): string => uri.slice(0, uri.lastIndexOf("/"));

export function gopsOf(text: string): Gop[] {
  const found: Gop[] = [];
  let init = { uri: "", bytes: 0 };
  let at = NaN;
  let seconds = 0;
  let range = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("#EXT-X-MAP:")) {
      init = { uri: attribute(line, "URI"), bytes: parseInt(attribute(line, "BYTERANGE"), 10) };
    } else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) at = Date.parse(line.slice(25));
    else if (line.startsWith("#EXTINF:")) seconds = parseFloat(line.slice(8));
    else if (line.startsWith("#EXT-X-BYTERANGE:")) range = line.slice(17);
    else if (line && !line.startsWith("#")) {
      const [bytes = NaN, offset = NaN] = range.split("@").map(Number);
      const to = at + seconds * 1000;
      if (to > at && bytes > 0 && offset >= 0) {
        found.push({ key: `${line}@${offset}`, uri: line, offset, bytes, init, run: runOf(line), from: at, to });
      }
      at = to;
    }
  }
  return found;
}

/** How far apart two may be and still follow each other: times are rounded, and jitter is no gap. */
export const JOIN_MS = 250;

/** Both lists as one, in order of time; of one that is in both, the longer: the newest of a recording still grows. */
export function merged(known: readonly Gop[], fresh: readonly Gop[]): Gop[] {
  const all = new Map(known.map((gop) => [gop.key, gop]));
  for (const gop of fresh) {
    const before = all.get(gop.key);
    if (!before || before.bytes < gop.bytes) all.set(gop.key, gop);
  }
  return [...all.values()].sort((a, b) => a.from - b.from);
}

/** The index of the last that begins at or before `ms`, −1 where there is none. */
export function indexAt(gops: readonly { from: number }[], ms: number): number {
  let [low, high] = [0, gops.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((gops[middle]?.from ?? Infinity) <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** What shows at `ms`: the last one that begins before, unless it is over for longer than jitter lasts. */
export function shownAt<T extends { from: number; to: number }>(gops: readonly T[], ms: number): T | undefined {
  const found = gops[indexAt(gops, ms)];
  return found && ms < found.to + JOIN_MS ? found : undefined;
}
