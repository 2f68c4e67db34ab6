// What a replay of several cameras decides: its clock, its speeds, what shows when, its URL.
import { describe, expect, test, vi } from "vitest";
import { parseAddress, layoutFor, queryOf, toggled } from "./address";
import { ReplayClock } from "./clock";
import { pressed, type DeckActs } from "./keys";
import { gopsOf, indexAt, merged, shownAt } from "./playlist";
import { next, onKeys, shuttle, speedOf, SPEEDS, speedWord } from "./speeds";
import { standard } from "../views/layout";

describe("clock", () => {
  test("each change keeps the instant that is shown", () => {
    const clock = new ReplayClock(1000, 0);
    expect(clock.at(500)).toBe(1000);
    clock.play(500);
    expect(clock.at(1500)).toBe(2000);
    clock.setRate(4, 1500);
    expect(clock.at(1750)).toBe(3000);
    clock.setRate(-2, 1750);
    expect(clock.at(2000)).toBe(2500);
    clock.pause(2000);
    expect(clock.at(9000)).toBe(2500);
  });

  test("held it stands, and goes on from there; a seek is at once", () => {
    const clock = new ReplayClock(0, 0);
    clock.play(0);
    clock.hold(true, 100);
    clock.seek(5000, 120);
    expect(clock.at(900)).toBe(5000);
    clock.hold(false, 900);
    expect(clock.at(1000)).toBe(5100);
  });

  test("never beyond its bounds", () => {
    const clock = new ReplayClock(1000, 0);
    clock.play(0);
    expect(clock.at(5000, { first: 0, last: 2000 })).toBe(2000);
    clock.setRate(-64, 0);
    expect(clock.at(5000, { first: 500, last: 2000 })).toBe(500);
  });
});

describe("speeds", () => {
  test("every picture up to four times, key frames above and backwards", () => {
    expect(SPEEDS.filter((speed) => !onKeys(speed))).toEqual([0.125, 0.25, 0.5, 1, 2, 4]);
    expect([next(4, 1), next(64, 1), next(-64, -1), next(0.125, -1), next(3, 1)]).toEqual([8, 64, -64, -1, 1]);
    expect(["2", "-16", "0.125", "3", "x", null].map(speedOf)).toEqual([2, -16, 0.125, 1, 1, 1]);
    expect([0.125, 2, -16].map(speedWord)).toEqual(["1/8", "2", "−16"]);
  });

  test("J and L turn at once, and go faster the way it goes", () => {
    expect(shuttle(1, false, 1)).toBe(1);
    expect(shuttle(1, true, 1)).toBe(2);
    expect(shuttle(0.25, true, 1)).toBe(1);
    expect(shuttle(4, true, -1)).toBe(-1);
    expect(shuttle(-1, true, -1)).toBe(-2);
    expect(shuttle(-8, true, 1)).toBe(1);
  });
});

