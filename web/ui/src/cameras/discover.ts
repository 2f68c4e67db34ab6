// Devices that were found, as the page has them: which can be chosen, what a device would be registered as. Pure.
import type { Described, FoundDevice } from "../api/types";
import { csvOf } from "./sheet";

export interface Told {
  described: Described | null;
  problem: string;
  name: string;
}

export const keyOf = (found: FoundDevice): string => found.url || found.address;

/** A device can be read by its ONVIF address alone. */
export const canChoose = (found: FoundDevice): boolean => found.url !== "";

/** Devices nobody has registered, that can be read. */
export const fresh = (found: FoundDevice[]): FoundDevice[] => found.filter((one) => canChoose(one) && one.cameras.length === 0);

/** A name to begin with: what the device calls itself, with its address so that no two are the same. */
export function nameOf(found: FoundDevice, described: Described | null): string {
  const own = found.name || described?.model || found.model || "";
  return own ? `${own} ${found.address}` : found.address;
}

/** "H.264 1920×1080 25/s" of the stream at an address. */
export function streamWords(described: Described, url: string): string {
  const feed = described.feeds.find((one) => one.url === url);
  if (!feed) return "";
  const codec = { h264: "H.264", h265: "H.265" }[feed.codec] ?? feed.codec;
  return [codec, feed.width ? `${feed.width}×${feed.height}` : "", feed.fps ? `${feed.fps}/s` : ""].filter(Boolean).join(" ");
}

export const isReady = (told: Told | undefined): told is Told & { described: Described } => Boolean(told?.described?.ok && told.described.main && told.name.trim());

/** Ranges as typed, one a line or with commas between. */
export const rangesOf = (text: string): string[] => text.split(/[\n,;]+/).map((one) => one.trim()).filter(Boolean);

/** Where cameras listen most often. */
export const PORTS: readonly number[] = [80, 8080, 8000, 8899, 554];

/** Ports as typed; those of old where none is a port. */
export function portsOf(text: string): number[] {
  const found = text.split(/[^0-9]+/).map(Number).filter((port) => port > 0 && port < 65_536);
  return found.length ? [...new Set(found)].slice(0, 8) : [...PORTS];
}

export interface ToRegister {
  site: string;
  name: string;
  main: string;
  sub: string;
  onvif: string;
  username: string;
  password: string;
}

/** The file of cameras that registers these. */
export function fileOf(cameras: ToRegister[]): string {
  return csvOf(["site", "name", "main", "sub", "onvif", "username", "password"], cameras);
}
