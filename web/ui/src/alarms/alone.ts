// One window of a browser at a time sounds: the one where a person was last. Several would be an echo; and of windows that
// were opened together the first may be one that nobody ever touched, which its browser lets not sound at all, or one that
// lies hidden and is woken once a minute. Knows only the LockManager that it is given.

export type Locks = Pick<LockManager, "request">;

export class Alone {
  /** It is this window's turn. */
  mine = false;
  #over = true;
  #asked = new AbortController();

  /** `locks` undefined: the browser has none here (no secure context), and each window sounds. */
  constructor(
    private readonly name: string,
    private readonly locks: Locks | undefined,
  ) {}

  /** Wait for the turn; gives the function that ends it. */
  start(): () => void {
    this.#over = false;
    if (!this.locks) this.mine = true;
    else this.#ask(this.locks, false);
    return () => {
      this.#over = true;
      this.mine = false;
      this.#asked.abort();
    };
  }

  /** A person is at this window: it is its turn, whoever has it. */
  take(): void {
    if (this.locks && !this.mine && !this.#over) this.#ask(this.locks, true);
  }

  #ask(locks: Locks, steal: boolean): void {
    this.#asked.abort();
    const asked = (this.#asked = new AbortController());
    const held = (): Promise<void> =>
      new Promise((done) => {
        if (asked.signal.aborted) return done();
        this.mine = true;
        asked.signal.addEventListener("abort", () => done());
      });
    // Who steals waits for nobody, and may give no signal.
    const ended = locks.request(this.name, steal ? { steal } : { signal: asked.signal }, held).catch(() => undefined);
    void ended.then(() => {
      if (this.#asked !== asked) return;
      this.mine = false;
      if (!this.#over) this.#ask(locks, false); // another window took it, and may be closed before this one
    });
  }
}
