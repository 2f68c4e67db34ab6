// Moving a mark on the map, by pointer or by arrows: so many pixels from where it was, until it is let go. A click that
// ends a drag is no click. Knows nothing of maps.
const STEP_PX = 4;
const FAR_PX = 32;
const STARTS_PX = 4;
/** Arrows gather into one move, which is done when they rest so long. */
const REST_MS = 900;

const WAYS: Record<string, readonly [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Grip {
  #held: { id: number; x: number; y: number; moved: boolean } | null = null;
  #swallow = false;
  #steps = { dx: 0, dy: 0 };
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly movable: () => boolean,
    private readonly shift: (dx: number, dy: number, done: boolean) => void,
  ) {}

  down = (event: PointerEvent): void => {
    if (!this.movable() || event.button !== 0) return;
    this.#held = { id: event.pointerId, x: event.clientX, y: event.clientY, moved: false };
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  };

  move = (event: PointerEvent): void => {
    if (this.#held?.id !== event.pointerId) return;
    const [dx, dy] = [event.clientX - this.#held.x, event.clientY - this.#held.y];
    if (!this.#held.moved && Math.hypot(dx, dy) < STARTS_PX) return;
    this.#held.moved = true;
    this.shift(dx, dy, false);
  };

  up = (event: PointerEvent): void => {
    if (this.#held?.id !== event.pointerId) return;
    const { x, y, moved } = this.#held;
    this.#held = null;
    if (!moved) return;
    this.#swallow = true;
    if (event.type === "pointerup") this.shift(event.clientX - x, event.clientY - y, true);
    else this.shift(0, 0, false);
  };

  /** Whether a click is one: not the end of a drag. */
  clicks(): boolean {
    const real = !this.#swallow;
    this.#swallow = false;
    return real;
  }

  keys = (event: KeyboardEvent): void => {
    const way = WAYS[event.key];
    if (!this.movable() || !way) return;
    event.preventDefault();
    const by = event.shiftKey ? FAR_PX : STEP_PX;
    this.#steps = { dx: this.#steps.dx + way[0] * by, dy: this.#steps.dy + way[1] * by };
    this.shift(this.#steps.dx, this.#steps.dy, false);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.settle, REST_MS);
  };

  /** What the arrows moved is done now. */
  settle = (): void => {
    clearTimeout(this.#timer);
    const { dx, dy } = this.#steps;
    if (!dx && !dy) return;
    this.#steps = { dx: 0, dy: 0 };
    this.shift(dx, dy, true);
  };

  stop = (): void => clearTimeout(this.#timer);
}
