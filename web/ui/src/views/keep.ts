// The changes on the wall into the view they were made in; said, either way.
import { words } from "../api/words";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";
import type { WallState } from "../wall/wall.svelte";

export async function keepChanges(wall: WallState): Promise<void> {
  const name = wall.view?.name ?? "";
  try {
    await wall.save();
    toasts.say(m.view_saved({ view: name }));
  } catch (error) {
    toasts.say(words(error), { kind: "bad" });
  }
}
