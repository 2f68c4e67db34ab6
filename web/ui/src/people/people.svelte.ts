// The accounts as the server has them, kept fresh while they are looked at; closing one can be taken back.
import { ApiError, call } from "../api/client";
import { words } from "../api/words";
import { m } from "../shell/messages";
import { news } from "../shell/news";
import { toasts } from "../shell/toasts.svelte";
import type { Account, Draft, SignIn } from "./person";

interface Page {
  items: Account[];
  next: string | null;
}

class PeopleBook {
  items = $state.raw<Account[]>([]);
  loaded = $state(false);
  problem = $state("");
  /** A password that was just made, and for whom: shown until it is put away. */
  made = $state.raw<{ username: string; password: string } | null>(null);

  watch(): () => void {
    void this.read();
    const stop = news.on("people", () => void this.read());
    return () => {
      stop();
      this.made = null;
    };
  }

  async read(): Promise<void> {
    try {
      const found: Account[] = [];
      let next: string | null = null;
      do {
        const page: Page = await call<Page>("GET", `/api/people${next ? `?cursor=${encodeURIComponent(next)}` : ""}`);
        found.push(...page.items);
        next = page.next;
      } while (next);
      this.items = found;
      this.loaded = true;
      this.problem = "";
    } catch (error) {
      this.problem = words(error);
      this.loaded = this.loaded || error instanceof ApiError;
    }
  }

  /** Open a new account, or keep what became of one. Throws what the server refuses. */
  async save(before: Account | null, draft: Draft): Promise<Account> {
    const { username, enabled, ...rest } = draft;
    const saved = before
      ? await call<Account>("PATCH", `/api/people/${before.id}`, { body: { ...rest, enabled, rev: before.rev } })
      : await call<Account>("POST", "/api/people", { body: { username, ...rest } });
    this.#take(saved);
    await this.read();
    return saved;
  }

  /** Close or open an account again; closing can be taken back, sign-ins that ended stay ended. */
  async enable(account: Account, enabled: boolean, undoing = false): Promise<void> {
    try {
      const saved = await call<Account>("PATCH", `/api/people/${account.id}`, { body: { enabled, rev: account.rev } });
      const action = undoing ? undefined : { label: m.undo(), run: () => void this.enable(saved, !enabled, true) };
      const said = enabled ? m.person_opened({ person: account.name }) : m.person_closed({ person: account.name });
      toasts.say(said, { ms: 8000, action });
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
    }
    await this.read();
  }

  async resetPassword(account: Account): Promise<void> {
    try {
      this.#take(await call<Account>("POST", `/api/people/${account.id}/password`, { body: {} }));
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
    }
    await this.read();
  }

  async signIns(account: Account): Promise<SignIn[]> {
    return (await call<{ items: SignIn[] }>("GET", `/api/people/${account.id}/sessions`)).items;
  }

  async end(account: Account, signIn: SignIn | null): Promise<void> {
    try {
      await call("DELETE", `/api/people/${account.id}/sessions${signIn ? `/${signIn.id}` : ""}`);
      toasts.say(m.person_signins_ended({ person: account.name }));
    } catch (error) {
      toasts.say(words(error), { kind: "bad" });
    }
    await this.read();
  }

  #take(saved: Account): void {
    if (saved.password) this.made = { username: saved.username, password: saved.password };
  }
}

export const people = new PeopleBook();
