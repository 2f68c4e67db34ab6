// The tree of sites in the drawer.
import { expect, test } from "vitest";
import type { Camera, Site } from "../api/types";
import { below, firstOf, opened, treeOf } from "./tree";

const site = (id: string, parent: string | null = null): Site => ({
  id,
  slug: id,
  name: id,
  parent,
  cameras: 0,
  home_store: "home",
  copies: "on_demand",
  line_mbps: null,
  stores: ["home"],
  rights: [],
  longitude: null,
  latitude: null,
  rev: 1,
});
const camera = (id: string, at: string, condition = "live"): Camera =>
  ({ id, number: Number(id.slice(1)), slug: id, name: `Kamera ${id}`, site: { id: at, slug: at, name: at }, state: { condition } }) as unknown as Camera;

const sites = [site("kapuas", "kalteng"), site("kalteng"), site("pasar", "sampit"), site("sampit", "kalteng"), site("lost", "nowhere")];
const cameras = [camera("c1", "kapuas"), camera("c2", "pasar", "stalled"), camera("c3", "sampit"), camera("c12", "pasar")];

test("those below follow, with all counts", () => {
  expect(treeOf(sites, cameras).map((row) => [row.site.id, row.depth, row.cameras.length, row.total])).toEqual([
    ["kalteng", 0, 0, 4],
    ["kapuas", 1, 1, 1],
    ["sampit", 1, 1, 3],
    ["pasar", 2, 2, 2],
    ["lost", 0, 0, 0],
  ]);
  expect(treeOf(sites, cameras)[2]?.counts).toEqual([{ condition: "live", count: 2 }, { condition: "stalled", count: 1 }]);
  expect([...below(sites, "sampit")]).toEqual(["sampit", "pasar"]);
});

test("a search leaves the way to what it finds; a number is a whole number", () => {
  expect(treeOf(sites, cameras, "c2").map((row) => row.site.id)).toEqual(["kalteng", "sampit", "pasar"]);
  expect(treeOf(sites, cameras, "12").flatMap((row) => row.cameras.map((one) => one.id))).toEqual(["c12"]);
});

test("what is closed hides all below it", () => {
  expect(opened(treeOf(sites, cameras), new Set(["sampit"])).map((row) => row.site.id)).toEqual(["kalteng", "kapuas", "sampit", "lost"]);
});

test("the first so many are shown, with how many are left out", () => {
  const tree = treeOf(sites, cameras);
  const shown = (most: number) => firstOf(tree, most).rows.map((row) => [row.site.id, row.cameras.length]);
  expect(firstOf(tree, 4)).toEqual({ rows: tree, rest: 0 });
  expect(shown(2)).toEqual([["kalteng", 0], ["kapuas", 1], ["sampit", 1], ["lost", 0]]);
  expect([firstOf(tree, 2).rest, firstOf(tree, 3).rest, firstOf(tree, 0).rest]).toEqual([2, 1, 4]);
});
