// Whether the server answers. A request that finds nobody says lost(); then /healthz is asked, at most 2 s apart,
// until somebody answers. Pages that want to refresh themselves then listen with onBack().
const STEPS_MS = [400, 800, 1500, 2000];

class Reach {
  online = $state(true);
  since = $state(0);
  #tries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<() => void>();

  lost(): void {
    if (!this.online) return;
    this.online = false;
    this.since = Date.now();
    this.#tries = 0;
    this.#later();
  }

  found(): void {
    if (this.online) return;
    clearTimeout(this.#timer);
    this.online = true;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Call `act` whenever the server is back; gives the function that stops it. */
  onBack(act: () => void): () => void {
    this.#listeners.add(act);
    return () => this.#listeners.delete(act);
  }

  async ask(): Promise<void> {
    try {
      const response = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(2000) });
      if (response.ok) {
        this.found();
        return;
      }
    } catch {
      // Still away.
    }
    this.#later();
  }

  #later(): void {
    clearTimeout(this.#timer);
    const wait = STEPS_MS[Math.min(this.#tries++, STEPS_MS.length - 1)] ?? 2000;
    this.#timer = setTimeout(() => void this.ask(), wait);
  }
}

export const reach = new Reach();
