// Windows of a reel: each with a player of its own, and one that is superseded does nothing any more.
import { beforeEach, expect, test, vi } from "vitest";
import { NoFootage, Reel, Superseded } from "./reel";

type Listener = (event: string, data: unknown) => void;

class FakeHls {
  static Events = { ERROR: "error", LEVEL_LOADED: "level" };
  static ErrorDetails = { LEVEL_EMPTY_ERROR: "empty", MANIFEST_PARSING_ERROR: "parsing" };
  static all: FakeHls[] = [];
  started: number[] = [];
  sources: string[] = [];
  destroyed = false;
  // Kept after destroy, unlike in hls.js: what is on its way may still arrive.
  listeners = new Map<string, Listener>();

  constructor() {
    FakeHls.all.push(this);
  }
  on(event: string, listener: Listener): void {
    this.listeners.set(event, listener);
  }
  once(event: string, listener: Listener): void {
    this.listeners.set(event, listener);
  }
  emit(event: string, data: unknown): void {
    this.listeners.get(event)?.(event, data);
  }
  attachMedia(): void {}
  loadSource(url: string): void {
    this.sources.push(url);
  }
  startLoad(position: number): void {
    this.started.push(position);
  }
  destroy(): void {
    this.destroyed = true;
  }
}

vi.mock("hls.js/light", () => ({
  get default() {
    return FakeHls;
  },
}));

const fragments = [10_000, 12_000, 14_000].map((programDateTime, index) => ({ start: index * 2, duration: 2, programDateTime }));
const loaded = { details: { fragments } };
let ranges: [number, number][] = [];
let video: HTMLVideoElement;
let reel: Reel;

const outcome = (promise: Promise<void>): Promise<unknown> => promise.then(() => "there").catch((error: unknown) => error);
const hls = (index: number): FakeHls => FakeHls.all[index] as FakeHls;

beforeEach(() => {
  FakeHls.all = [];
  ranges = [];
  const buffered = {
    get length() {
      return ranges.length;
    },
    start: (index: number) => ranges[index]?.[0],
    end: (index: number) => ranges[index]?.[1],
  };
  video = { currentTime: 0, buffered } as unknown as HTMLVideoElement;
  reel = new Reel(video);
});

test("the first window takes the player that is ready, and starts once at its place", async () => {
  const first = outcome(reel.load("/a", 10_000, 16_000, 12_500));
  hls(0).emit("level", loaded);
  expect(await first).toBe("there");
  expect([FakeHls.all.length, hls(0).started, video.currentTime]).toEqual([1, [2.5005], 2.5005]);
});

test("a second window before the first is known: the first says so and does nothing more", async () => {
  const first = outcome(reel.load("/a", 10_000, 16_000, 12_500));
  const second = outcome(reel.load("/b", 10_000, 16_000, 14_500));
  expect(await first).toBeInstanceOf(Superseded);
  expect([FakeHls.all.length, hls(0).destroyed, hls(0).sources, hls(1).sources]).toEqual([2, true, ["/a"], ["/b"]]);
  hls(0).emit("level", loaded);
  hls(0).emit("error", { fatal: true, details: "late" });
  expect([hls(0).started, video.currentTime]).toEqual([[], 0]);
  hls(1).emit("level", loaded);
  expect(await second).toBe("there");
  expect(hls(1).started).toEqual([4.5005]);
});

test("emptied while it loads, it says so", async () => {
  const first = outcome(reel.load("/a", 10_000, 16_000, 12_500));
  reel.empty();
  expect(await first).toBeInstanceOf(Superseded);
});

test("nothing at or after the instant is no footage, and the reel goes nowhere", async () => {
  const first = outcome(reel.load("/a", 10_000, 16_000, 16_000));
  hls(0).emit("level", loaded);
  expect(await first).toBeInstanceOf(NoFootage);
  expect([hls(0).started, reel.place(12_000)]).toEqual([[], false]);
});

test("in place: only footage of the window, and not where the element would leap to what is buffered", async () => {
  const first = outcome(reel.load("/a", 10_000, 16_000, 12_500));
  hls(0).emit("level", loaded);
  await first;
  ranges = [[2, 6]];
  expect([9000, 11_900, 16_000].map((ms) => reel.place(ms))).toEqual([false, false, false]);
  expect([10_500, 12_000, 15_900].map((ms) => reel.place(ms))).toEqual([true, true, true]);
  ranges = [[0, 2], [2.01, 6]];
  expect(reel.place(11_990)).toBe(true);
  expect(video.currentTime).toBeCloseTo(1.9905);
});
