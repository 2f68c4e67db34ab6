// A picture of now as a file, named by camera and capture time in WIB.
import { send } from "../api/client";
import type { Camera } from "../api/types";
import { words } from "../api/words";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";
import { wibField } from "../shell/wib";

export async function downloadSnapshot(camera: Camera): Promise<void> {
  try {
    const response = await send("GET", `/api/cameras/${camera.id}/snapshot`);
    const captured = Date.parse(response.headers.get("X-Captured-At") ?? "");
    const time = wibField(Number.isFinite(captured) ? captured : Date.now()).replaceAll(":", ".").replace(" ", "_");
    const url = URL.createObjectURL(await response.blob());
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = `${camera.slug}_${time}_WIB.jpg`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    toasts.say(m.snapshot_saved({ camera: camera.name }));
  } catch (error) {
    toasts.say(m.snapshot_failed({ camera: camera.name, why: words(error) }), { kind: "bad" });
  }
}
