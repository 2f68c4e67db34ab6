import { expect, test } from "vitest";
import { sizeOf } from "./exports";

test("sizes are written as people write them", () => {
  expect(sizeOf(1_234, "en")).toBe("1.2 kB");
  expect(sizeOf(56_400_000, "id")).toBe("56 MB");
  expect(sizeOf(1_450_000_000, "id")).toBe("1,5 GB");
  expect(sizeOf(7e15, "en")).toBe("7,000 TB");
});
