// The bookmarks of one camera, all of them up to a bound, and of all cameras page by page; read again when the server
// tells of a change.
import { words } from "../api/words";
import { m } from "../shell/messages";
import { news } from "../shell/news";
import { toasts } from "../shell/toasts.svelte";
import { change, list, remove, type Bookmark } from "./bookmarks";

const PAGE = 200;
const PAGES_MAX = 10;
const UNDO_MS = 6000;

export class BookmarkBook {
  loaded = $state(false);
  failed = $state(false);
  /** There are older ones. */
  more = $state(false);
  #known = $state.raw<Bookmark[]>([]);
  /** Those whose deletion can still be undone. */
  #leaving = $state.raw<ReadonlySet<string>>(new Set());
  #waiting = new Map<string, () => void>();
  #pages = 1;
  #reading = 0;

  /** `camera` null: all cameras. */
  constructor(readonly camera: string | null) {
    this.#pages = camera ? PAGES_MAX : 1;
  }

  /** Newest first. */
  get items(): Bookmark[] {
    return this.#known.filter((one) => !this.#leaving.has(one.id));
  }

  /** Keep fresh; gives the function that stops it. */
  watch(): () => void {
    const stop = news.on("bookmarks", () => void this.read());
    const leave = (): void => this.#finish();
    addEventListener("pagehide", leave);
    void this.read();
    return () => {
      stop();
      removeEventListener("pagehide", leave);
      this.#finish();
    };
  }

  async read(): Promise<void> {
    const reading = ++this.#reading;
    try {
      const known: Bookmark[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < this.#pages; page++) {
        const answer = await list(this.camera, PAGE, cursor);
        known.push(...answer.items);
        cursor = answer.next;
        if (!cursor) break;
      }
      if (reading !== this.#reading) return;
      this.#known = known;
      this.more = cursor !== null;
      this.loaded = true;
      this.failed = false;
    } catch {
      if (reading === this.#reading) this.failed = true;
    }
  }

  older(): void {
    this.#pages++;
    void this.read();
  }

  /** Another note; another case where `into` is given (null: none). */
  async note(bookmark: Bookmark, text: string, into?: string | null): Promise<void> {
    try {
      const changed = await change(bookmark.id, into === undefined ? { note: text } : { note: text, case: into });
      this.#known = this.#known.map((one) => (one.id === changed.id ? changed : one));
    } catch (error) {
      toasts.say(m.bookmark_not_kept({ why: words(error) }), { kind: "bad" });
    }
  }

  /** Leaves the list at once and the server some seconds later, unless somebody takes it back. */
  removeLater(bookmark: Bookmark): void {
    const { id } = bookmark;
    this.#leaving = new Set([...this.#leaving, id]);
    const act = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(id);
      remove(id, true).catch((error: unknown) => {
        toasts.say(m.bookmark_not_removed({ why: words(error) }), { kind: "bad" });
        this.#back(id);
      });
    };
    const timer = setTimeout(act, UNDO_MS);
    this.#waiting.set(id, act);
    const run = (): void => {
      clearTimeout(timer);
      if (this.#waiting.delete(id)) this.#back(id);
    };
    toasts.say(m.bookmark_removed(), { ms: UNDO_MS, action: { label: m.undo(), run } });
  }

  #back(id: string): void {
    this.#leaving = new Set([...this.#leaving].filter((other) => other !== id));
  }

  #finish(): void {
    for (const act of [...this.#waiting.values()]) act();
  }
}
