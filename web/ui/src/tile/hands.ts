// Hands on a tile's picture: wheel and pinch zoom, drag pans. Nothing of it while somebody else has the hands (`free`
// says no: a PTZ mode), and a drag is the wall's own (moving a camera) until the picture is zoomed.
import { boxOf, panBy, wheelFactor, zoomAt, type Box, type Zoom } from "./zoom";

export interface Held {
  zoom: Zoom;
  /** Size of the picture on the screen, in its own pixels. */
  readonly size: { width: number; height: number };
  /** Whether wheel and drag are the zoom's. */
  readonly free: boolean;
}

const SLIP_PX = 4;

export class Hands {
  /** The last press became a drag: the click that follows is none. */
  dragged = false;
  #element: HTMLElement | null = null;
  #touches = new Map<number, { x: number; y: number }>();
  #stretch = 0;

  constructor(private readonly held: Held) {}

  /** Svelte attachment for the tile. */
  readonly on = (element: HTMLElement): (() => void) => {
    this.#element = element;
    const wheel = (event: WheelEvent): void => this.#wheel(event, element);
    const down = (event: PointerEvent): void => this.#down(event);
    const move = (event: PointerEvent): void => this.#move(event, element);
    const up = (event: PointerEvent): void => this.#up(event);
    element.addEventListener("wheel", wheel, { passive: false }); // A passive one could not keep the page's own zoom away.
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
    return () => {
      element.removeEventListener("wheel", wheel);
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
    };
  };

  /** Where the picture lies in the tile. */
  box(): Box {
    const element = this.#element;
    return boxOf({ width: element?.clientWidth ?? 0, height: element?.clientHeight ?? 0 }, this.held.size);
  }

  #wheel(event: WheelEvent, element: HTMLElement): void {
    if (!this.held.free || (event.target as HTMLElement).closest("[data-own-wheel]")) return;
    event.preventDefault();
    const frame = element.getBoundingClientRect();
    const [px, py] = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
    this.held.zoom = zoomAt(this.held.zoom, wheelFactor(event.deltaY, event.deltaMode, event.ctrlKey), px, py, this.box());
  }

  #down(event: PointerEvent): void {
    this.dragged = false;
    if (!this.held.free || event.button !== 0 || (event.target as HTMLElement).closest("button, a, input")) return;
    if (event.pointerType !== "touch" && this.held.zoom.scale === 1) return;
    this.#touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.#stretch = this.#span();
  }

  #move(event: PointerEvent, element: HTMLElement): void {
    const last = this.#touches.get(event.pointerId);
    if (!last) return;
    // Let go of outside the tile, before it was held: nobody told us.
    if (event.pointerType === "mouse" && !event.buttons) return this.#up(event);
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    if (!this.dragged && this.#touches.size < 2 && Math.hypot(dx, dy) < SLIP_PX) return;
    if (this.#touches.size < 2 && this.held.zoom.scale === 1) return;
    if (!this.dragged) element.setPointerCapture(event.pointerId);
    this.dragged = true;
    this.#touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const frame = element.getBoundingClientRect();
    const share = 1 / this.#touches.size; // Two fingers that move alike pan once.
    let zoom = panBy(this.held.zoom, (dx / frame.width) * share, (dy / frame.height) * share, this.box());
    const span = this.#span();
    if (span && this.#stretch) {
      const middle = this.#middle();
      zoom = zoomAt(zoom, span / this.#stretch, (middle.x - frame.left) / frame.width, (middle.y - frame.top) / frame.height, this.box());
    }
    this.#stretch = span;
    this.held.zoom = zoom;
  }

  #up(event: PointerEvent): void {
    this.#touches.delete(event.pointerId);
    this.#stretch = this.#span();
  }

  #span(): number {
    const [a, b] = [...this.#touches.values()];
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  }

  #middle(): { x: number; y: number } {
    const all = [...this.#touches.values()];
    return { x: all.reduce((sum, one) => sum + one.x, 0) / all.length, y: all.reduce((sum, one) => sum + one.y, 0) / all.length };
  }
}
