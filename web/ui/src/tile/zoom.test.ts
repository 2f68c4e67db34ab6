// The geometry of the zoom: it stays under the pointer, never shows beside the picture, and comes back.
import { describe, expect, test } from "vitest";
import { boxOf, clickMeaning, panBy, transformOf, wheelFactor, WHOLE, windowOf, zoomAt } from "./zoom";

const near = (a: number, b: number): void => expect(a).toBeCloseTo(b, 9);

describe("zoom", () => {
  test("what is under the pointer stays there", () => {
    const zoom = zoomAt(WHOLE, 2, 0.25, 0.75);
    near(0.25 * zoom.scale + zoom.x, 0.25);
    near(0.75 * zoom.scale + zoom.y, 0.75);
    const closer = zoomAt(zoom, 1.7, 0.4, 0.6);
    near(((0.4 - zoom.x) / zoom.scale) * closer.scale + closer.x, 0.4);
  });

  test("never beyond 8x nor below the whole", () => {
    expect(zoomAt(WHOLE, 100, 0.5, 0.5).scale).toBe(8);
    expect(zoomAt(zoomAt(WHOLE, 3, 0.1, 0.9), 0.01, 0.5, 0.5)).toEqual(WHOLE);
  });

  test("the picture covers the tile however it is dragged", () => {
    const zoom = zoomAt(WHOLE, 4, 0.5, 0.5);
    expect(panBy(zoom, 9, 9)).toEqual({ scale: 4, x: -0, y: -0 });
    expect(panBy(zoom, -9, -9)).toEqual({ scale: 4, x: -3, y: -3 });
    expect(panBy(WHOLE, 1, 1)).toEqual(WHOLE);
  });

  test("black bars are not zoomed into: a narrow picture stays in the middle until it is wider than the tile", () => {
    const box = boxOf({ width: 1600, height: 900 }, { width: 400, height: 900 });
    expect(box).toEqual({ x: 0.375, y: 0, width: 0.25, height: 1 });
    near(zoomAt(WHOLE, 2, 0, 0.5, box).x, 0.25 - 0.75);
    const seen = windowOf(zoomAt(WHOLE, 2, 0, 0.5, box), box);
    near(seen.x, 0);
    near(seen.width, 1);
    near(seen.height, 0.5);
    const far = panBy(zoomAt(WHOLE, 8, 0.5, 0.5, box), 5, 5, box);
    near(windowOf(far, box).x, 0);
  });

  test("a flat picture has bars above and below", () => {
    expect(boxOf({ width: 100, height: 100 }, { width: 200, height: 100 })).toEqual({ x: 0, y: 0.25, width: 1, height: 0.5 });
    expect(boxOf({ width: 0, height: 0 }, { width: 1, height: 1 })).toEqual({ x: 0, y: 0, width: 1, height: 1 });
  });

  test("the map shows the part that is seen", () => {
    const seen = windowOf(zoomAt(WHOLE, 4, 1, 0));
    expect(seen).toEqual({ x: 0.75, y: 0, width: 0.25, height: 0.25 });
    expect(windowOf(WHOLE)).toEqual({ x: 0, y: 0, width: 1, height: 1 });
    expect(transformOf(WHOLE)).toBe("none");
  });

  test("wheel: towards is closer, steps are bounded, lines and pixels alike", () => {
    expect(wheelFactor(-100, 0, false)).toBeGreaterThan(1.2);
    near(wheelFactor(-3, 1, false), wheelFactor(-48, 0, false));
    near(wheelFactor(1e6, 0, false) * wheelFactor(-1e6, 0, false), 1);
    expect(wheelFactor(-5, 0, true)).toBeGreaterThan(wheelFactor(-5, 0, false));
  });

  test("a click means one thing", () => {
    expect(clickMeaning(1, false, false)).toBe("pick");
    expect(clickMeaning(2, false, false)).toBe("again");
    expect(clickMeaning(1, true, false)).toBeNull();
    expect(clickMeaning(2, true, false)).toBe("whole");
    expect(clickMeaning(1, false, true)).toBeNull();
  });
});
