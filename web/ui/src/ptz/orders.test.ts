import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Orders } from "./orders";
import { STILL, type Speed } from "./ptz";

const speed = (pan: number): Speed => ({ pan, tilt: 0, zoom: 0 });

class Camera {
  told: (number | "stop")[] = [];
  answers: ((error?: unknown) => void)[] = [];
  slow = false;
  failures: unknown[] = [];
  took = 0;
  bar = true;
  orders = new Orders(
    { move: (wanted) => this.#say(wanted.pan), stop: () => this.#say("stop") },
    { took: () => void this.took++, failed: (error) => (this.failures.push(error), this.bar) },
    () => Date.now(),
  );

  #say(what: number | "stop"): Promise<void> {
    this.told.push(what);
    if (!this.slow) return Promise.resolve();
    return new Promise((resolve, reject) => this.answers.push((error) => (error ? reject(error) : resolve())));
  }
}

describe("orders to a camera", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("a move is said at once, again while the hand stays, and stopped when it lets go", async () => {
    const camera = new Camera();
    camera.orders.set(speed(0.5));
    expect(camera.told).toEqual([0.5]);
    await vi.advanceTimersByTimeAsync(900);
    expect(camera.told).toEqual([0.5, 0.5, 0.5]);
    camera.orders.set(STILL);
    expect(camera.told.at(-1)).toBe("stop");
    await vi.advanceTimersByTimeAsync(5000);
    expect(camera.told.filter((one) => one === "stop")).toHaveLength(1);
    expect(camera.took).toBe(2); // The move and the stop; what was said again reached no camera.
  });

  test("of what a hand did while an order was on its way only the last is said", async () => {
    const camera = new Camera();
    camera.slow = true;
    for (let step = 1; step <= 9; step++) camera.orders.set(speed(step / 10));
    expect(camera.told).toEqual([0.1]);
    await vi.advanceTimersByTimeAsync(200);
    camera.answers[0]?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(camera.told).toEqual([0.1, 0.9]);
  });

  test("a fast hand gives at most eleven orders a second", async () => {
    const camera = new Camera();
    for (let step = 1; step <= 100; step++) {
      camera.orders.set(speed(step / 100));
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(camera.told.length).toBeLessThanOrEqual(12);
  });

  test("a stop does not wait for an answer that is late, and is said again when that comes after all", async () => {
    const camera = new Camera();
    camera.slow = true;
    camera.orders.set(speed(1));
    camera.orders.set(STILL);
    await vi.advanceTimersByTimeAsync(249);
    expect(camera.told).toEqual([1]);
    await vi.advanceTimersByTimeAsync(1);
    expect(camera.told).toEqual([1, "stop"]);
    camera.answers[1]?.();
    camera.answers[0]?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(camera.told).toEqual([1, "stop", "stop"]);
  });

  test("who is refused says no more until the hand lets go, and stops nothing that is another's", async () => {
    const camera = new Camera();
    camera.slow = true;
    camera.orders.set(speed(1));
    camera.answers[0]?.(new Error("held"));
    await vi.advanceTimersByTimeAsync(2000);
    camera.orders.set(speed(0.5));
    await vi.advanceTimersByTimeAsync(2000);
    camera.orders.set(STILL);
    await vi.advanceTimersByTimeAsync(2000);
    expect([camera.told, camera.failures.length]).toEqual([[1], 1]);
    camera.orders.set(speed(0.2));
    expect(camera.told).toEqual([1, 0.2]);
  });

  test("what was lost may have arrived: it is tried again, and stopped", async () => {
    const camera = new Camera();
    [camera.slow, camera.bar] = [true, false];
    camera.orders.set(speed(1));
    camera.answers[0]?.(new Error("away"));
    await vi.advanceTimersByTimeAsync(400);
    expect(camera.told).toEqual([1, 1]);
    camera.answers[1]?.(new Error("away"));
    await vi.advanceTimersByTimeAsync(0);
    camera.orders.set(STILL);
    expect(camera.told).toEqual([1, 1, "stop"]);
  });

  test("the end comes when nothing is on its way", async () => {
    const camera = new Camera();
    camera.slow = true;
    camera.orders.set(speed(1));
    let over = false;
    void camera.orders.end().then(() => (over = true));
    camera.answers[0]?.();
    await vi.advanceTimersByTimeAsync(0);
    expect([camera.told, over]).toEqual([[1, "stop"], false]);
    camera.answers[1]?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(over).toBe(true);
  });
});
