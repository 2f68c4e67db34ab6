// Pictures over HTTP, where WebRTC cannot be: one snapshot after the other over all tiles, never two of one tile at once.
// They are drawn into the tile's canvas, so that no blob: source has to be allowed.
import { ApiError, send } from "../api/client";
import type { WallTile } from "./tile.svelte";
import { pictureAge, type TileState } from "./truth";

const ROUND_MS = 1000;
const AT_ONCE = 2;
/** What gives no picture is asked again so much later: another holds up all others, and each refusal is written down. */
const AGAIN_MS = 4000;
const FORBIDDEN_MS = 60_000;

/** What a tile is whose camera gives no picture. */
function instead(error: unknown): TileState {
  if (!(error instanceof ApiError)) return "reconnecting";
  return error.status === 403 || error.status === 404 ? "forbidden" : "offline";
}

export class Pictures {
  #stop: AbortController | null = null;
  /** Camera -> when it may be asked again. */
  #later = new Map<string, number>();

  constructor(private readonly cameras = "/api/cameras") {}

  start(tiles: () => WallTile[]): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    void this.#rounds(tiles, this.#stop.signal);
  }

  stop(): void {
    this.#later.clear();
    this.#stop?.abort();
    this.#stop = null;
  }

  async #rounds(tiles: () => WallTile[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const began = performance.now();
      // Behind one that fills the wall nobody sees the others.
      const waiting = tiles().filter(
        (tile) => tile.camera !== null && began >= (this.#later.get(tile.camera) ?? 0) && tile.canvas?.checkVisibility({ visibilityProperty: true }),
      );
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
      tile.picture(pictureAge(captured, response.headers.get("Date"), Date.now()));
    } catch (error) {
      if (signal.aborted) return;
      const barred = error instanceof ApiError && error.status === 403;
      this.#later.set(camera, performance.now() + (barred ? FORBIDDEN_MS : AGAIN_MS));
      if (tile.camera === camera) tile.noPicture(instead(error));
    }
  }
}
