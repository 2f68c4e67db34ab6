// The form of a camera: what is wrong, what wants a try, what is sent; and the list's groups.
import { describe, expect, test } from "vitest";
import type { Camera } from "../api/types";
import { bySiteUse, groupBySite, matches } from "../catalogue/groups";
import { bodyOf, connectionOf, draftOf, EMPTY, faults, splitUserinfo } from "./draft";

const state = { condition: "live" as const, since: null, why: "" };
const camera: Camera = {
  id: "a",
  slug: "pasar",
  name: "Pasar Besar",
  site: { id: "s", slug: "sampit", name: "Sampit" },
  enabled: true,
  audio: false,
  transport: "tcp",
  username: "op",
  has_password: true,
  state,
  streams: [{ name: "main", url: "rtsp://10.0.0.1/m", record: "continuous", state }],
  retention_days: 30,
  areas: [],
  masks: [],
  analysis: true,
  priority: "normal",
  onvif: "",
  longitude: null,
  latitude: null,
  number: 7,
  registered_at: "2026-01-01T00:00:00.000Z",
  rights: ["live", "admin"],
  rev: 4,
};

describe("draft", () => {
  test("an edit sends its rev and no password that was not typed", () => {
    const body = bodyOf(draftOf(camera), camera);
    expect(body).toMatchObject({ rev: 4, name: "Pasar Besar", retention_days: 30 });
    expect(body).not.toHaveProperty("password");
    expect(bodyOf({ ...draftOf(camera), password: "x" }, camera).password).toBe("x");
  });

  test("only what reaches the camera wants a new try", () => {
    const draft = draftOf(camera);
    expect(connectionOf({ ...draft, name: "other", retention: "" })).toBe(connectionOf(draft));
    expect(connectionOf({ ...draft, password: "x" })).not.toBe(connectionOf(draft));
  });

  test("faults", () => {
    expect(faults(EMPTY)).toEqual({ site: "required", name: "required", main: "required" });
    expect(faults({ ...draftOf(camera), main: "http://10.0.0.1/", sub: "file:///x", retention: "0" })).toEqual({ main: "url", sub: "url", retention: "number" });
  });

  test("a position is two numbers of degrees or none", () => {
    const draft = draftOf({ ...camera, longitude: 113.9172, latitude: -2.2086 });
    expect(draft).toMatchObject({ latitude: "-2.2086", longitude: "113.9172" });
    expect(bodyOf({ ...draft, latitude: "-2,5" }, camera)).toMatchObject({ longitude: 113.9172, latitude: -2.5 });
    expect(bodyOf({ ...draft, latitude: "", longitude: " " }, camera)).toMatchObject({ longitude: null, latitude: null });
    expect(faults({ ...draft, latitude: "" })).toEqual({ latitude: "position" });
    expect(faults({ ...draft, latitude: "-91" })).toEqual({ latitude: "position" });
  });

  test("user and password leave the address", () => {
    expect(splitUserinfo("rtsp://op:a%40b@10.0.0.1/x")).toEqual({ url: "rtsp://10.0.0.1/x", username: "op", password: "a@b" });
    expect(splitUserinfo("rtsp://10.0.0.1/a@b")).toBeNull();
  });
});

const KEPT = { home_store: "home", copies: "on_demand" as const, line_mbps: null, stores: ["home"], rights: [], longitude: null, latitude: null, rev: 1 };

describe("groups", () => {
  test("every word must be found, in name or site", () => {
    expect(matches(camera, "sampit pasar")).toBe(true);
    expect(matches(camera, "sampit gerbang")).toBe(false);
  });

  test("sites without cameras show while nothing is searched", () => {
    const sites = [{ id: "t", slug: "t", name: "Kapuas", parent: null, cameras: 0, ...KEPT }];
    expect(groupBySite(sites, [camera]).map((group) => group.site.name)).toEqual(["Sampit", "Kapuas"]);
    expect(groupBySite(sites, [camera], "pasar")).toHaveLength(1);
    expect(groupBySite([], [camera])[0]?.counts).toEqual([{ condition: "live", count: 1 }]);
  });
});

test("a new camera is offered a site that cameras are at, the province last", () => {
  const site = (id: string, parent: string | null) => ({ id, slug: id, name: id, parent, cameras: 0, ...KEPT });
  const sites = [site("province", null), site("kapuas", "province"), site("s", "province")];
  expect(bySiteUse(sites, [camera]).map((one) => one.id)).toEqual(["kapuas", "s", "province"]);
  expect(bySiteUse(sites, [{ ...camera, site: { ...camera.site, id: "province" } }])[0]?.id).toBe("province");
});
