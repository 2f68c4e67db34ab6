// Whether the server answers. A request that finds nobody says lost(); then the server is knocked at until it answers, and
// nothing else is asked of it (api/client.ts). Pages that want to refresh themselves then listen with onBack().
//
// A browser's requests share six connections. What was sent over a line that was cut is repeated at longer and longer
// distances, up to a minute, and later requests wait for those six. A WebSocket always makes a connection of its own,
// and ends it when it is closed: it finds a line that is back at once. Where WebSockets are barred, /healthz is asked
// without credentials, which browsers keep apart from the other connections.
const FIRST_MS = 200;
const EVERY_MS = 1000;
/** How long a knock may take: short, because a new one is sent at once; now and then long enough for a slow line. */
const KNOCK_MS = [2000, 2000, 4000];
const PATIENT_MS = 4000;
const AT_ONCE = 3;
const CHECK_MS = 2500;

class Reach {
  online = $state(true);
  since = $state(0);
  #asking = new Set<AbortController>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #knock: WebSocket | null = null;
  #knockEnds: ReturnType<typeof setTimeout> | undefined;
  #knocks = 0;
  #listeners = new Set<() => void>();

  #soon = (): void => {
    this.#stopKnock();
    this.#try();
  };

  lost(): void {
    if (!this.online) return;
    this.online = false;
    this.since = Date.now();
    this.#knocks = 0;
    addEventListener("online", this.#soon);
    document.addEventListener("visibilitychange", this.#soon);
    this.#later(FIRST_MS);
  }

  found(): void {
    if (this.online) return;
    clearTimeout(this.#timer);
    removeEventListener("online", this.#soon);
    document.removeEventListener("visibilitychange", this.#soon);
    this.#stopKnock();
    for (const asking of this.#asking) asking.abort();
    this.online = true;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Call `act` whenever the server is back; gives the function that stops it. */
  onBack(act: () => void): () => void {
    this.#listeners.add(act);
    return () => this.#listeners.delete(act);
  }

  /** There is a doubt: ask, and be lost where nobody answers. Several doubts at once are one question. */
  async check(): Promise<void> {
    if (!this.online || this.#asking.size) return;
    if (!(await this.#ask(CHECK_MS))) this.lost();
  }

  #try(): void {
    if (this.online) return;
    this.#knockOnce();
    void this.#ask(PATIENT_MS);
  }

  #knockOnce(): void {
    if (this.#knock) return;
    const knock = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/healthz`);
    this.#knock = knock;
    knock.onopen = () => {
      if (knock === this.#knock) this.found();
    };
    knock.onclose = () => {
      if (knock === this.#knock) this.#stopKnock();
    };
    this.#knockEnds = setTimeout(() => {
      this.#stopKnock();
      this.#knockOnce();
    }, KNOCK_MS[this.#knocks++ % KNOCK_MS.length]);
  }

  #stopKnock(): void {
    clearTimeout(this.#knockEnds);
    const knock = this.#knock;
    this.#knock = null;
    knock?.close();
  }

  async #ask(patientMs: number): Promise<boolean> {
    if (this.#asking.size >= AT_ONCE) return false;
    const asking = new AbortController();
    this.#asking.add(asking);
    const limit = setTimeout(() => asking.abort(), patientMs);
    try {
      const response = await fetch("/healthz", { cache: "no-store", credentials: "omit", signal: asking.signal });
      if (!response.ok) return false;
      this.found();
      return true;
    } catch {
      return false; // Still away.
    } finally {
      clearTimeout(limit);
      this.#asking.delete(asking);
    }
  }

  #later(wait: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#try();
      this.#later(EVERY_MS);
    }, wait);
  }
}

export const reach = new Reach();
