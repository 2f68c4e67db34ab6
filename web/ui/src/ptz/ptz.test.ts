import { describe, expect, test } from "vitest";
import { DEAD, mapOf, padActs, padSpeed, shaped, stick, trusted, usualMap, type PadReading } from "./pad";
import { digitOf, dragSpeed, keySpeed, moved, presetIndex, steeringKey, STILL, together, wheelSpeed } from "./ptz";

function pad(axes: number[], down: number[] = [], values: Record<number, number> = {}): PadReading {
  const buttons = Array.from({ length: 17 }, (_, at) => ({ pressed: down.includes(at), value: values[at] ?? (down.includes(at) ? 1 : 0) }));
  return { id: "a pad", mapping: "standard", axes, buttons };
}

describe("a hand on the picture", () => {
  test("a press that rests moves nothing; full speed at the reach and beyond; up is up", () => {
    expect(dragSpeed(5, -5, 200)).toEqual(STILL);
    expect(dragSpeed(200, 0, 200).pan).toBeCloseTo(1);
    expect(dragSpeed(900, 0, 200).pan).toBeCloseTo(1);
    expect(dragSpeed(0, -200, 200).tilt).toBeCloseTo(1);
    const half = dragSpeed(104, 0, 200).pan;
    expect(half).toBeGreaterThan(0.2);
    expect(half).toBeLessThan(0.5);
  });

  test("the way of the hand is the way of the camera", () => {
    const speed = dragSpeed(-60, 60, 300);
    expect(speed.pan).toBeCloseTo(speed.tilt);
    expect(speed.pan).toBeLessThan(0);
  });

  test("keys that are held add up, those against each other cancel out", () => {
    expect(keySpeed(new Set(["ArrowLeft", "ArrowUp"]), false)).toEqual({ pan: -0.4, tilt: 0.4, zoom: 0 });
    expect(keySpeed(new Set(["ArrowLeft", "ArrowRight", "+"]), true)).toEqual({ pan: 0, tilt: 0, zoom: 1 });
    expect(["=", "-", "ArrowUp", "a", "ArrowX"].map(steeringKey)).toEqual(["+", "-", "ArrowUp", null, null]);
  });

  test("the wheel zooms at once and never faster than the camera can", () => {
    expect(wheelSpeed(-100, 0)).toBeCloseTo(0.417, 2);
    expect(wheelSpeed(4, 0)).toBe(-0.35);
    expect(wheelSpeed(-3, 2)).toBe(1);
    expect(wheelSpeed(0, 0)).toBe(0);
  });

  test("hands together stay within what an order may say, in steps", () => {
    expect(together({ pan: 0.8, tilt: 0.012, zoom: 0 }, { pan: 0.8, tilt: 0, zoom: -0.33 })).toEqual({ pan: 1, tilt: 0, zoom: -0.35 });
    expect(Object.is(together({ pan: -0.01, tilt: 0, zoom: 0 }).pan, 0)).toBe(true);
  });

  test("digits are presets, 0 is the tenth", () => {
    expect(["1", "9", "0", "a"].map(presetIndex)).toEqual([0, 8, 9, null]);
    expect([0, 8, 9, 10].map(digitOf)).toEqual(["1", "9", "0", ""]);
    expect(moved(["a", "b", "c"], 2, -1)).toEqual(["a", "c", "b"]);
    expect(moved(["a", "b"], 1, 1)).toEqual(["a", "b"]);
  });
});

describe("a pad", () => {
  test("the dead zone is rest, beyond it speed begins at nothing and grows to all", () => {
    expect([shaped(0.14, 0.15), shaped(-0.15, 0.15), shaped(NaN, 0.15)]).toEqual([0, 0, 0]);
    expect(shaped(0.16, 0.15)).toBeLessThan(0.001);
    expect(shaped(-1, 0.15)).toBe(-1);
    expect(shaped(1.2, 0.15)).toBe(1);
    const steps = Array.from({ length: 50 }, (_, at) => shaped(at / 49, 0.15));
    expect(steps.every((value, at) => at === 0 || value >= (steps[at - 1] ?? 0))).toBe(true);
  });

  test("a stick's direction is kept", () => {
    const [x, y] = stick(0.6, 0.1, 0.15);
    expect(y / x).toBeCloseTo(1 / 6);
  });

  test("pushed away looks up, triggers zoom by how far they are pulled", () => {
    const map = usualMap("standard");
    expect(padSpeed(pad([0.05, -0.08]), map)).toEqual(STILL);
    expect(padSpeed(pad([0, -1]), map)).toEqual({ pan: 0, tilt: 1, zoom: 0 });
    expect(padSpeed(pad([0, -1]), { ...map, flipped: true }).tilt).toBe(-1);
    expect(padSpeed(pad([0, 0], [], { 7: 0.5 }), map).zoom).toBeCloseTo(0.17, 2);
    expect(padSpeed(pad([0, 0], [6]), map).zoom).toBe(-1);
    expect(padSpeed(pad([0, 0, 1]), usualMap("")).zoom).toBe(-1);
    expect(padSpeed(pad([]), { ...map, pan: 9 })).toEqual(STILL);
  });

  test("an axis that was never in its middle moves nothing", () => {
    const first = trusted([0.9, 0.1, -1], [], 0.15);
    expect(first).toEqual({ axes: [0, 0.1, 0], rested: [false, true, false] });
    const then = trusted([0.05, 0.9, -1], first.rested, 0.15);
    expect(then.axes).toEqual([0.05, 0.9, 0]);
    expect(trusted([1, 0, -1], then.rested, 0.15).axes).toEqual([1, 0, 0]);
  });

  test("a button acts once, when it goes down", () => {
    const map = usualMap("standard");
    expect(padActs([], pad([0, 0], [0, 5, 7]), map)).toEqual(["preset1", "next"]);
    expect(padActs([true], pad([0, 0], [0]), map)).toEqual([]);
    expect(padActs([], pad([0, 0], [16]), map)).toEqual([]);
  });

  test("what was kept is taken as far as it makes sense", () => {
    const usual = usualMap("standard");
    expect(mapOf(null, "standard")).toEqual(usual);
    expect(mapOf(JSON.parse(JSON.stringify(usual)), "")).toEqual(usual);
    const odd = mapOf({ pan: 99, tilt: null, zoom: "x", dead: 7, flipped: 1, buttons: { 0: "explode", 1: "next" } }, "standard");
    expect(odd).toEqual({ ...usual, tilt: null, dead: DEAD.most, buttons: { 1: "next" } });
  });
});
