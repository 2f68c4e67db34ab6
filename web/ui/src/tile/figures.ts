// Figures of one tile's connection out of two readings of getStats (W3C webrtc-stats). Pure. What a browser does not
// tell is null.
export interface Reading {
  /** ms, the report's own clock. */
  at: number;
  bytes: number | null;
  frames: number | null;
  received: number | null;
  lost: number | null;
  /** Seconds summed over emitted frames, and how many those are. */
  bufferS: number | null;
  emitted: number | null;
  nack: number | null;
  pli: number | null;
  freezes: number | null;
  frozenS: number | null;
  dropped: number | null;
  width: number | null;
  height: number | null;
  codec: string | null;
  rttMs: number | null;
}

export interface Figures {
  kbps: number | null;
  fps: number | null;
  bufferMs: number | null;
  lost: number | null;
  /** Of the last second, percent. */
  lostPercent: number | null;
  nack: number | null;
  pli: number | null;
  freezes: number | null;
  frozenS: number | null;
  dropped: number | null;
  width: number | null;
  height: number | null;
  codec: string | null;
  rttMs: number | null;
}

type Entry = Record<string, unknown> & { type: string };

const number = (entry: Entry | undefined, key: string): number | null => {
  const value = entry?.[key];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
};

const NAMES: Record<string, string> = { h264: "H.264", h265: "H.265" };

/** What of a report is about the video that the tile receives; null where there is none. */
export function readingOf(report: { forEach(act: (entry: Entry) => void): void }): Reading | null {
  const all: Entry[] = [];
  report.forEach((entry) => all.push(entry));
  const video = all.find((entry) => entry.type === "inbound-rtp" && entry.kind === "video");
  if (!video) return null;
  const codec = all.find((entry) => entry.type === "codec" && entry.id === video.codecId);
  const transport = all.find((entry) => entry.type === "transport");
  const pairs = all.filter((entry) => entry.type === "candidate-pair");
  const pair = pairs.find((entry) => entry.id === transport?.selectedCandidatePairId) ?? pairs.find((entry) => entry.nominated === true);
  const rtt = number(pair, "currentRoundTripTime");
  const name = String(codec?.mimeType ?? "").replace(/^video\//i, "").toLowerCase();
  return {
    at: number(video, "timestamp") ?? 0,
    bytes: number(video, "bytesReceived"),
    frames: number(video, "framesDecoded"),
    received: number(video, "packetsReceived"),
    lost: number(video, "packetsLost"),
    bufferS: number(video, "jitterBufferDelay"),
    emitted: number(video, "jitterBufferEmittedCount"),
    nack: number(video, "nackCount"),
    pli: number(video, "pliCount"),
    freezes: number(video, "freezeCount"),
    frozenS: number(video, "totalFreezesDuration"),
    dropped: number(video, "framesDropped"),
    width: number(video, "frameWidth"),
    height: number(video, "frameHeight"),
    codec: name ? (NAMES[name] ?? name.toUpperCase()) : null,
    rttMs: rtt === null ? null : rtt * 1000,
  };
}

/** Growth of a counter; null where one of the two is not told, or the counter began anew. */
function grown(from: number | null, to: number | null): number | null {
  return from === null || to === null || to < from ? null : to - from;
}

const share = (part: number | null, whole: number | null, times: number): number | null =>
  part === null || !whole ? null : (part / whole) * times;

export function figuresOf(before: Reading | null, now: Reading): Figures {
  const ms = before && now.at > before.at ? now.at - before.at : null;
  const lost = grown(before?.lost ?? null, now.lost);
  const received = grown(before?.received ?? null, now.received);
  return {
    kbps: share(grown(before?.bytes ?? null, now.bytes), ms, 8),
    fps: share(grown(before?.frames ?? null, now.frames), ms, 1000),
    bufferMs: share(grown(before?.bufferS ?? null, now.bufferS), grown(before?.emitted ?? null, now.emitted), 1000),
    lost: now.lost,
    lostPercent: lost === null || received === null ? null : share(lost, lost + received, 100),
    nack: now.nack,
    pli: now.pli,
    freezes: now.freezes,
    frozenS: now.frozenS,
    dropped: now.dropped,
    width: now.width,
    height: now.height,
    codec: now.codec,
    rttMs: now.rttMs,
  };
}
