// Pictures out of fragmented MP4 (ISO/IEC 14496-12 8.8): the codec of the video track from ftyp and moov, and the samples
// of fragments. Pure. Other tracks are passed over; what is no MP4 throws Damaged.
export class Damaged extends Error {}

export interface Init {
  track: number;
  /** Ticks a second. */
  timescale: number;
  /** As WebCodecs names it (RFC 6381), "avc1.64001f". */
  codec: string;
  /** avcC or hvcC. */
  description: Uint8Array<ArrayBuffer>;
  width: number;
  height: number;
  /** From trex, where a fragment says nothing. */
  defaults: { duration: number; size: number; flags: number };
}

export interface Sample {
  /** Ticks. */
  pts: number;
  dts: number;
  duration: number;
  key: boolean;
  data: Uint8Array<ArrayBuffer>;
}

type Bytes = Uint8Array<ArrayBuffer>;

interface Box {
  kind: string;
  /** Of its content. */
  at: number;
  end: number;
  /** Of its header. */
  start: number;
}

const NON_SYNC = 0x10000;

function view(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function boxes(data: DataView, from: number, to: number): Box[] {
  const found: Box[] = [];
  for (let at = from; at + 8 <= to; ) {
    let size = data.getUint32(at);
    let head = 8;
    if (size === 1 && at + 16 <= to) {
      size = Number(data.getBigUint64(at + 8));
      head = 16;
    } else if (size === 0) size = to - at;
    if (size < head || at + size > to) throw new Damaged(`box of ${size} bytes`);
    const kind = String.fromCharCode(...[4, 5, 6, 7].map((index) => data.getUint8(at + index)));
    found.push({ kind, start: at, at: at + head, end: at + size });
    at += size;
  }
  return found;
}

function only(data: DataView, box: Box, path: string): Box {
  let here = box;
  for (const kind of path.split("/")) {
    const found = boxes(data, here.at, here.end).find((one) => one.kind === kind);
    if (!found) throw new Damaged(`no ${kind}`);
    here = found;
  }
  return here;
}

const hex = (value: number): string => value.toString(16).padStart(2, "0");

/** "avc1.64001f"; of HEVC as ISO/IEC 14496-15 annex E has it. */
export function codecOf(entry: string, config: Bytes): string {
  if (entry.startsWith("avc")) return `avc1.${hex(config[1] ?? 0)}${hex(config[2] ?? 0)}${hex(config[3] ?? 0)}`;
  const profile = config[1] ?? 0;
  const compatible = view(config).getUint32(2);
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) if (compatible & (1 << bit)) reversed |= 1 << (31 - bit);
  const constraints = [...config.subarray(6, 12)];
  while (constraints.length && constraints.at(-1) === 0) constraints.pop();
  const space = ["", "A", "B", "C"][profile >> 6] ?? "";
  const parts = [entry, `${space}${profile & 31}`, (reversed >>> 0).toString(16).toUpperCase(), `${profile & 32 ? "H" : "L"}${config[12] ?? 0}`];
  return [...parts, ...constraints.map((value) => value.toString(16).toUpperCase())].join(".");
}

/** The video track of ftyp and moov. */
export function parseInit(bytes: Bytes): Init {
  const data = view(bytes);
  const moov = boxes(data, 0, bytes.length).find((box) => box.kind === "moov");
  if (!moov) throw new Damaged("no moov");
  const parts = boxes(data, moov.at, moov.end);
  for (const trak of parts.filter((box) => box.kind === "trak")) {
    const handler = only(data, trak, "mdia/hdlr");
    if (data.getUint32(handler.at + 8) !== 0x76696465) continue; // "vide"
    const tkhd = only(data, trak, "tkhd");
    const track = data.getUint32(tkhd.at + (data.getUint8(tkhd.at) === 1 ? 20 : 12));
    const mdhd = only(data, trak, "mdia/mdhd");
    const timescale = data.getUint32(mdhd.at + (data.getUint8(mdhd.at) === 1 ? 20 : 12));
    const stsd = only(data, trak, "mdia/minf/stbl/stsd");
    const entry = boxes(data, stsd.at + 8, stsd.end)[0];
    if (!entry) throw new Damaged("no sample entry");
    const config = boxes(data, entry.at + 78, entry.end).find((box) => box.kind === "avcC" || box.kind === "hvcC");
    if (!config) throw new Damaged(`no configuration in ${entry.kind}`);
    const description = bytes.slice(config.at, config.end);
    return {
      track,
      timescale,
      codec: codecOf(entry.kind, description),
      description,
      width: data.getUint16(entry.at + 24),
      height: data.getUint16(entry.at + 26),
      defaults: trexOf(data, parts, track),
    };
  }
  throw new Damaged("no video");
}

