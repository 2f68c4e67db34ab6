// Layouts: standard shapes, codes of the URL, arrows, and drawing.
import { describe, expect, test } from "vitest";
import { begin, between, draw, erase, fillRest, finish, resize } from "./draw";
import { codeOf, evenFor, freeLayout, fromJson, GRIDS, neighbour, parseCode, smallestFor, STANDARD, standard, toJson } from "./layout";

const of = (grid: string) => standard(grid)!;

describe("standard layouts", () => {
  test("have as many tiles as their names say, and leave no cell empty", () => {
    expect(GRIDS).toEqual(["1", "4", "6", "8", "9", "10", "13", "16", "25", "36", "64"]);
    for (const layout of STANDARD) {
      expect(layout.tiles).toHaveLength(Number(layout.grid));
      expect(layout.tiles.reduce((sum, tile) => sum + tile.w * tile.h, 0)).toBe(layout.columns * layout.rows);
      expect(freeLayout(layout.columns, layout.rows, layout.tiles)).toBe(layout);
      expect(fromJson(toJson(layout))).toBe(layout);
    }
    expect(of("13").tiles[0]).toEqual({ x: 1, y: 1, w: 2, h: 2 });
  });

  test("the smallest that holds a site", () => {
    expect([1, 2, 5, 7, 9, 11, 17, 64, 99].map((count) => smallestFor(count).grid)).toEqual(["1", "4", "6", "8", "9", "13", "25", "64", "64"]);
    expect([0, 1, 3, 5, 10, 40].map((count) => evenFor(count).grid)).toEqual(["1", "1", "4", "9", "16", "16"]);
  });
});

describe("free layouts", () => {
  const free = freeLayout(12, 8, [{ x: 0, y: 0, w: 6, h: 8 }, { x: 6, y: 0, w: 6, h: 4 }, { x: 6, y: 4, w: 3, h: 4 }])!;

  test("come back from their code and from the API", () => {
    expect(parseCode(codeOf(free))).toEqual(free);
    expect(fromJson(toJson(free))).toEqual(free);
    expect(codeOf(of("9"))).toBe("");
  });

  test("what is none is refused", () => {
    for (const code of ["", "3x3", "0x3_0.0.1.1", "33x3_0.0.1.1", "3x3_0.0.4.1", "3x3_0.0.2.1_1.0.1.1", "3x3_0.0.1", "3x3_a.0.1.1", "3x3_0.0.0.1"]) {
      expect(parseCode(code)).toBeNull();
    }
    expect(freeLayout(10, 10, Array.from({ length: 65 }, (_, i) => ({ x: i % 10, y: Math.floor(i / 10), w: 1, h: 1 })))).toBeNull();
  });

  test("arrows go to the nearest tile on that side", () => {
    const go = (tile: number, arrow: string) => neighbour(free, tile, `Arrow${arrow}`);
    expect([go(0, "Right"), go(1, "Down"), go(1, "Left"), go(2, "Left"), go(2, "Up")]).toEqual([1, 2, 0, 0, 1]);
    expect([go(0, "Left"), go(0, "Up"), go(2, "Down"), go(2, "Right")]).toEqual([0, 0, 2, 2]);
    const nine = (tile: number, arrow: string) => neighbour(of("9"), tile, `Arrow${arrow}`);
    expect([nine(4, "Left"), nine(4, "Right"), nine(4, "Up"), nine(4, "Down"), nine(8, "Right"), nine(0, "Up")]).toEqual([3, 5, 1, 7, 8, 0]);
    // From the large one of 6 to the right: of two level neighbours the first; and back.
    expect(neighbour(of("6"), 0, "ArrowRight")).toBe(1);
    expect(neighbour(of("6"), 2, "ArrowLeft")).toBe(0);
  });
});

describe("drawing", () => {
  const cameras = ["a", "b", "c", "d"];

  test("a rectangle takes the place of what it meets, and the camera of the first", () => {
    const drawn = draw(begin(of("4")), between(1, 0, 0, 0));
    expect(finish(drawn, cameras)).toMatchObject({ cameras: ["a", "c", "d"], layout: { tiles: [{ x: 0, y: 0, w: 2, h: 1 }, { y: 1 }, { y: 1 }] } });
  });

  test("cameras of tiles that are gone fill new ones", () => {
    const emptied = erase(begin(of("4")), 0, 0);
    expect(finish(emptied, cameras)?.cameras).toEqual(["b", "c", "d"]);
    expect(finish(fillRest(emptied), cameras)).toEqual({ layout: of("4"), cameras });
  });

  test("the grid shrinks and grows; a standard form is called by its name and keeps its order", () => {
    const small = resize(begin(of("9")), 2, 2);
    expect(finish(small, [..."abcdefghi"])).toEqual({ layout: of("4"), cameras: ["a", "b", "d", "e"] });
    expect(resize(begin(of("4")), 99, 0)).toMatchObject({ columns: 32, rows: 1, tiles: [{ x: 0 }, { x: 1 }] });
    const thirteen = draw(begin(of("16")), between(2, 2, 1, 1));
    expect(finish(thirteen, [..."abcdefghijklmnop"])).toMatchObject({ layout: { grid: "13" }, cameras: [..."fabcdehilmnop"] });
  });

  test("nothing drawn is no layout, and there are never more than 64", () => {
    expect(finish({ columns: 2, rows: 2, tiles: [] }, [])).toBeNull();
    expect(fillRest({ columns: 32, rows: 32, tiles: [] }).tiles).toHaveLength(64);
  });
});
