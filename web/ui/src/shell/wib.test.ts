// Times as people read and type them.
import { describe, expect, test } from "vitest";
import { duration, parseWib, utcFull, wibClock, wibDate, wibField, wibSince } from "./wib";

const AT = Date.UTC(2026, 10, 24, 7, 3, 27, 450); // 14:03:27.450 WIB
const NOW = Date.UTC(2026, 10, 24, 8, 0, 0);

describe("WIB", () => {
  test("is seven hours ahead, over midnight too", () => {
    expect(wibClock(AT)).toBe("14:03:27");
    expect(wibClock(AT, 2)).toBe("14:03:27.45");
    expect(wibDate(Date.UTC(2026, 11, 31, 17, 30), "id")).toBe("1 Jan 2027");
    expect(wibDate(Date.UTC(2026, 4, 1), "id")).toBe("1 Mei 2026");
    expect(utcFull(AT)).toBe("2026-11-24 07:03:27 UTC");
  });

  test("says the day only where it is another", () => {
    expect(wibSince(AT, NOW, "en")).toBe("14:03:27");
    expect(wibSince(AT - 86_400_000, NOW, "en")).toBe("Mon 23 Nov 14:03");
  });

  test.each([
    ["14:03:27.45", AT],
    ["14.03.27,450", AT],
    ["14:03", AT - 27_450],
    ["24/11 14:03:27.45", AT],
    ["24-11-2026 14:03:27.45 WIB", AT],
    ["2026-11-24T14:03:27.45", AT],
    ["15:01", Date.UTC(2026, 10, 23, 8, 1)], // would be in the future: yesterday
    ["25:00", null],
    ["30/2 10:00", null],
    ["noon", null],
    ["", null],
  ])("reads %s", (text, expected) => {
    expect(parseWib(text, AT, NOW)).toBe(expected);
  });

  test("reads back what its fields hold", () => {
    expect(parseWib(wibField(AT), 0, NOW)).toBe(AT - 450);
  });

  test("durations", () => {
    expect(["en", "id"].map((l) => duration(200_000, l as "en"))).toEqual(["3 min 20 s", "3 mnt 20 dtk"]);
    expect(duration(1900, "id")).toBe("1,9 dtk");
    expect([900, 5000, 61_000, 7_500_000, 100_000_000].map((ms) => duration(ms, "en"))).toEqual(["0.9 s", "5 s", "1 min 1 s", "2 h 5 min", "1 d 3 h"]);
  });
});
