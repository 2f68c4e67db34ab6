import { expect, test } from "vitest";
import { fromJson } from "../views/layout";
import { addressOf, hasTiles, screenOf, type Scene } from "./scene";

const scene = (more: Partial<Scene>): Scene => ({
  kind: "nothing", subject: null, name: "", gone: false, layout: null, cameras: [], pages: [], text: "", colour: "plain", until: null, since: null, by_name: "", alarm: null, ...more,
});

test("a view is its layout and cameras, a tour the page that is due", () => {
  const view = scene({ kind: "view", layout: { grid: "4" }, cameras: ["a", null, "b", null] });
  expect(addressOf(view, null)).toMatchObject({ layout: { grid: "4" }, tiles: ["a", null, "b", null] });
  const page = { name: "", view: null, layout: fromJson({ grid: "1" }), cameras: ["c"], dwell_s: 5 };
  expect(addressOf(scene({ kind: "tour" }), page)).toMatchObject({ layout: { grid: "1" }, tiles: ["c"] });
});

test("nothing, a message and what is gone have no tiles", () => {
  expect(addressOf(null, null).tiles).toEqual([null]);
  for (const none of [null, scene({}), scene({ kind: "message", text: "x" }), scene({ kind: "view", gone: true })]) expect(hasTiles(none)).toBe(false);
  expect(hasTiles(scene({ kind: "camera", layout: { grid: "1" }, cameras: ["a"] }))).toBe(true);
});

test("a machine has up to sixteen screens", () => {
  expect(["", "screen=1", "screen=2", "screen=16", "screen=17", "screen=0", "screen=x", "screen=1.5"].map((text) => screenOf(new URLSearchParams(text)))).toEqual([1, 1, 2, 16, 1, 1, 1, 1]);
});
