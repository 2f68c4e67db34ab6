// The wall's URL and its keys.
import { describe, expect, test, vi } from "vitest";
import { gridFor, neighbour, parseAddress, queryOf } from "./address";
import { WallKeys, type KeyActs } from "./keys";

const parse = (text: string) => parseAddress(new URLSearchParams(text));

describe("address", () => {
  test("comes back as it went", () => {
    const address = { grid: 9 as const, tiles: ["aa", null, "bb"], full: 2, chosen: 4 };
    const query = Object.entries(queryOf(address)).map(([key, value]) => `${key}=${value ?? ""}`);
    expect(parse(query.join("&"))).toEqual(address);
  });

  test("what is not understood is left out", () => {
    expect(parse("grid=7&tiles=a,<b>,c&full=99&tile=-1")).toEqual({ grid: null, tiles: ["a", null, "c"], full: null, chosen: 0 });
    expect(parse("")).toEqual({ grid: null, tiles: null, full: null, chosen: 0 });
    expect(parse("tiles=,").tiles).toEqual([null, null]);
  });

  test("the grid fits", () => expect([0, 1, 2, 5, 10, 40].map(gridFor)).toEqual([1, 1, 4, 9, 16, 16]));

  test("arrows stay inside", () => {
    expect(["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"].map((key) => neighbour(0, 9, key))).toEqual([0, 0, 1, 3]);
    expect(neighbour(8, 9, "ArrowRight")).toBe(8);
  });
});

describe("keys", () => {
  function made() {
    const names = ["step", "camera", "grid", "fill", "leave", "recordings", "snapshot", "fullscreen", "help", "drawer", "clear", "typing"];
    const acts = Object.fromEntries(names.map((name) => [name, vi.fn()])) as unknown as { [K in keyof KeyActs]: ReturnType<typeof vi.fn> };
    return { acts, keys: new WallKeys(acts as unknown as KeyActs) };
  }

  test("digits and Enter put a camera; Enter alone fills", () => {
    const { acts, keys } = made();
    for (const key of ["1", "2", "Enter", "Enter"]) keys.press(key);
    expect(acts.camera).toHaveBeenCalledExactlyOnceWith(12);
    expect(acts.fill).toHaveBeenCalledOnce();
    keys.stop();
  });

  test("g and a number is a grid; 1 waits for a 6", () => {
    vi.useFakeTimers();
    const { acts, keys } = made();
    for (const key of ["g", "9", "g", "1", "6", "g", "1"]) keys.press(key);
    expect(acts.grid.mock.calls).toEqual([[9], [16]]);
    vi.advanceTimersByTime(800);
    expect(acts.grid).toHaveBeenLastCalledWith(1);
    expect(keys.press("x")).toBe(false);
    vi.useRealTimers();
  });

  test("Escape first drops what is typed", () => {
    const { acts, keys } = made();
    for (const key of ["4", "Escape", "Escape"]) keys.press(key);
    expect(acts.camera).not.toHaveBeenCalled();
    expect(acts.leave).toHaveBeenCalledOnce();
  });
});
