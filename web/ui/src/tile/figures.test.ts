// Figures out of getStats.
import { describe, expect, test } from "vitest";
import { figuresOf, readingOf } from "./figures";

const report = (more: Record<string, unknown> = {}): Map<string, Record<string, unknown> & { type: string }> =>
  new Map(
    [
      { type: "inbound-rtp", id: "v", kind: "video", codecId: "c", timestamp: 1000, bytesReceived: 1000, framesDecoded: 10, packetsReceived: 90, packetsLost: 0, jitterBufferDelay: 1, jitterBufferEmittedCount: 10, nackCount: 3, pliCount: 1, freezeCount: 2, totalFreezesDuration: 0.8, framesDropped: 0, frameWidth: 640, frameHeight: 360, ...more },
      { type: "codec", id: "c", mimeType: "video/H264" },
      { type: "transport", id: "t", selectedCandidatePairId: "p2" },
      { type: "candidate-pair", id: "p1", currentRoundTripTime: 9 },
      { type: "candidate-pair", id: "p2", currentRoundTripTime: 0.012 },
    ].map((entry) => [entry.id, entry]),
  );

describe("figures", () => {
  test("rates are of the time between two readings", () => {
    const first = readingOf(report());
    const second = readingOf(report({ timestamp: 2000, bytesReceived: 126_000, framesDecoded: 35, packetsReceived: 188, packetsLost: 2, jitterBufferDelay: 1.1, jitterBufferEmittedCount: 35 }));
    if (!first || !second) throw new Error("none");
    const figures = figuresOf(first, second);
    expect(figures).toMatchObject({ kbps: 1000, fps: 25, lost: 2, nack: 3, pli: 1, freezes: 2, frozenS: 0.8, width: 640, height: 360, codec: "H.264", rttMs: 12 });
    expect(figures.bufferMs).toBeCloseTo(4);
    expect(figures.lostPercent).toBeCloseTo(2);
  });

  test("one reading tells no rate, and a counter that began anew none either", () => {
    const first = readingOf(report());
    const anew = readingOf(report({ timestamp: 2000, bytesReceived: 10 }));
    if (!first || !anew) throw new Error("none");
    expect(figuresOf(null, first)).toMatchObject({ kbps: null, fps: null, bufferMs: null, lostPercent: null, lost: 0 });
    expect(figuresOf(first, anew).kbps).toBeNull();
  });

  test("what a browser does not tell is not made up", () => {
    expect(readingOf(new Map())).toBeNull();
    const bare = readingOf(new Map([["v", { type: "inbound-rtp", kind: "video" }]]));
    expect(bare).toMatchObject({ bytes: null, codec: null, rttMs: null });
  });
});