function trexOf(data: DataView, parts: readonly Box[], track: number): Init["defaults"] {
  const mvex = parts.find((box) => box.kind === "mvex");
  const trex = mvex && boxes(data, mvex.at, mvex.end).find((box) => box.kind === "trex" && data.getUint32(box.at + 4) === track);
  if (!trex) return { duration: 0, size: 0, flags: 0 };
  return { duration: data.getUint32(trex.at + 12), size: data.getUint32(trex.at + 16), flags: data.getUint32(trex.at + 20) };
}

/** The samples of the video track in whole fragments, in order of decoding. */
export function samplesOf(bytes: Bytes, init: Init): Sample[] {
  const data = view(bytes);
  const found: Sample[] = [];
  for (const moof of boxes(data, 0, bytes.length)) {
    if (moof.kind !== "moof") continue;
    for (const traf of boxes(data, moof.at, moof.end)) {
      if (traf.kind === "traf") fragment(bytes, data, moof, traf, init, found);
    }
  }
  return found;
}

function fragment(bytes: Bytes, data: DataView, moof: Box, traf: Box, init: Init, found: Sample[]): void {
  const parts = boxes(data, traf.at, traf.end);
  const tfhd = parts.find((box) => box.kind === "tfhd");
  if (!tfhd || data.getUint32(tfhd.at + 4) !== init.track) return;
  const said = data.getUint32(tfhd.at) & 0xffffff;
  const { duration, size, flags } = init.defaults;
  const defaults = { duration, size, flags };
  let at = tfhd.at + 8;
  const take = (flag: number, bytesLong = 4): number | null => {
    if (!(said & flag)) return null;
    at += bytesLong;
    return bytesLong === 4 ? data.getUint32(at - 4) : 0;
  };
  take(0x1, 8);
  take(0x2);
  defaults.duration = take(0x8) ?? duration;
  defaults.size = take(0x10) ?? size;
  defaults.flags = take(0x20) ?? flags;
  const tfdt = parts.find((box) => box.kind === "tfdt");
  if (!tfdt) throw new Damaged("no tfdt");
  let dts = data.getUint8(tfdt.at) === 1 ? Number(data.getBigUint64(tfdt.at + 4)) : data.getUint32(tfdt.at + 4);
  for (const trun of parts) if (trun.kind === "trun") dts = run(bytes, data, moof, trun, defaults, dts, found);
}

function run(bytes: Bytes, data: DataView, moof: Box, trun: Box, defaults: Init["defaults"], begins: number, found: Sample[]): number {
  const flags = data.getUint32(trun.at) & 0xffffff;
  const count = data.getUint32(trun.at + 4);
  let at = trun.at + 8;
  const next = (): number => {
    at += 4;
    return data.getUint32(at - 4);
  };
  let offset = moof.start + (flags & 0x1 ? data.getInt32((at += 4) - 4) : moof.end - moof.start + 8);
  const first = flags & 0x4 ? next() : null;
  let dts = begins;
  for (let index = 0; index < count; index++) {
    const duration = flags & 0x100 ? next() : defaults.duration;
    const size = flags & 0x200 ? next() : defaults.size;
    let own = flags & 0x400 ? next() : defaults.flags;
    if (index === 0 && first !== null) own = first;
    const shift = flags & 0x800 ? data.getInt32((at += 4) - 4) : 0;
    if (offset + size > bytes.length) throw new Damaged("samples beyond the end");
    found.push({ pts: dts + shift, dts, duration, key: !(own & NON_SYNC), data: bytes.subarray(offset, offset + size) });
    offset += size;
    dts += duration;
  }
  return dts;
}
