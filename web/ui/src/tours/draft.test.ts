import { expect, test } from "vitest";
import { standard } from "../views/layout";
import { added, blank, dropped, dwelling, laidOut, moved, pinnedTo, roundS } from "./draft";

const three = added(added(added(blank(), { camera: "a" }), { view: "v" }), { camera: "b" });
const names = (draft: typeof three): (string | null)[] => draft.steps.map((step) => step.camera ?? step.view);

test("steps are moved, added in between, and dropped", () => {
  expect(names(moved(three, 0, 2))).toEqual(["v", "b", "a"]);
  expect(names(moved(three, 2, 0))).toEqual(["b", "a", "v"]);
  expect(names(moved(three, 0, 99))).toEqual(["v", "b", "a"]);
  expect(names(moved(three, 9, 0))).toEqual(["a", "v", "b"]);
  expect(names(added(three, { camera: "c" }, 1))).toEqual(["a", "c", "v", "b"]);
  expect(names(dropped(three, 1))).toEqual(["a", "b"]);
});

test("a new step stays as long as the last; times are bounded", () => {
  expect(added(dwelling(three, 2, 25), { view: "w" }).steps.at(-1)?.dwell_s).toBe(25);
  expect([1, 99_999, NaN, 4.6].map((value) => dwelling(three, 0, value).steps[0]?.dwell_s)).toEqual([2, 3600, 10, 5]);
});

test("pins are one a tile, and only of tiles that there are", () => {
  const draft = pinnedTo(pinnedTo(laidOut(three, standard("4")!), 3, "x"), 3, "y");
  expect(draft.pinned).toEqual([{ tile: 3, camera: "y" }]);
  expect(pinnedTo(draft, 3, null).pinned).toEqual([]);
  expect(laidOut(draft, standard("1")!).pinned).toEqual([]);
});

test("cameras that follow each other share a page", () => {
  let draft = laidOut(blank(), standard("4")!);
  for (const camera of ["a", "b", "c", "d"]) draft = added(draft, { camera });
  expect(roundS(draft)).toBe(10);
  expect(roundS(pinnedTo(draft, 0, "x"))).toBe(20);
  expect(roundS(added(draft, { view: "v" }))).toBe(20);
});
