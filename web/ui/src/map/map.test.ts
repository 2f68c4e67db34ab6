// The map's decisions: where a place lies, what gathers and how it is counted, which names have room, the address.
import { describe, expect, test } from "vitest";
import type { Camera, Condition, Site } from "../api/types";
import { atText, parseMap, queryOfMap } from "./address";
import { clustersOf, isOnePlace } from "./clusters";
import ground from "./ground.json";
import { roomFor } from "./labels";
import { countLevels, levelOf, type Troubles } from "./levels";
import { boundsOf, isInside, parseDegrees, parsePair, project, typedPosition, unproject, type Position } from "./position";
import { placed } from "./spots";

const CALM: Troubles = { alarms: new Map(), pictures: new Map() };
const PALANGKA: Position = { longitude: 113.92, latitude: -2.21 };

function camera(id: string, at: Position | null, condition: Condition = "live", site = "s"): Camera {
  const state = { condition, since: null, why: "" };
  const more = { slug: id, enabled: true, audio: false, transport: "tcp" as const, username: null, has_password: false, streams: [], retention_days: null };
  const rest = { areas: [], masks: [], analysis: true, priority: "normal" as const, onvif: "", registered_at: "", rights: [], rev: 1, number: 1 };
  return { id, name: id, site: { id: site, slug: site, name: site }, state, longitude: at?.longitude ?? null, latitude: at?.latitude ?? null, ...more, ...rest };
}

const site = (id: string, at: Position | null): Site => ({
  id, slug: id, name: id, parent: null, cameras: 0, home_store: "home", copies: "on_demand", line_mbps: null,
  stores: ["home"], rights: [], longitude: at?.longitude ?? null, latitude: at?.latitude ?? null, rev: 1,
});

const spots = (cameras: Camera[]) => placed([site("s", PALANGKA)], cameras, CALM).spots;

describe("places", () => {
  test("Web Mercator as every tile server has it, and back", () => {
    expect(project({ longitude: 0, latitude: 0 }, 0)).toEqual({ x: 128, y: 128 });
    const pixel = project(PALANGKA, 12);
    expect([Math.floor(pixel.x / 256), Math.floor(pixel.y / 256)]).toEqual([3344, 2073]);
    const back = unproject(pixel, 12);
    expect(back.longitude).toBeCloseTo(PALANGKA.longitude, 9);
    expect(back.latitude).toBeCloseTo(PALANGKA.latitude, 9);
    expect(project({ longitude: 0, latitude: 90 }, 0).y).toBeCloseTo(0, 2);
  });

  test("bounds hold all, and only what is inside is in them", () => {
    expect(boundsOf([])).toBeNull();
    const bounds = boundsOf([PALANGKA, { longitude: 111.62, latitude: -2.68 }]);
    expect(bounds).toEqual({ west: 111.62, south: -2.68, east: 113.92, north: -2.21 });
    expect(isInside(PALANGKA, bounds!)).toBe(true);
    expect(isInside({ longitude: 114, latitude: -2.5 }, bounds!)).toBe(false);
  });

  test("degrees as people write them", () => {
    expect(parseDegrees(" -2,2086 ", 90)).toBe(-2.2086);
    expect(parseDegrees("−2.2086°", 90)).toBe(-2.2086);
    for (const text of ["", "x", "91", "1e1", "1.2.3", "NaN", "--1"]) expect(parseDegrees(text, 90)).toBeNull();
    expect(parsePair("-2.2086, 113.9172")).toEqual({ longitude: 113.9172, latitude: -2.2086 });
    expect(parsePair("-2.2086 113.9172")).toEqual({ longitude: 113.9172, latitude: -2.2086 });
    for (const text of ["113.9", "-2.2, 200", "95, 10", "a, b"]) expect(parsePair(text)).toBeNull();
    expect(typedPosition("", " ")).toBeNull();
    expect(typedPosition("-2.2", "")).toBeUndefined();
  });

  test("a camera without a place stands at its site's; without that nowhere", () => {
    const other = camera("c", null, "live", "t");
    const found = placed([site("s", PALANGKA), site("t", null)], [camera("a", { longitude: 1, latitude: 2 }), camera("b", null), other], CALM);
    expect(found.spots.map((spot) => [spot.camera.id, spot.own])).toEqual([["a", true], ["b", false]]);
    expect(found.spots[1]?.at).toEqual(PALANGKA);
    expect(found.nowhere).toEqual([other]);
    expect(found.sites.map((one) => one.site.id)).toEqual(["s"]);
    const middle = placed([site("t", null)], [camera("a", { longitude: 1, latitude: 2 }, "live", "t"), camera("b", { longitude: 3, latitude: 4 }, "live", "t")], CALM);
    expect(middle.sites[0]).toMatchObject({ at: { longitude: 2, latitude: 3 }, own: false });
  });
});

