// Small pictures for the console: one camera after the other, slowly, those first that were never asked for. Only of
// cameras that are live: what gives no picture is not asked.
import { send } from "../api/client";
import { catalogue } from "../catalogue/catalogue.svelte";

const STEP_MS = 700;
const FRESH_MS = 15_000;
const KEPT = 200;

class Snapshots {
  /** Camera → picture. */
  pictures = $state.raw<ReadonlyMap<string, ImageBitmap>>(new Map());
  #asked = new Map<string, number>();

  /** Keep asking for the cameras that `wanted` names; gives the function that stops it. */
  watch(wanted: () => Iterable<string>): () => void {
    const stop = new AbortController();
    void this.#run(wanted, stop.signal);
    return () => stop.abort();
  }

  async #run(wanted: () => Iterable<string>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = Date.now();
      const due = [...new Set(wanted())]
        .filter((id) => catalogue.byId.get(id)?.state.condition === "live" && now - (this.#asked.get(id) ?? 0) > FRESH_MS)
        .sort((a, b) => (this.#asked.get(a) ?? 0) - (this.#asked.get(b) ?? 0));
      const next = due[0];
      if (next && !document.hidden) await this.#one(next, signal);
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  }

  async #one(id: string, signal: AbortSignal): Promise<void> {
    this.#asked.set(id, Date.now());
    try {
      const response = await send("GET", `/api/cameras/${id}/snapshot?width=320`, { signal, timeoutMs: 5000 });
      const picture = await createImageBitmap(await response.blob());
      const next = new Map(this.pictures);
      next.get(id)?.close();
      next.delete(id);
      next.set(id, picture);
      for (const [old, bitmap] of next) {
        if (next.size <= KEPT) break;
        bitmap.close();
        next.delete(old);
      }
      this.pictures = next;
    } catch {
      // No picture now: the drawn tile stands alone.
    }
  }
}

export const snapshots = new Snapshots();
