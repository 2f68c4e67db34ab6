import { describe, expect, it } from "vitest";
import type { LineMessage, TileMessage } from "../wall/protocol";
import { choose, markOf, nextWish, useOf } from "./line";

const LINE: LineMessage = { given: false, why: "full", forced: false, kbps: 3100, small_kbps: 300, used_kbps: 5200, line_kbps: 6000 };

function told(line: Partial<LineMessage> | null): TileMessage {
  const whole = line && { ...LINE, ...line };
  return { type: "tile", tile: 0, camera: "c", stream: "sub", n: 1, state: "live", age_ms: 90, since: null, cause: null, why: "", line: whole };
}

describe("choose", () => {
  it("takes main for what is large or enlarged, with the claim that says which", () => {
    expect(choose({ px: 640, enlarged: false, wish: "auto" })).toEqual({ stream: "sub" });
    expect(choose({ px: 1281, enlarged: false, wish: "auto" })).toEqual({ stream: "main", claim: "large" });
    expect(choose({ px: 640, enlarged: true, wish: "auto" })).toEqual({ stream: "main", claim: "full" });
  });

  it("does what the operator says", () => {
    expect(choose({ px: 100, enlarged: false, wish: "main" })).toEqual({ stream: "main", claim: "forced" });
    expect(choose({ px: 3840, enlarged: true, wish: "sub" })).toEqual({ stream: "sub" });
    expect(nextWish(nextWish(nextWish("auto")))).toBe("auto");
  });
});

describe("markOf", () => {
  it("says nothing of what is as it should be", () => {
    expect(markOf(null, "auto", "Sampit", "en")).toBeNull();
    expect(markOf(told(null), "auto", "Sampit", "en")).toBeNull();
    expect(markOf(told({ given: true, why: "" }), "auto", "Sampit", "en")).toBeNull();
  });

  it("names the site whose line is full, and how full", () => {
    const mark = markOf(told({}), "auto", "Sampit", "en");
    expect(mark?.whole).toContain("Sampit");
    expect(mark?.whole).toContain("5.2 Mb/s");
    expect(mark?.whole).toContain("6.0 Mb/s");
    expect(markOf(told({ why: "squeezed", line_kbps: null }), "auto", "Sampit", "en")?.whole).toContain("Sampit");
  });

  it("says what a forced main costs, and that there is no line where there is none", () => {
    const forced = markOf(told({ given: true, why: "", forced: true }), "main", "Sampit", "id");
    expect(forced?.more).toBe("3,1 Mb/s");
    expect(forced?.whole).toContain("2,8 Mb/s");
    expect(markOf(told(null), "main", "Sampit", "en")?.more).toBe("");
    expect(markOf(told(null), "sub", "Sampit", "en")).not.toBeNull();
  });
});

describe("useOf", () => {
  it("is what crosses the line of what may", () => {
    expect(useOf(told({}), "en")).toBe("5.2 Mb/s / 6.0 Mb/s");
    expect(useOf(told({ line_kbps: null }), "en")).toBe("5.2 Mb/s");
    expect(useOf(told(null), "en")).toBeNull();
  });
});
