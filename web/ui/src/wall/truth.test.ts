// A tile never says live of an old or frozen picture.
import { describe, expect, test } from "vitest";
import { captureMs, judge, OLD_MS, overtakes, pictureAge, rtpReached, type Facts } from "./truth";

const fresh: Facts = {
  camera: true,
  link: "up",
  now: 10_000,
  revealed: true,
  lastFrameAt: 9980,
  lastFrameAgeMs: 120,
  still: false,
  missing: null,
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

  test("a picture that came again is as old as the server says, not as new as it looks", () => {
    const again = (server: Facts["server"]) => of({ lastFrameAgeMs: 900, server });
    for (const state of ["late", "reconnecting", "live"] as const) {
      expect(again({ state, ageMs: 3100, at: 9900 })).toEqual({ state: state === "live" ? "late" : state, ageMs: 3200, veil: true });
    }
    expect(again({ state: "late", ageMs: 3100, at: 6900 }).state).toBe("live");
    expect(again({ state: "late", ageMs: 1900, at: 9900 }).state).toBe("live");
    expect(of({ still: true, lastFrameAt: 9980, server: { state: "pictures", ageMs: 9000, at: 9900 } })).toMatchObject({ state: "pictures", ageMs: 140 });
  });

  test("an age that nobody knows still shows a frozen picture", () => {
    expect(of({ lastFrameAgeMs: null, lastFrameAt: 5000 })).toEqual({ state: "late", ageMs: 5000, veil: true });
    expect(of({ lastFrameAgeMs: null }).state).toBe("live");
    expect(of({ lastFrameAgeMs: null, server: null }).state).toBe("catching_up");
  });

  test("what the server said long ago makes nothing live", () => {
    expect(of({ lastFrameAgeMs: null, server: { state: "live", ageMs: 40, at: 6900 } }).state).toBe("catching_up");
  });

  test("a still picture is called one, with its age, also while video is on its way", () => {
    for (const state of ["pictures", "live", "late", "catching_up"] as const) {
      expect(of({ still: true, lastFrameAt: 7000, server: { state, ageMs: 0, at: 0 } })).toEqual({ state: "pictures", ageMs: 3120, veil: false });
    }
    expect(of({ still: true, lastFrameAt: 3000 })).toMatchObject({ state: "pictures", veil: true });
    expect(of({ still: true, lastFrameAt: 7000, server: { state: "reconnecting", ageMs: 0, at: 0 } })).toMatchObject({ state: "reconnecting", veil: true });
    expect(of({ still: true, server: { state: "offline", ageMs: 0, at: 0 } }).state).toBe("offline");
    expect(of({ still: true, link: "down" })).toMatchObject({ state: "reconnecting", veil: true });
  });

  test("still pictures that are told of and not here yet leave the video what it is", () => {
    expect(of({ lastFrameAt: 5000, server: { state: "pictures", ageMs: 0, at: 0 } })).toMatchObject({ state: "late", veil: true });
    expect(of({ revealed: false, lastFrameAt: null, server: { state: "pictures", ageMs: 0, at: 0 } }).state).toBe("connecting");
  });

  test("video takes over from a still picture by its own age or the server's word", () => {
    expect(overtakes(1000, 1001, "pictures")).toBe(true);
    expect(overtakes(1000, 1000, "live")).toBe(false);
    expect(overtakes(1000, null, "live")).toBe(true);
    expect(overtakes(1000, null, "pictures")).toBe(false);
    expect(overtakes(1000, null, null)).toBe(false);
  });

  test("over HTTP a camera that gives no picture is said to give none; one that fails once keeps the picture it has", () => {
    const none: Partial<Facts> = { link: "pictures", revealed: false, lastFrameAt: null, lastFrameAgeMs: null, server: null };
    expect(of(none).state).toBe("connecting");
    expect(of({ ...none, missing: "offline" })).toEqual({ state: "offline", ageMs: null, veil: true });
    expect(of({ link: "pictures", missing: "offline" })).toMatchObject({ state: "pictures", veil: false });
    expect(of({ link: "pictures", missing: "reconnecting", lastFrameAt: 3000 })).toMatchObject({ state: "reconnecting", ageMs: 7120, veil: true });
  });

  test("the age of a picture over HTTP is by the server's clock, however wrong this machine's is", () => {
    const captured = Date.UTC(2026, 10, 24, 15, 0, 0);
    const date = "Tue, 24 Nov 2026 15:00:20 GMT";
    for (const wrong of [-3_600_000, 0, 3_600_000]) expect(pictureAge(captured, date, captured + wrong)).toBe(20_500);
    expect(pictureAge(captured, null, captured + 700)).toBe(700);
    expect(pictureAge(captured, "x", captured - 700)).toBe(0);
    expect(pictureAge(NaN, date, captured)).toBeNull();
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
