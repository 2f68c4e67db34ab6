// Boxes of a fragment: which bytes are a picture, when it is decoded and shown, whether it is a key frame.
import { describe, expect, test } from "vitest";
import { codecOf, Damaged, parseInit, samplesOf, type Init } from "./fmp4";

const u32 = (...values: number[]): number[] => values.flatMap((value) => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
const text = (word: string): number[] => [...word].map((one) => one.charCodeAt(0));
const box = (kind: string, ...parts: number[][]): number[] => {
  const content = parts.flat();
  return [...u32(content.length + 8), ...text(kind), ...content];
};
const bytes = (...parts: number[][]): Uint8Array<ArrayBuffer> => new Uint8Array(parts.flat());
const zeros = (count: number): number[] => Array(count).fill(0) as number[];

const AVCC = [1, 0x64, 0, 0x1f, 0xff, 0xe1];
const init: Init = { track: 1, timescale: 90_000, codec: "avc1.64001f", description: new Uint8Array(AVCC), width: 640, height: 360, defaults: { duration: 0, size: 0, flags: 0 } };

function trak(id: number, handler: string): number[] {
  const entry = box("avc1", zeros(24), [2, 0x80, 1, 0x68], zeros(50), box("avcC", AVCC));
  return box(
    "trak",
    box("tkhd", u32(0, 0, 0, id)),
    box("mdia", box("mdhd", u32(0, 0, 0, 90_000)), box("hdlr", u32(0, 0), text(handler)), box("minf", box("stbl", box("stsd", u32(0, 1), entry)))),
  );
}

const moov = box("moov", trak(2, "soun"), trak(1, "vide"), box("mvex", box("trex", u32(0, 1, 1, 3000, 7, 0x10000))));

describe("fmp4", () => {
  test("the video track, whatever stands before it", () => {
    const found = parseInit(bytes(box("ftyp", text("iso6")), moov));
    expect(found).toEqual({ ...init, defaults: { duration: 3000, size: 7, flags: 0x10000 } });
  });

  test("sizes, times and key frames as the runs say them; other tracks are passed over", () => {
    const trun = box("trun", u32(0x000b05, 2, 0, 0x02000000, 3000, 2, 6000, 3600, 3, 0));
    const traf = (id: number, run: number[]) => box("traf", box("tfhd", u32(0x020020, id, 0x01010000)), box("tfdt", u32(0x01000000, 0, 90_000)), run);
    const moof = box("moof", box("mfhd", u32(0, 1)), traf(2, trun), traf(1, trun));
    const fragment = bytes(box("prft", zeros(24)), moof, box("mdat", [9, 9, 8, 8, 8]));
    const start = 32 + moof.length + 8 - 32;
    new DataView(fragment.buffer).setInt32(fragment.length - 13 - trun.length + 16, start);
    const found = samplesOf(fragment, init);
    expect(found.map((one) => [one.pts, one.dts, one.duration, one.key, [...one.data]])).toEqual([
      [96_000, 90_000, 3000, true, [9, 9]],
      [93_000, 93_000, 3600, false, [8, 8, 8]],
    ]);
  });

  test("what is cut off is said", () => {
    expect(() => parseInit(bytes(moov).subarray(0, 60))).toThrow(Damaged);
    expect(() => parseInit(bytes(box("ftyp", zeros(4))))).toThrow(Damaged);
    expect(samplesOf(new Uint8Array(), init)).toEqual([]);
  });

  test("codecs by their names", () => {
    expect(codecOf("avc1", new Uint8Array(AVCC))).toBe("avc1.64001f");
    expect(codecOf("hvc1", new Uint8Array([1, 1, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93]))).toBe("hvc1.1.6.L93.B0");
  });
});
