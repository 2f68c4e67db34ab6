// Arithmetic of the timeline: spans, zoom, ticks.
import { describe, expect, test } from "vitest";
import { at, clip, joined, missing, total } from "./spans";
import { around, msOf, NARROWEST_MS, opening, ticks, WIDEST_MS, within, xOf, zoom } from "./view";

const span = (from: number, to: number) => ({ from, to });

describe("spans", () => {
  test("recorded and missing are the whole", () => {
    const spans = [span(10, 20), span(20, 30), span(50, 60)];
    expect(total(clip(spans, 0, 55)) + total(missing(spans, 0, 55))).toBe(55);
    expect(missing(spans, 0, 55)).toEqual([span(0, 10), span(30, 50)]);
    expect(joined(spans)).toEqual([span(10, 30), span(50, 60)]);
  });

  test("half open", () => {
    expect(at([span(0, 10), span(10, 20)], 10)).toEqual(span(10, 20));
    expect(at([span(0, 10)], 10)).toBeUndefined();
  });

  test("gaps of another cause stay apart", () => {
    const gaps = [
      { ...span(0, 1), cause: "a", state: "closed" },
      { ...span(1, 2), cause: "b", state: "closed" },
    ];
    expect(joined(gaps, (a, b) => a.cause === b.cause)).toHaveLength(2);
  });
});

describe("view", () => {
  const view = around(1_000_000_000, 3_600_000);

  test("zoom keeps the instant under the pointer and its limits", () => {
    const anchor = msOf(view, 1000, 300);
    expect(xOf(zoom(view, 0.5, anchor), 1000, anchor)).toBeCloseTo(300);
    const [near, far] = [zoom(view, 1e-9, anchor), zoom(view, 1e9, anchor)];
    expect(near.to - near.from).toBeCloseTo(NARROWEST_MS);
    expect(far.to - far.from).toBeCloseTo(WIDEST_MS);
  });

  test("opens on what there can be", () => {
    const now = 1_700_000_000_000;
    const minutes = (view: { from: number; to: number }) => (view.to - view.from) / 60_000;
    const young = opening(now - 60_000, now - 120_000, now);
    expect(minutes(young)).toBe(5);
    expect(young.from).toBeLessThan(now - 120_000);
    expect(young.to).toBeGreaterThan(now);
    expect(minutes(opening(now - 60_000, now - 1_200_000, now))).toBe(25);
    expect(minutes(opening(now - 60_000, now - 86_400_000, now))).toBe(60);
    expect(opening(now - 43_200_000, now - 86_400_000, now)).toEqual(around(now - 43_200_000, 3_600_000));
  });

  test("now stays in sight", () => {
    const moved = within({ from: 100_000, to: 200_000 }, 50_000);
    expect(moved).toEqual({ from: -40_000, to: 60_000 });
  });

  test("ticks are round in WIB and far enough apart", () => {
    for (const span of [10_000, 600_000, 86_400_000, WIDEST_MS]) {
      const { step, list } = ticks(around(1_700_000_000_000, span), 1000, 90);
      expect(list.length).toBeGreaterThan(1);
      expect(list.length).toBeLessThan(12);
      for (const tick of list) expect((tick.ms + 7 * 3_600_000) % step).toBe(0);
    }
  });
});
