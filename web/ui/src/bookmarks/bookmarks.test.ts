// Where marks lie on a timeline.
import { expect, test } from "vitest";
import { grouped, type Bookmark } from "./bookmarks";

const mark = (id: string, ms: number): Bookmark => ({
  id, at: new Date(ms).toISOString(), note: "", created_at: "", site: null, camera: { id: "c", name: "" }, person: { id: "p", name: "" }, case: null,
});
const view = { from: 1_000_000, to: 1_100_000 };

test("in order, in view, and close ones together", () => {
  const groups = grouped([mark("d", 1_090_000), mark("b", 1_010_500), mark("a", 1_010_000), mark("x", 900_000), mark("y", 1_200_000)], view, 1000, 12);
  expect(groups.map((group) => [group.x, group.bookmarks.map((one) => one.id).join("")])).toEqual([[100, "ab"], [900, "d"]]);
});
