// The frame on the screen as a PNG, named by camera and capture time.
import type { Camera } from "../api/types";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";
import { wibField } from "../shell/wib";

export function saveFrame(video: HTMLVideoElement | undefined, camera: Camera, at: number): void {
  if (!video?.videoWidth) return;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    if (!blob) return;
    const url = URL.createObjectURL(blob);
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = `${camera.slug}_${wibField(at).replaceAll(":", ".").replace(" ", "_")}_WIB.png`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    toasts.say(m.snapshot_saved({ camera: camera.name }));
  }, "image/png");
}
