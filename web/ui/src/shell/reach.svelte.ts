// Whether the server answers. A request that finds nobody says lost(); then /healthz is asked every second until somebody
// answers. Pages that want to refresh themselves then listen with onBack().
const FIRST_MS = 200;
const EVERY_MS = 1000;
/** A line that comes back carries what is sent then: what was sent before waits for its next repetition, up to a minute.
 * So questions overlap, each with time for a slow line. */
const PATIENT_MS = 4000;
const AT_ONCE = 3;
const CHECK_MS = 2500;

class Reach {
  online = $state(true);
  since = $state(0);
  #asking = new Set<AbortController>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<() => void>();

  #soon = (): void => void this.#ask(PATIENT_MS);

  lost(): void {
    if (!this.online) return;
    this.online = false;
    this.since = Date.now();
    addEventListener("online", this.#soon);
    document.addEventListener("visibilitychange", this.#soon);
    this.#later(FIRST_MS);
  }

  found(): void {
    if (this.online) return;
    clearTimeout(this.#timer);
    removeEventListener("online", this.#soon);
    document.removeEventListener("visibilitychange", this.#soon);
    for (const asking of this.#asking) asking.abort();
    this.online = true;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Call `act` whenever the server is back; gives the function that stops it. */
  onBack(act: () => void): () => void {
    this.#listeners.add(act);
    return () => this.#listeners.delete(act);
  }

  /** There is a doubt: ask, and be lost where nobody answers. */
  async check(): Promise<void> {
    if (this.online && !(await this.#ask(CHECK_MS))) this.lost();
  }

  async #ask(patientMs: number): Promise<boolean> {
    if (this.#asking.size >= AT_ONCE) return false;
    const asking = new AbortController();
    this.#asking.add(asking);
    const limit = setTimeout(() => asking.abort(), patientMs);
    try {
      const response = await fetch("/healthz", { cache: "no-store", signal: asking.signal });
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
      void this.#ask(PATIENT_MS);
      this.#later(EVERY_MS);
    }, wait);
  }
}

export const reach = new Reach();
