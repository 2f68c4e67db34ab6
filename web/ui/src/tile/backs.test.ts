// Steps of the instant replay.
import { expect, test } from "vitest";
import { longer, shorter } from "./backs";

test("up the ladder and down to live", () => {
  expect([10_000, 30_000, 60_000, 120_000, 300_000].map(longer)).toEqual([30_000, 60_000, 120_000, 300_000, 300_000]);
  expect([300_000, 60_000, 10_000].map(shorter)).toEqual([120_000, 30_000, null]);
});
