// Marking a moment: kept at once, without a note; for some seconds a note can be written or the mark be taken back.
import type { Camera } from "../api/types";
import { words } from "../api/words";
import { m } from "../shell/messages";
import { toasts } from "../shell/toasts.svelte";
import { add, change, remove, type Bookmark } from "./bookmarks";

export class Marking {
  /** The moment that was marked last, ms since 1970, while its card stands; null: there is no card. */
  at = $state<number | null>(null);
  /** Somebody wants to write: the card's field takes the focus when this grows. */
  writing = $state(0);
  #kept: Promise<Bookmark | null> = Promise.resolve(null);
  #number = 0;

  /** `onchange`: something was kept, noted or taken back. */
  constructor(private readonly onchange: () => void = () => undefined) {}

  /** Mark; while the card of a mark stands, go on to its note instead. */
  press(camera: Camera, at: number): void {
    if (this.at === null) void this.mark(camera, at);
    else this.writing++;
  }

  async mark(camera: Camera, at: number): Promise<void> {
    const number = ++this.#number;
    this.at = at;
    this.#kept = add(camera.id, at).catch((error: unknown) => {
      toasts.say(m.bookmark_not_kept({ why: words(error) }), { kind: "bad" });
      if (number === this.#number) this.close();
      return null;
    });
    await this.#kept;
    this.onchange();
  }

  /** With a note, in a case, or as it is. */
  async note(text: string, into: string | null = null): Promise<void> {
    const kept = this.#kept;
    this.close();
    if (!text.trim() && !into) return;
    try {
      const bookmark = await kept;
      if (bookmark) await change(bookmark.id, into ? { note: text, case: into } : { note: text });
      this.onchange();
    } catch (error) {
      toasts.say(m.bookmark_not_kept({ why: words(error) }), { kind: "bad" });
    }
  }

  async undo(): Promise<void> {
    const kept = this.#kept;
    this.close();
    try {
      const bookmark = await kept;
      if (bookmark) await remove(bookmark.id);
      this.onchange();
    } catch (error) {
      toasts.say(m.bookmark_not_removed({ why: words(error) }), { kind: "bad" });
    }
  }

  close(): void {
    this.at = null;
    this.writing = 0;
  }
}
