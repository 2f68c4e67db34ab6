// The report never flatters: what is not whole is not written 100 %, the worst comes first, no month beyond this one.
import { describe, expect, test } from "vitest";
import type { CameraCoverage } from "../api/types";
import { gradeOf, linesOf, percent, signOf, totalOf } from "./lines";
import { dayStart, monthAfter, monthOf, monthWord, readMonth } from "./month";

const cause = (name: string, total: number, count = 1) => ({ cause: name, count, total_s: total, longest_s: total / count });
const camera = (name: string, recorded: number, due: number, causes: CameraCoverage["causes"] = []): CameraCoverage => ({
  id: name,
  slug: name,
  name,
  removed: false,
  recorded_s: recorded,
  due_s: due,
  days: [],
  causes,
});

describe("shares", () => {
  test.each([
    [null, "undue", ""],
    [1, "whole", ""],
    [0.99999, "near", "·"],
    [0.99, "near", "·"],
    [0.98999, "part", "9"],
    [0.9, "part", "9"],
    [0.89, "less", "8"],
    [0.0001, "less", "0"],
    [0, "none", "×"],
  ] as const)("%s is %s", (share, grade, sign) => {
    expect(gradeOf(share)).toBe(grade);
    expect(signOf(share)).toBe(sign);
  });

  test("are cut and not rounded", () => {
    expect(percent(0.9999999, "en")).toBe("99.9\u00a0%");
    expect(percent(0.9955, "id")).toBe("99,5\u00a0%");
    expect(percent(0.29, "en")).toBe("29\u00a0%");
    expect(percent(1, "id")).toBe("100\u00a0%");
    expect(percent(0.00001, "en")).toBe("0.1\u00a0%");
    expect(percent(0, "en")).toBe("0\u00a0%");
    expect(percent(null, "en")).toBe("–");
  });
});

describe("lines", () => {
  const cameras = [camera("B 10", 100, 100), camera("B 2", 50, 100), camera("A", 0, 0), camera("C", 0, 100)];
  const names = (order: "worst" | "name") => linesOf(cameras, order).map((line) => line.camera.name);

  test("the worst first, those with nothing to record last", () => expect(names("worst")).toEqual(["C", "B 2", "B 10", "A"]));
  test("by name, numbers as numbers", () => expect(names("name")).toEqual(["A", "B 2", "B 10", "C"]));
  test("leave the report as it came", () => expect(cameras[0]?.name).toBe("B 10"));

  test("what can be mended comes before what is nobody's fault", () => {
    const [line] = linesOf([camera("A", 1, 2, [cause("schedule", 900), cause("node_down", 5), cause("stream_stalled", 20)])], "name");
    expect(line?.causes.map((one) => one.cause)).toEqual(["stream_stalled", "node_down", "schedule"]);
  });

  test("the total weighs by time and joins causes", () => {
    const total = totalOf([camera("A", 90, 100, [cause("node_down", 10, 2)]), camera("B", 300, 300, []), camera("C", 0, 20, [cause("node_down", 20)])]);
    expect(total).toMatchObject({ recordedS: 390, dueS: 420, missingS: 30 });
    expect(total.share).toBeCloseTo(390 / 420);
    expect(total.causes).toEqual([{ cause: "node_down", count: 3, total_s: 30, longest_s: 20 }]);
    expect(totalOf([]).share).toBeNull();
  });
});

describe("months", () => {
  const now = Date.parse("2026-11-30T17:00:00Z");

  test("are those of WIB", () => {
    expect(monthOf(now)).toBe("2026-12");
    expect(monthOf(now - 1)).toBe("2026-11");
    expect(dayStart("2026-12", 0)).toBe(now);
    expect(dayStart("2026-11", 30)).toBe(now);
  });

  test("of an address, never beyond this one", () => {
    expect(readMonth("2026-03", now)).toBe("2026-03");
    for (const text of [null, "", "2026-13", "2027-01", "1999-12", "2026-3", "2026-11-01"]) expect(readMonth(text, now)).toBe("2026-12");
  });

  test("go over the year", () => {
    expect(monthAfter("2026-12", 1)).toBe("2027-01");
    expect(monthAfter("2026-01", -1)).toBe("2025-12");
    expect(monthWord("2026-08", "id")).toBe("Agustus 2026");
  });
});
