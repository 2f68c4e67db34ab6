// Removing with an undo instead of a question: the camera leaves the screen at once, the server hears of it 6 s later,
// unless somebody takes it back. Leaving the page carries it out.
import { call } from "../api/client";
import type { Camera } from "../api/types";
import { words } from "../api/words";
import { catalogue } from "../catalogue/catalogue.svelte";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";

const UNDO_MS = 6000;
const waiting = new Map<string, () => void>();

addEventListener("pagehide", () => {
  for (const now of [...waiting.values()]) now();
});

async function remove(camera: Camera): Promise<void> {
  try {
    await call("DELETE", `/api/cameras/${camera.id}`, { keepalive: true });
    catalogue.drop(camera.id);
  } catch (error) {
    toasts.say(m.camera_not_removed({ camera: camera.name, why: words(error) }), { kind: "bad" });
  } finally {
    catalogue.hide(camera.id, false);
  }
}

export function removeLater(camera: Camera): void {
  catalogue.hide(camera.id, true);
  const act = (): void => {
    clearTimeout(timer);
    waiting.delete(camera.id);
    void remove(camera);
  };
  const timer = setTimeout(act, UNDO_MS);
  waiting.set(camera.id, act);
  toasts.say(m.camera_removed({ camera: camera.name }), {
    ms: UNDO_MS,
    action: {
      label: m.undo(),
      run: () => {
        clearTimeout(timer);
        waiting.delete(camera.id);
        catalogue.hide(camera.id, false);
      },
    },
  });
}
