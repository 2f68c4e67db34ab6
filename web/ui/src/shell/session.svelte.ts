// Who is signed in. The cookie is the server's (HttpOnly); here are only the person and the CSRF token.
import { call, useCsrf, whenSignedOut } from "../api/client";
import type { Person, SignedIn } from "../api/types";
import { locale } from "./locale.svelte";
import { router, urlOf } from "./router.svelte";

const HINT = "vms.signed_in";

class Session {
  person = $state<Person | null>(null);
  known = $state(false);

  constructor() {
    whenSignedOut(() => this.#ended());
  }

  /** Ask who is signed in. Gives false when nobody is; throws Unreachable when the server is away. */
  async read(): Promise<boolean> {
    try {
      // 204, nothing, when nobody is signed in: asking is no error.
      const answer = await call<SignedIn | undefined>("GET", "/api/session", { anonymous: true });
      if (answer) this.#take(answer);
      else this.#forget();
      return Boolean(answer);
    } finally {
      this.known = true;
    }
  }

  async signIn(username: string, password: string): Promise<void> {
    this.#take(await call<SignedIn>("POST", "/api/session", { body: { username, password }, anonymous: true }));
  }

  async changePassword(old: string, next: string): Promise<void> {
    await call("POST", "/api/session/password", { body: { old, new: next } });
    await this.read();
  }

  async signOut(): Promise<void> {
    try {
      await call("DELETE", "/api/session", { anonymous: true });
    } finally {
      this.#forget();
      router.go("/signin");
    }
  }

  /** Somebody signed in here before, so asking is worth a request. */
  likely(): boolean {
    try {
      return localStorage.getItem(HINT) !== null;
    } catch {
      return true;
    }
  }

  #take(answer: SignedIn): void {
    useCsrf(answer.csrf);
    this.person = answer.person;
    this.known = true;
    locale.suggest(answer.person.language);
    this.#remember(true);
  }

  #forget(): void {
    this.person = null;
    useCsrf("");
    this.#remember(false);
  }

  #ended(): void {
    if (!this.person) return;
    this.#forget();
    router.go(urlOf("/signin", { next: location.pathname + location.search, ended: 1 }));
  }

  #remember(signedIn: boolean): void {
    try {
      if (signedIn) localStorage.setItem(HINT, "1");
      else localStorage.removeItem(HINT);
    } catch {
      // Only saves one request; nothing depends on it.
    }
  }
}

export const session = new Session();

/** Where to go after sign-in: only a path of this page, never another host. */
export function nextAfterSignIn(query: URLSearchParams): string {
  const next = query.get("next") ?? "";
  return /^\/(?![/\\])/.test(next) && !next.startsWith("/signin") ? next : "/wall";
}
