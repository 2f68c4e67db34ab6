// Masks of a camera: drawn as given, nothing broken by what is none.
import { expect, test } from "vitest";
import type { Camera } from "../api/types";
import { masksOf, pointsOf } from "./masks";

const TRIANGLE = [[0, 0], [0.5, 0], [0, 0.5]] as [number, number][];

test("a camera may have none, or not know of any", () => {
  expect(masksOf(undefined)).toEqual([]);
  expect(masksOf({})).toEqual([]);
  expect(masksOf({ masks: [] })).toEqual([]);
});

test("what is no polygon is left out", () => {
  const odd = { masks: [TRIANGLE, TRIANGLE.slice(0, 2), "x", [[0, 0], [1, null], [0, 1]]] } as unknown as Camera;
  expect(masksOf(odd)).toEqual([TRIANGLE]);
  expect(masksOf({ masks: 7 } as unknown as Camera)).toEqual([]);
});

test("shares become pixels of the picture", () => expect(pointsOf(TRIANGLE, 640, 360)).toBe("0,0 320,0 0,180"));
