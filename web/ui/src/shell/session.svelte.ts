// Who is signed in. The cookie is the server's (HttpOnly); here are only the person and the CSRF token.
import { call, useCsrf, whenSignedOut } from "../api/client";
import type { Person, Right, SignedIn } from "../api/types";
import { locale } from "./locale.svelte";
import { router, urlOf } from "./router.svelte";

class Session {
  person = $state<Person | null>(null);
  known = $state(false);
  rights = $state.raw<readonly Right[]>([]);
  everywhere = $state.raw<readonly Right[]>([]);

  constructor() {
    whenSignedOut(() => this.#ended());
  }

  /** Ask who is signed in: 204 says nobody. Throws Unreachable when the server is away. */
  async read(): Promise<void> {
    try {
      const answer = await call<SignedIn | undefined>("GET", "/api/session");
      if (answer) this.#take(answer);
      else this.#forget();
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

  /** Whether there is anything on which the person has one of these rights. */
  may(...rights: Right[]): boolean {
    return rights.some((right) => this.rights.includes(right));
  }

  /** Whether the person has a right on everything: what belongs to no site asks for that. */
  mayEverywhere(right: Right): boolean {
    return this.everywhere.includes(right);
  }

  #take(answer: SignedIn): void {
    useCsrf(answer.csrf);
    this.person = answer.person;
    this.rights = answer.rights;
    this.everywhere = answer.everywhere;
    this.known = true;
    locale.suggest(answer.person.language);
  }

  #forget(): void {
    this.person = null;
    this.rights = this.everywhere = [];
    useCsrf("");
  }

  #ended(): void {
    if (!this.person) return;
    this.#forget();
    router.go(urlOf("/signin", { next: location.pathname + location.search, ended: 1 }));
  }
}

export const session = new Session();
