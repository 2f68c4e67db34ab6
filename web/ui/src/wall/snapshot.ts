// The picture on a tile as a file. Where nothing is shown yet the server's own picture of now stands in.
import { send } from "../api/client";
import type { Camera } from "../api/types";
import { words } from "../api/words";
import { tileWord } from "../catalogue/words";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";
import { masksOf } from "../tile/masks";
import { saveShot } from "../tile/shot";
import type { WallTile } from "./tile.svelte";

export async function downloadSnapshot(tile: WallTile, camera: Camera): Promise<void> {
  try {
    const shown = tile.shown();
    if (shown) {
      const kind = tile.tools.replay ? m.replay_word() : tileWord(tile.verdict.state);
      return await saveShot(shown, { camera, at: shown.at ?? Date.now(), exact: shown.at !== null, kind }, masksOf(camera));
    }
    const response = await send("GET", `/api/cameras/${camera.id}/snapshot`);
    const captured = Date.parse(response.headers.get("X-Captured-At") ?? "");
    const bitmap = await createImageBitmap(await response.blob());
    const [exact, at] = [Number.isFinite(captured), Number.isFinite(captured) ? captured : Date.now()];
    await saveShot({ source: bitmap, width: bitmap.width, height: bitmap.height }, { camera, at, exact, kind: m.tile_pictures() }, masksOf(camera));
    bitmap.close();
  } catch (error) {
    toasts.say(m.snapshot_failed({ camera: camera.name, why: words(error) }), { kind: "bad" });
  }
}
