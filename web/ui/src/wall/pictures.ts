// Pictures over HTTP, where WebRTC cannot be: one snapshot after the other over all tiles, never two of one tile at once.
// They are drawn into the tile's canvas, so that no blob: source has to be allowed.
import { send } from "../api/client";
import type { WallTile } from "./tile.svelte";

const ROUND_MS = 1000;
const AT_ONCE = 2;

export class Pictures {
  #stop: AbortController | null = null;

  constructor(private readonly cameras = "/api/cameras") {}

  start(tiles: () => WallTile[]): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    void this.#rounds(tiles, this.#stop.signal);
  }

  stop(): void {
    this.#stop?.abort();
    this.#stop = null;
  }

  async #rounds(tiles: () => WallTile[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const began = performance.now();
      // Behind one that fills the wall nobody sees the others.
      const waiting = tiles().filter((tile) => tile.camera !== null && tile.canvas?.checkVisibility({ visibilityProperty: true }));
      const worker = async (): Promise<void> => {
        for (let tile = waiting.shift(); tile && !signal.aborted; tile = waiting.shift()) await this.#one(tile, signal);
      };
      if (!document.hidden) await Promise.all(Array.from({ length: AT_ONCE }, worker));
      const rest = Math.max(100, ROUND_MS - (performance.now() - began));
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
  }

  async #one(tile: WallTile, signal: AbortSignal): Promise<void> {
    const camera = tile.camera;
    const canvas = tile.canvas;
    if (!camera || !canvas) return;
    const width = Math.min(1920, Math.max(320, Math.round(canvas.clientWidth * devicePixelRatio * tile.tools.zoom.scale)));
    try {
      const response = await send("GET", `${this.cameras}/${camera}/snapshot?width=${width}`, { signal, timeoutMs: 5000 });
      const bitmap = await createImageBitmap(await response.blob());
      if (signal.aborted || tile.camera !== camera) return bitmap.close();
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      bitmap.close();
      const captured = Date.parse(response.headers.get("X-Captured-At") ?? "");
      tile.picture(Number.isFinite(captured) ? Math.max(0, Date.now() - captured) : null);
    } catch {
      // No picture now: the tile's age grows and says so.
    }
  }
}
