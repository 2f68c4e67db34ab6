// Words under a saved picture, and its name.
import { expect, test } from "vitest";
import { captionOf, fileNameOf, type Shot } from "./caption";

const AT = Date.UTC(2026, 10, 24, 16, 59, 58, 470);
const camera = { name: "Pasar Besar", slug: "pasar-besar", site: { id: "s", slug: "sampit", name: "Sampit" } };
const shot: Shot = { camera, at: AT, exact: true, kind: "Langsung" };

test("who and when, in WIB and UTC, with the day of each", () => {
  expect(captionOf(shot, "id")).toEqual(["Sampit · Pasar Besar", "24 Nov 2026 23:59:58.47 WIB  (2026-11-24 16:59:58.47 UTC)  Langsung"]);
  expect(captionOf({ ...shot, at: Date.UTC(2026, 7, 1, 20) }, "en")[1]).toContain("2 Aug 2026 03:00:00.00 WIB  (2026-08-01 20:00:00.00 UTC)");
});

test("a time that the picture does not have itself is marked", () => expect(captionOf({ ...shot, exact: false }, "en")[1]).toMatch(/^≈ 24 Nov/));

test("site, camera and time make the name", () => {
  expect(fileNameOf(shot)).toBe("sampit_pasar-besar_2026-11-24_23.59.58_WIB.jpg");
  expect(fileNameOf({ ...shot, camera: { ...camera, slug: "sampit-pasar-01" } })).toBe("sampit-pasar-01_2026-11-24_23.59.58_WIB.jpg");
});
