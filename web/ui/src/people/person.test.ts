// Days in WIB, ends of grants, and the search over accounts.
import { describe, expect, test } from "vitest";
import { type Account, dayOfUntil, draftOf, found, hasEnded, untilOfDay } from "./person";

const account = (username: string, name: string): Account => ({
  id: username,
  username,
  name,
  language: "id",
  enabled: true,
  must_change: false,
  grants: [],
  exceptions: [],
  signed_in: 0,
  rev: 1,
  password: null,
});

describe("ends", () => {
  test("a day is over at midnight in WIB, and comes back as the same day", () => {
    const until = untilOfDay("2026-12-31");
    expect(until).toBe("2026-12-31T23:59:59+07:00");
    expect(dayOfUntil(until)).toBe("2026-12-31");
    expect(dayOfUntil("2026-12-31T18:00:00Z")).toBe("2027-01-01");
    expect(untilOfDay("31.12.2026")).toBeNull();
    expect(dayOfUntil(null)).toBe("");
  });

  test("what has no end holds, what has one holds until then", () => {
    const now = Date.parse("2026-11-24T12:00:00Z");
    expect(hasEnded({ until: null }, now)).toBe(false);
    expect(hasEnded({ until: "2026-11-24T12:00:00Z" }, now)).toBe(true);
    expect(hasEnded({ until: "2026-11-24T12:00:01Z" }, now)).toBe(false);
  });
});

describe("accounts", () => {
  test("are found by user name, name and what they may do", () => {
    const all = [account("rina", "Rina Wati"), account("budi", "Budi")];
    const about = (one: Account): string => (one.username === "budi" ? "Investigator di Sampit" : "");
    expect(found(all, "WATI", about).map((one) => one.id)).toEqual(["rina"]);
    expect(found(all, "sampit", about).map((one) => one.id)).toEqual(["budi"]);
    expect(found(all, "  ", about)).toHaveLength(2);
  });

  test("a draft is a copy", () => {
    const one = { ...account("rina", "Rina"), grants: [{ role: "viewer" as const, site: null, until: null }] };
    draftOf(one).grants[0]!.role = "admin";
    expect(one.grants[0]?.role).toBe("viewer");
    expect(draftOf(null).grants).toHaveLength(1);
  });
});
