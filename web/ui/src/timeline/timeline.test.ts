// What a timeline is drawn from, what hands and keys do to it: arithmetic.
import { describe, expect, test } from "vitest";
import { kindOf } from "./palette";
import { nextStart, stepMs } from "./keys";
import { begun, dragged, edgeAt, wheelFactor } from "./pointer";
import { firstAfter, holding, sheetOf, type TimelineOut } from "./strips";
import { levelOf, pieces, spanOf, STEPS_MS, tileMs, tilesOf } from "./tiles";

const DAY = 86_400_000;
const NOW = 1_790_000_000_000;

const answer = (more: Partial<TimelineOut["cameras"][0]> = {}): TimelineOut => ({
  from: new Date(NOW).toISOString(), to: new Date(NOW + 1000).toISOString(), step_ms: 10, motion_step_ms: 100,
  cameras: [{ camera: "c", start: 0, end: 900, recorded: [[0, 400], [500, 900]], gaps: [], motion: [[3, 60]], events: [], bookmarks: [], holds: [], ...more }],
});

describe("tiles", () => {
  test("a month and a second are a few tiles each, and no finer than pixels", () => {
    for (const [span, width] of [[30 * DAY, 1366], [30 * DAY, 3840], [DAY, 1366], [1000, 3840]] as const) {
      const level = levelOf(span / width);
      expect(STEPS_MS[level]).toBeLessThanOrEqual(Math.max(50, span / width));
      expect(tilesOf(level, NOW - span, NOW).length).toBeLessThanOrEqual(4);
    }
    expect(tileMs(STEPS_MS.length - 1)).toBeLessThan(366 * DAY);
  });

  test("tiles share time out without overlap", () => {
    const [a, b] = tilesOf(2, NOW, NOW + tileMs(2));
    expect(a && b && spanOf(a).to === spanOf(b).from).toBe(true);
  });

  test("drawn at once from what is there: the wanted level, else a coarser, else a finer one", () => {
    const tile = (level: number, from: number, to: number) => ({ level, from, to });
    const view = { from: 0, to: 100 };
    const names = (there: ReturnType<typeof tile>[]) => pieces(there, view, 3).map(({ from, to, tile: { level } }) => [from, to, level]);
    expect(names([tile(4, 0, 200), tile(3, 20, 60), tile(2, 0, 100)])).toEqual([[0, 20, 4], [20, 60, 3], [60, 100, 4]]);
    expect(names([tile(1, 0, 50)])).toEqual([[0, 50, 1]]);
    expect(names([])).toEqual([]);
  });
});

describe("strips", () => {
  test("positions become instants", () => {
    const strip = sheetOf(answer({ events: [{ id: "e", kind: "camera_down", severity: "alarm", start: 100, end: null, count: 1 }] })).strips.get("c");
    expect(strip?.recorded[1]).toEqual({ from: NOW + 500, to: NOW + 900 });
    expect(strip?.motion[3]).toBe(60);
    expect(strip?.events[0]).toMatchObject({ from: NOW + 100, to: NOW + 900, open: true });
  });

  test("what holds an instant is found among many", () => {
    const spans = Array.from({ length: 1000 }, (_, i) => ({ from: i * 10, to: i * 10 + 5 }));
    expect(holding(spans, 5003)).toEqual({ from: 5000, to: 5005 });
    expect(holding(spans, 5007)).toBeUndefined();
    expect(firstAfter(spans, 5005)).toBe(501);
  });

  test("every cause has a pattern", () => {
    expect(["camera_unreachable", "node_down", "not_reported", "expired", "schedule", "new_cause"].map(kindOf)).toEqual(["camera", "system", "silent", "expired", "calm", "system"]);
  });
});

describe("hands and keys", () => {
  const view = { from: NOW - 1000, to: NOW };

  test("a press that does not move is a click, a drag pans, with Shift it chooses, an edge is moved", () => {
    const click = begun(view, 1000, null, 500, false);
    expect(dragged(click, 1000, 502, NOW)).toBeNull();
    expect(dragged(click, 1000, 600, NOW)).toEqual({ view: { from: NOW - 1100, to: NOW - 100 } });
    expect(dragged(begun(view, 1000, null, 500, true), 1000, 400, NOW)).toEqual({ selection: { from: NOW - 600, to: NOW - 500 } });
    const chosen = { from: NOW - 600, to: NOW - 500 };
    expect(edgeAt(view, 1000, chosen, 402)).toBe("from");
    expect(edgeAt(view, 1000, chosen, 450)).toBeNull();
    expect(dragged(begun(view, 1000, chosen, 402, false), 1000, 700, NOW)).toEqual({ selection: { from: NOW - 500, to: NOW - 300 } });
    expect(dragged(begun(view, 1000, null, 900, true), 1000, 1200, NOW)).toEqual({ selection: { from: NOW - 100, to: NOW } });
  });

  test("the wheel zooms in as far as out, near enough", () => {
    expect(wheelFactor(-120) * wheelFactor(120)).toBeCloseTo(1, 1);
    expect(wheelFactor(-4)).toBeGreaterThan(0.98);
  });

  test("an arrow goes by what is seen", () => {
    expect(stepMs({ from: 0, to: 60_000 })).toBe(5000);
    expect(stepMs({ from: 0, to: 30 * DAY })).toBe(14_400_000);
  });

  test("from gap to gap", () => {
    const gap = (start: number) => ({ start, end: start + 10, cause: "node_down", open: false, count: 1, missing_ms: 10 });
    const strips = [...sheetOf(answer({ gaps: [gap(100), gap(300)] })).strips.values()];
    expect(nextStart(strips, "gap", NOW + 100, 1)).toBe(NOW + 300);
    expect(nextStart(strips, "gap", NOW + 100, -1)).toBeNull();
    expect(nextStart(strips, "event", NOW, 1)).toBeNull();
  });
});
