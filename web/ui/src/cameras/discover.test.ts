import { expect, test } from "vitest";
import type { Described, FoundDevice } from "../api/types";
import { fileOf, fresh, isReady, nameOf, portsOf, PORTS, rangesOf, streamWords } from "./discover";

const found = (address: string, more: Partial<FoundDevice> = {}): FoundDevice => ({
  address, url: `http://${address}/onvif/device_service`, name: "", model: "", how: "scan", clock_off_s: 0, cameras: [], ...more,
});
const described: Described = {
  ok: true, message: "", hint: "", maker: "Maker", model: "M1", firmware: "", serial: "", clock_off_s: 0, ptz: false, elsewhere: 0,
  feeds: [{ name: "main", url: "rtsp://10.0.0.1/a", codec: "h264", width: 1920, height: 1080, fps: 25, gop: 50 }],
  main: "rtsp://10.0.0.1/a", sub: "", warnings: [],
};

test("only what is new and can be read is chosen at once", () => {
  const list = [found("10.0.0.1"), found("10.0.0.2", { cameras: [{ id: "x", name: "Pasar" }] }), found("10.0.0.3", { url: "" })];
  expect(fresh(list).map((one) => one.address)).toEqual(["10.0.0.1"]);
});

test("a name is the device's own with its address", () => {
  expect(nameOf(found("10.0.0.1"), described)).toBe("M1 10.0.0.1");
  expect(nameOf(found("10.0.0.1"), null)).toBe("10.0.0.1");
});

test("a device is ready with a stream and a name", () => {
  expect(isReady({ described, problem: "", name: "A" })).toBe(true);
  expect(isReady({ described, problem: "", name: " " })).toBe(false);
  expect(isReady({ described: { ...described, main: "" }, problem: "", name: "A" })).toBe(false);
  expect(isReady(undefined)).toBe(false);
  expect(streamWords(described, described.main)).toBe("H.264 1920×1080 25/s");
});

test("the file keeps quotation marks, and no name is a formula", () => {
  const text = fileOf([{ site: "sampit", name: '=1+"1"', main: "rtsp://10.0.0.1/a", sub: "", onvif: "", username: "u", password: '=p"' }]);
  expect(text.split("\r\n")[1]).toBe('"sampit","\'=1+""1""","rtsp://10.0.0.1/a","","","u","=p"""');
  expect(portsOf("80, 8080 80 x 70000")).toEqual([80, 8080]);
  expect(portsOf("")).toEqual([...PORTS]);
  expect(rangesOf("10.0.0.0/24, 10.1.0.1-5\n\n")).toEqual(["10.0.0.0/24", "10.1.0.1-5"]);
});
