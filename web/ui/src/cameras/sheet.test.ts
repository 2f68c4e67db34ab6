import { expect, test } from "vitest";
import type { SheetLine, SheetResult } from "../api/types";
import { addressOf, firstFilter, shownLines, toDo, typeOf } from "./sheet";

const line = (number: number, fate: SheetLine["fate"]): SheetLine => ({ line: number, fate, site: "", name: "", slug: "", camera: null, fields: [], faults: [] });
const result = (lines: SheetLine[]): SheetResult => ({
  applied: false,
  new: lines.filter((one) => one.fate === "new").length,
  changed: 0,
  unchanged: 0,
  refused: lines.filter((one) => one.fate === "refused").length,
  sites: [],
  lines,
  undo: null,
});

test("a file is known by its ending, whatever its case", () => {
  expect(typeOf("Kamera Sampit.CSV")).toBe("text/csv");
  expect(typeOf("kamera.yml")).toBe("application/yaml");
  expect(typeOf("kamera.xlsx")).toBe("");
  expect(typeOf("kamera")).toBe("");
});

test("what is refused is shown first, where something is", () => {
  const broken = result([line(2, "new"), line(3, "refused")]);
  expect(firstFilter(broken)).toBe("refused");
  expect(shownLines(broken, "refused").map((one) => one.line)).toEqual([3]);
  expect(shownLines(broken, "all")).toHaveLength(2);
  expect(toDo(broken)).toBe(1);
  expect(firstFilter(result([line(2, "new")]))).toBe("all");
});

test("the address says what was chosen and nothing else", () => {
  expect(addressOf({ dryRun: false, whole: false, makeSites: false })).toBe("/api/cameras/import");
  expect(addressOf({ dryRun: true, whole: false, makeSites: true })).toBe("/api/cameras/import?dry_run=true&make_sites=true");
});