describe("levels", () => {
  test("an alarm comes before the state, a state before the picture", () => {
    const troubles = { alarms: new Map([["a", "x"]]), pictures: new Map([["a", "y"], ["b", "y"], ["c", "y"]]) };
    expect(levelOf(camera("a", null, "unreachable"), troubles)).toBe("alarm");
    expect(levelOf(camera("b", null), troubles)).toBe("picture");
    expect(levelOf(camera("c", null, "stalled"), troubles)).toBe("unsteady");
    expect(levelOf(camera("d", null, "disabled"), troubles)).toBe("off");
    expect(countLevels(["live", "down", "live"])).toEqual([{ level: "down", count: 1 }, { level: "live", count: 2 }]);
  });
});

describe("clusters", () => {
  const near = [camera("a", PALANGKA), camera("b", { longitude: 113.921, latitude: -2.211 }, "unreachable"), camera("c", { longitude: 114.39, latitude: -3.01 })];

  test("what would lie over each other gathers, counted by the worst", () => {
    const [many, alone] = clustersOf(spots(near), 9, 48);
    expect(many).toMatchObject({ key: "many:a", worst: "down", counts: [{ level: "down", count: 1 }, { level: "live", count: 1 }] });
    expect(many?.spots[0]?.camera.id).toBe("b");
    expect(alone).toMatchObject({ key: "c", worst: "live", at: { longitude: 114.39, latitude: -3.01 } });
    expect(clustersOf(spots(near), 17, 48).map((one) => one.key)).toEqual(["a", "b", "c"]);
  });

  test("nobody is lost, counted twice, or gathered otherwise in another order", () => {
    const cameras = Array.from({ length: 1000 }, (_, i) =>
      camera(`c${String(i).padStart(4, "0")}`, { longitude: 111 + ((i * 37) % 400) / 100, latitude: -3.4 + ((i * 53) % 350) / 100 }),
    );
    for (const zoom of [5, 8, 11, 15]) {
      const found = clustersOf(spots(cameras), zoom, 56);
      expect(found.flatMap((one) => one.spots.map((spot) => spot.camera.id)).sort()).toEqual(cameras.map((one) => one.id));
      expect(new Set(found.map((one) => one.key)).size).toBe(found.length);
      expect(clustersOf(spots([...cameras].reverse()), zoom, 56).map((one) => one.key)).toEqual(found.map((one) => one.key));
    }
  });

  test("those on one point are one place, those that part at the nearest zoom are not", () => {
    const [same] = clustersOf(spots([camera("a", null), camera("b", null)]), 9, 48);
    expect(same && isOnePlace(same, 18)).toBe(true);
    const [apart] = clustersOf(spots(near), 9, 48);
    expect(apart && isOnePlace(apart, 18)).toBe(false);
  });
});

test("names that would lie over each other leave room for the more important", () => {
  const at = (key: string, x: number, rank: number) => ({ key, x, y: 0, width: 100, height: 20, rank });
  expect(roomFor([at("camera", 40, 1), at("site", 0, 0), at("far", 200, 2)])).toEqual(new Set(["site", "far"]));
});

describe("address", () => {
  test("what it says is what is shown again", () => {
    const address = parseMap(new URLSearchParams("at=-2.2086,113.9172,14&camera=abc&only=down&edit=1"));
    expect(address).toEqual({ at: { center: { longitude: 113.9172, latitude: -2.2086 }, zoom: 14 }, camera: "abc", only: "down", editing: true });
    expect(queryOfMap(address)).toEqual({ at: "-2.20860,113.91720,14", camera: "abc", only: "down", edit: 1 });
    expect(atText({ center: PALANGKA, zoom: 6 })).toBe("-2.21,113.92,6");
  });

  test.each(["at=1,2", "at=a,b,c", "at=99,1,5", "at=1,999,5", "at=1,2,3,4", "at=-0x1,2,5", "only=x&camera=../x&edit=yes"])("%s means nothing", (text) => {
    expect(parseMap(new URLSearchParams(text))).toEqual({ at: null, camera: null, only: null, editing: false });
  });
});

test("the drawing is about Central Kalimantan, and says what it is", () => {
  expect(ground.about).toMatch(/^Schematic/);
  const points = ground.features.flatMap((feature) => (feature.geometry.type === "LineString" ? (feature.geometry.coordinates as number[][]) : []));
  const bounds = boundsOf(points.map(([longitude = 0, latitude = 0]) => ({ longitude, latitude })));
  expect(bounds && bounds.west > 110 && bounds.east < 116 && bounds.south > -4 && bounds.north < 1).toBe(true);
  expect(ground.names.length).toBeGreaterThan(10);
});
