// Which stream of a camera a tile replays: what is recorded, and of both the one that suits its size. Pure.
import type { Camera, StreamName } from "../api/types";

/** A tile so wide, in device pixels, shows more than a small stream has. */
const LARGE_PX = 900;

export function streamFor(camera: Camera, px: number, asked: StreamName | null): StreamName {
  const kept = camera.streams.filter((stream) => stream.record !== "off").map((stream) => stream.name);
  if (asked && kept.includes(asked)) return asked;
  if (!kept.includes("sub")) return "main";
  return kept.includes("main") && px >= LARGE_PX ? "main" : "sub";
}
