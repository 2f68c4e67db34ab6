// A tile never says live of an old or frozen picture.
import { describe, expect, test } from "vitest";
import { captureMs, judge, OLD_MS, rtpReached, type Facts } from "./truth";

const fresh: Facts = {
  camera: true,
  link: "up",
  now: 10_000,
  revealed: true,
  lastFrameAt: 9980,
  lastFrameAgeMs: 120,
  server: { state: "live", ageMs: 100, at: 9900 },
};
const of = (change: Partial<Facts>) => judge({ ...fresh, ...change });

describe("judge", () => {
  test("a fresh picture is live", () => expect(of({})).toEqual({ state: "live", ageMs: 140, veil: false }));

  test("whatever the server says, old or not renewed is never live", () => {
    for (const state of ["live", "late", "catching_up", "reconnecting", "connecting"] as const) {
      for (const change of [{ lastFrameAt: fresh.now - OLD_MS - 1 }, { lastFrameAgeMs: OLD_MS + 1 }]) {
        const verdict = of({ ...change, server: { state, ageMs: 0, at: 0 } });
        expect(verdict.state).not.toBe("live");
        expect(verdict.veil).toBe(true);
      }
    }
  });

  test("an age that nobody knows still shows a frozen picture", () => {
    expect(of({ lastFrameAgeMs: null, lastFrameAt: 5000 })).toEqual({ state: "late", ageMs: 5000, veil: true });
    expect(of({ lastFrameAgeMs: null }).state).toBe("live");
    expect(of({ lastFrameAgeMs: null, server: null }).state).toBe("catching_up");
  });

  test("states of the link and of the camera", () => {
    expect(of({ camera: false }).state).toBe("empty");
    expect(of({ link: "down" })).toMatchObject({ state: "reconnecting", veil: true });
    expect(of({ link: "pictures", lastFrameAt: 1 })).toMatchObject({ state: "pictures", veil: true });
    expect(of({ server: { state: "offline", ageMs: null, at: 0 } })).toMatchObject({ state: "offline", veil: true });
    expect(of({ revealed: false }).state).toBe("connecting");
    expect(of({ lastFrameAgeMs: 3000, server: { state: "catching_up", ageMs: 3000, at: 0 } }).state).toBe("catching_up");
  });
});

describe("RTP timestamps", () => {
  test("compare over the wrap", () => {
    expect(rtpReached(5, 4_294_967_290)).toBe(true);
    expect(rtpReached(4_294_967_290, 5)).toBe(false);
    expect(captureMs({ rtp: 4_294_967_290, wallMs: 1000 }, 84)).toBeCloseTo(1001);
    expect(captureMs({ rtp: 900, wallMs: 1000 }, 0)).toBeCloseTo(990);
  });
});
