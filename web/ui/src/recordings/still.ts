// The frame on the screen of a replay as a file.
import type { Camera } from "../api/types";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";
import { masksOf } from "../tile/masks";
import { saveShot } from "../tile/shot";

export function saveFrame(seen: HTMLVideoElement | HTMLCanvasElement | undefined, camera: Camera, at: number): void {
  const [width, height] = seen instanceof HTMLVideoElement ? [seen.videoWidth, seen.videoHeight] : [seen?.width, seen?.height];
  if (!seen || !width || !height) return;
  const shown = { source: seen, width, height };
  saveShot(shown, { camera, at, exact: true, kind: m.replay_word() }, masksOf(camera)).catch(() => {
    toasts.say(m.snapshot_failed({ camera: camera.name, why: "" }), { kind: "bad" });
  });
}