const PLAYLIST = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MAP:URI="/api/cameras/c/segments/r1/0.mp4?view=video",BYTERANGE="812@0"
#EXT-X-PROGRAM-DATE-TIME:2026-11-24T00:00:00.000Z
#EXTINF:2.000000,
#EXT-X-BYTERANGE:500@812
/api/cameras/c/segments/r1/0.mp4?view=video
#EXTINF:1.500000,
#EXT-X-BYTERANGE:400@1312
/api/cameras/c/segments/r1/0.mp4?view=video
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="/api/cameras/c/segments/r2/0.mp4",BYTERANGE="700@0"
#EXT-X-PROGRAM-DATE-TIME:2026-11-24T00:00:10.000Z
#EXTINF:2.000000,
#EXT-X-BYTERANGE:300@700
/api/cameras/c/segments/r2/0.mp4
#EXT-X-ENDLIST
`;
const ZERO = Date.parse("2026-11-24T00:00:00Z");

describe("playlist", () => {
  const gops = gopsOf(PLAYLIST);

  test("where the bytes lie and of when they are", () => {
    expect(gops.map((gop) => [gop.offset, gop.bytes, gop.from - ZERO, gop.to - ZERO, gop.init.bytes])).toEqual([
      [812, 500, 0, 2000, 812],
      [1312, 400, 2000, 3500, 812],
      [700, 300, 10_000, 12_000, 700],
    ]);
    expect(gops.map((gop) => gop.run.slice(-3))).toEqual(["/r1", "/r1", "/r2"]);
    expect(gopsOf("#EXTM3U\nnonsense\n")).toEqual([]);
  });

  test("in a gap nothing shows; jitter is no gap", () => {
    expect([-1, 0, 1999, 2000, 3600, 3800, 9999, 10_000, 13_000].map((ms) => shownAt(gops, ZERO + ms)?.offset)).toEqual([
      undefined, 812, 812, 1312, 1312, undefined, undefined, 700, undefined,
    ]);
    expect(indexAt(gops, ZERO + 2500)).toBe(1);
  });

  test("what is read again takes the place of what it was", () => {
    const [first, second, third] = gops;
    if (!first || !second || !third) throw new Error("no playlist");
    const grown = { ...third, bytes: 900, to: third.to + 500 };
    expect(merged(gops, [grown, second])).toEqual([first, second, grown]);
    expect(merged([first, grown], gops)).toEqual([first, second, grown]);
  });
});

describe("address", () => {
  const parse = (text: string) => parseAddress(new URLSearchParams(text));

  test("there and back", () => {
    for (const text of ["cameras=a,,b&grid=4&at=2026-11-24T00:00:00.000Z&rate=-8&paused=1&stream=sub&tile=2&full=1", "view=v", "cameras=,"]) {
      const query = Object.entries(queryOf(parse(text))).filter(([, value]) => value !== null && value !== "");
      expect(parse(query.map(([key, value]) => `${key}=${value}`).join("&"))).toEqual(parse(text));
    }
  });

  test("what is not understood is left out", () => {
    const found = parse("cameras=a,<b>&grid=64&at=x&rate=3&stream=third&tile=99");
    expect([found.cameras, found.layout, found.at, found.rate, found.stream, found.chosen]).toEqual([["a", null], null, null, 1, null, 0]);
    expect(parse(`cameras=${Array(20).fill("a").join()}`).cameras).toHaveLength(16);
  });

  test("the layout holds them all", () => {
    expect(layoutFor(["a"], null).grid).toBe("1");
    expect(layoutFor(["a", "b", null], standard("4")).grid).toBe("4");
    expect(layoutFor(Array(9).fill("a"), standard("4")).tiles.length).toBeGreaterThanOrEqual(9);
  });

  test("a camera is put on the first free tile and taken out again", () => {
    expect(toggled(["a", null, "b"], "c")).toEqual(["a", "c", "b"]);
    expect(toggled(["a", "b"], "b")).toEqual(["a"]);
    expect(toggled(["a", "b", "c"], "b")).toEqual(["a", null, "c"]);
    expect(toggled(Array(16).fill("a"), "c")).toBeNull();
  });
});

test("keys are the page's, but not while somebody writes", () => {
  const acts = { event: vi.fn(), shuttle: vi.fn(), faster: vi.fn() };
  const press = (key: string, shiftKey = false, inside = false) => {
    const event = { key, shiftKey, preventDefault: vi.fn(), target: { closest: () => (inside ? {} : null) } };
    pressed(event as unknown as KeyboardEvent, acts as unknown as DeckActs);
  };
  for (const [key, shift] of [["n", false], ["N", true], ["j", false], ["<", true]] as const) press(key, shift);
  press("n", false, true);
  expect([acts.event.mock.calls, acts.shuttle.mock.calls, acts.faster.mock.calls]).toEqual([[[1], [-1]], [[-1]], [[-1]]]);
});
