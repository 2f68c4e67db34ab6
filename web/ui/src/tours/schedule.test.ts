import { expect, test } from "vitest";
import { at, roundMs, shiftTo } from "./schedule";

const pages = [{ dwell_s: 10 }, { dwell_s: 5 }, { dwell_s: 20 }];

test("each page stays as long as it is given, round after round", () => {
  expect(roundMs(pages)).toBe(35_000);
  expect(at(pages, 0)).toEqual({ page: 0, sinceMs: 0, leftMs: 10_000 });
  expect(at(pages, 9_999)).toEqual({ page: 0, sinceMs: 9_999, leftMs: 1 });
  expect(at(pages, 10_000)?.page).toBe(1);
  expect(at(pages, 34_999)).toEqual({ page: 2, sinceMs: 19_999, leftMs: 1 });
  expect(at(pages, 35_000 * 1000 + 12_000)).toEqual({ page: 1, sinceMs: 2_000, leftMs: 3_000 });
});

test("two clocks that agree show the same page, whenever they began", () => {
  for (let now = 1_790_000_000_000; now < 1_790_000_070_000; now += 777) expect(at(pages, now)).toEqual(at(pages, now + 35_000));
});

test("a step begins the page that was asked for, also around the ends", () => {
  for (const now of [0, 12_345, 34_999, 1_790_000_000_123]) {
    for (const page of [0, 1, 2]) expect(at(pages, now, shiftTo(pages, now, page))).toMatchObject({ page, sinceMs: 0 });
    expect(at(pages, now, shiftTo(pages, now, -1))?.page).toBe(2);
    expect(at(pages, now, shiftTo(pages, now, 3))?.page).toBe(0);
  }
});

test("a tour of nothing shows nothing", () => {
  expect(at([], 5)).toBeNull();
  expect(shiftTo([], 5, 0)).toBe(0);
});
