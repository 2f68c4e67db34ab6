import { expect, test } from "vitest";
import { costOf, overLine, policyOf, type Planned } from "./line";

const camera = (sub: "continuous" | "off", enabled = true): Planned => ({
  enabled,
  streams: [
    { name: "main", record: "continuous" },
    { name: "sub", record: sub },
  ],
});

test("a policy costs what it sends: all, the recorded sub streams, or nothing", () => {
  const cameras = [camera("continuous"), camera("off"), camera("continuous", false)];
  expect(costOf("all", cameras).mbps).toBeCloseTo(4.4);
  expect(costOf("sub", cameras).mbps).toBeCloseTo(0.4);
  expect(costOf("on_demand", cameras)).toEqual({ mbps: 0, gbADay: 0 });
  expect(costOf("all", cameras).gbADay).toBeCloseTo(47.5, 1);
});

test("without a Store of its own everything crosses the line", () => {
  expect(policyOf({ home_store: "home", copies: "on_demand" })).toBe("all");
  expect(policyOf({ home_store: "sampit", copies: "sub" })).toBe("sub");
});

test("more than 70 % of the line is too much; an unknown line is not judged", () => {
  const site = { home_store: "home", copies: "on_demand" as const, line_mbps: 5 };
  expect(overLine(site, [camera("off")])).toBeNull();
  expect(overLine(site, [camera("off"), camera("off")])).toEqual({ planned: 4, line: 5 });
  expect(overLine({ ...site, line_mbps: null }, [camera("off"), camera("off")])).toBeNull();
  expect(overLine({ ...site, home_store: "sampit" }, [camera("off"), camera("off")])).toBeNull();
});
