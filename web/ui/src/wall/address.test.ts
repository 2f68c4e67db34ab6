// The wall's URL and its keys.
import { describe, expect, test, vi } from "vitest";
import { parseCode, standard } from "../views/layout";
import { parseAddress, queryOf } from "./address";
import { poolFor } from "./offer";
import { counts, WallKeys, type KeyActs } from "./keys";

const parse = (text: string) => parseAddress(new URLSearchParams(text));
const plain = { view: null, rev: null, layout: null, tiles: null, full: null, chosen: 0 };

describe("address", () => {
  test("comes back as it went", () => {
    for (const address of [
      { ...plain, layout: standard("9"), tiles: ["aa", null, "bb"], full: 2, chosen: 4 },
      { ...plain, layout: standard("64"), tiles: Array.from({ length: 64 }, (_, i) => `c${i}`), full: 63, chosen: 63 },
      { ...plain, layout: parseCode("12x8_0.0.6.4_6.0.6.4"), tiles: [null, "bb"] },
      { ...plain, view: "vv" },
      { ...plain, view: "vv", rev: 3, layout: standard("13") },
    ]) {
      const query = Object.entries(queryOf(address)).filter(([, value]) => value !== null && value !== "");
      expect(parse(query.map(([key, value]) => `${key}=${value}`).join("&"))).toEqual(address);
    }
    expect(queryOf({ ...plain, view: "vv", rev: 3 }).rev).toBeNull();
  });

  test("what is not understood is left out", () => {
    expect(parse("grid=7&tiles=a,<b>,c&full=99&tile=-1&view=<&rev=x&layout=3x3")).toEqual({ ...plain, tiles: ["a", null, "c"] });
    expect(parse("")).toEqual(plain);
    expect(parse("tiles=,").tiles).toEqual([null, null]);
  });

  test("the offer holds 16 tiles, or all 64", () => expect([0, 1, 16, 17, 64].map(poolFor)).toEqual([16, 16, 16, 64, 64]));
});

describe("keys", () => {
  function made() {
    const names = ["step", "camera", "grid", "fill", "leave", "recordings", "snapshot", "fullscreen", "help", "drawer", "clear", "map", "views", "draw", "clearAll", "keepView", "carry", "typing"];
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
    expect(acts.grid.mock.calls).toEqual([["9"], ["16"]]);
    vi.advanceTimersByTime(800);
    expect(acts.grid).toHaveBeenLastCalledWith("1");
    expect(keys.press("x")).toBe(false);
    vi.useRealTimers();
  });

  test("capitals are keys of their own", () => {
    const { acts, keys } = made();
    for (const key of ["v", "Delete"]) keys.press(key);
    for (const key of ["G", "Delete", "V", "ArrowLeft"]) keys.press(key, true);
    const counted = [acts.views, acts.draw, acts.clear, acts.clearAll, acts.keepView, acts.carry, acts.step];
    expect(counted.map((act) => act.mock.calls.length)).toEqual([1, 1, 1, 1, 1, 1, 0]);
    keys.stop();
  });

  test("Caps Lock changes none of them", () => {
    const { acts, keys } = made();
    for (const key of ["V", "G", "9", "M"]) expect(keys.press(key)).toBe(true);
    for (const key of ["g", "v"]) expect(keys.press(key, true)).toBe(true);
    expect(keys.press("m", true)).toBe(false); // the page of the map
    const counted = [acts.views, acts.grid, acts.map, acts.draw, acts.keepView];
    expect(counted.map((act) => act.mock.calls.length)).toEqual([1, 1, 1, 1, 1]);
    keys.stop();
  });

  test("a key that is held goes on only where it steps", () => {
    const held = (key: string) => counts({ key, repeat: true });
    expect(["ArrowLeft", "+", "-", "[", "]", ",", ".", "PageUp", "Tab"].map(held)).not.toContain(false);
    expect(["s", "S", "Enter", " ", "f", "p", "Delete", "d", "1"].map(held)).not.toContain(true);
    expect(counts({ key: "s", repeat: false })).toBe(true);
  });

  test("Escape first drops what is typed", () => {
    const { acts, keys } = made();
    for (const key of ["4", "Escape", "Escape"]) keys.press(key);
    expect(acts.camera).not.toHaveBeenCalled();
    expect(acts.leave).toHaveBeenCalledOnce();
  });
});
