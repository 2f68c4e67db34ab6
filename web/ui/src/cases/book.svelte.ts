// The cases of whoever is signed in, kept fresh while they are looked at.
import { ApiError, call } from "../api/client";
import { words } from "../api/words";
import { m } from "../shell/messages";
import { news } from "../shell/news";
import { toasts } from "../shell/toasts.svelte";
import { change, list, type Case, type CasePatch, type Hold } from "./cases";

class CaseBook {
  items = $state.raw<Case[]>([]);
  loaded = $state(false);
  problem = $state("");
  /** Grows when the server told of a change: what belongs to a case is read again. */
  news = $state(0);

  watch(): () => void {
    void this.read();
    return news.on("cases", () => {
      this.news++;
      void this.read();
    });
  }

  async read(): Promise<void> {
    try {
      this.items = await list();
      this.loaded = true;
      this.problem = "";
    } catch (error) {
      this.problem = words(error);
      this.loaded = this.loaded || error instanceof ApiError;
    }
  }

  /** One that was just opened. */
  put(made: Case): void {
    this.items = [made, ...this.items.filter((other) => other.id !== made.id)];
  }

  /** Throws what the server refuses. */
  async change(one: Case, patch: CasePatch): Promise<void> {
    const changed = await change(one, patch);
    this.items = this.items.map((other) => (other.id === changed.id ? changed : other));
  }

  /** Close or open again; both can be taken back. */
  async close(one: Case, closed: boolean, undoing = false): Promise<void> {
    try {
      await this.change(one, { state: closed ? "closed" : "open" });
      const now = this.items.find((other) => other.id === one.id) ?? one;
      const action = undoing ? undefined : { label: m.undo(), run: () => void this.close(now, !closed, true) };
      toasts.say(closed ? m.case_closed_said({ number: one.number }) : m.case_opened_said({ number: one.number }), { ms: 8000, action });
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
      void this.read();
    }
  }

  /** Take a hold off: it goes on holding for an hour, in which this can be taken back. */
  async lift(hold: Hold): Promise<void> {
    try {
      await call("DELETE", `/api/holds/${hold.id}`);
      toasts.say(m.hold_lifted({ camera: hold.camera_name ?? hold.camera }), { ms: 8000, action: { label: m.undo(), run: () => void this.restore(hold) } });
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
    }
    this.news++;
  }

  async restore(hold: Hold): Promise<void> {
    try {
      await call("POST", `/api/holds/${hold.id}/restore`);
      toasts.say(m.hold_restored({ camera: hold.camera_name ?? hold.camera }));
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
    }
    this.news++;
  }
}

export const cases = new CaseBook();
