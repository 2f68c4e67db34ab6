// What is found while one types, and which holds hold.
import { expect, test } from "vitest";
import { found, holdsNow, type Case, type Hold } from "./cases";

const one = (number: string, title: string, name: string): Case =>
  ({ id: number, number, title, description: "", people: [{ id: "p", name, role: "owner" }] }) as unknown as Case;

test("every word typed must be somewhere", () => {
  const cases = [one("2026-0001", "Pasar Besar", "Budi"), one("2026-0002", "Pelabuhan", "Sari")];
  expect(found(cases, "").length).toBe(2);
  expect(found(cases, "0002").map((each) => each.title)).toEqual(["Pelabuhan"]);
  expect(found(cases, "PASAR budi").length).toBe(1);
  expect(found(cases, "pasar sari")).toEqual([]);
});

test("a hold that was taken off holds until its hour is over", () => {
  const hold = { holds_until: "2026-11-24T08:00:00Z" } as Hold;
  expect(holdsNow(hold, Date.parse("2026-11-24T07:59:59Z"))).toBe(true);
  expect(holdsNow(hold, Date.parse("2026-11-24T08:00:00Z"))).toBe(false);
  expect(holdsNow({ holds_until: null } as Hold, Date.now())).toBe(true);
});
