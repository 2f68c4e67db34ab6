import { describe, expect, it } from "vitest";
import type { Point } from "../api/types";
import { added, bodyOf, changed, fault, moved, pointAdded, pointMoved, pointRemoved, POINTS_MAX, removed } from "./shapes";

const square: Point[] = [[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.4]]; // prettier-ignore

describe("areas and masks as they are drawn", () => {
  it("a shape moves as far as the picture goes and keeps its form", () => {
    expect(moved(square, -0.5, 0.1)).toEqual([[0, 0.3], [0.2, 0.3], [0.2, 0.5], [0, 0.5]]); // prettier-ignore
    expect(moved(square, 0, 9)[2]).toEqual([0.4, 1]);
  });

  it("a point stays in the picture", () => {
    expect(pointMoved(square, 1, [1.4, -2])[1]).toEqual([1, 0]);
  });

  it("has 3 to 32 points", () => {
    let many = square;
    for (let i = 0; i < 40; i++) many = pointAdded(many, i % many.length);
    expect(many).toHaveLength(POINTS_MAX);
    expect(pointRemoved(pointRemoved(square, 0), 0)).toHaveLength(3);
    expect(pointAdded(square, 3)[4]).toEqual([0.2, 0.3]);
  });

  it("areas need a name each; masks have none", () => {
    const two = added(added([], "area", "Pintu"), "mask", "");
    expect(fault(two)).toBe("");
    expect(fault(changed(two, two[0]?.key ?? 0, { name: " " }))).toBe("name");
    expect(fault(added(two, "area", "pintu"))).toBe("twice");
    const body = bodyOf(two);
    expect([body.areas.length, body.masks.length]).toEqual([1, 1]);
    expect(body.areas[0]).not.toHaveProperty("key");
    expect(removed(two, two[1]?.key ?? 0)).toHaveLength(1);
  });
});
