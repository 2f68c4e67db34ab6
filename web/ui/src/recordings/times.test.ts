// Time of the medium and time of day of a window, with a gap in it.
import { describe, expect, test } from "vitest";
import { end, epoch, has, mediaTime } from "./times";

// Two seconds each; ten seconds are missing between the second and the third.
const pieces = [
  { start: 0, duration: 2, programDateTime: 100_000 },
  { start: 2, duration: 2, programDateTime: 102_000 },
  { start: 4, duration: 2, programDateTime: 114_000 },
];

describe("times", () => {
  test("there and back is the same instant, half a millisecond into the frame", () => {
    for (const ms of [100_000, 101_999, 102_000, 114_500]) {
      const there = mediaTime(pieces, ms) ?? NaN;
      expect(epoch(pieces, there)).toBeCloseTo(ms + 0.5);
    }
  });

  test("in a gap or before the window it is the next footage, after the end nothing", () => {
    expect(mediaTime(pieces, 110_000)).toBeCloseTo(4.0005);
    expect(mediaTime(pieces, 0)).toBeCloseTo(0.0005);
    expect(mediaTime(pieces, 116_000)).toBeNull();
    expect(mediaTime([], 1)).toBeNull();
  });

  test("footage is half open", () => {
    expect([99_999, 100_000, 103_999, 104_000, 114_000, 116_000].map((ms) => has(pieces, ms))).toEqual([false, true, true, false, true, false]);
    expect([end(pieces), end([])]).toEqual([116_000, null]);
  });

  test("a piece whose time is not known is passed over", () => {
    const first = { start: 0, duration: 2, programDateTime: null };
    expect(mediaTime([first, ...pieces.slice(1)], 100_500)).toBeCloseTo(2.0005);
    expect(epoch([first], 1)).toBeNull();
  });
});
