// A tour on a wall: what its page waits for.
import { expect, test } from "vitest";
import { TourRun, type PageJson } from "./run.svelte";

const page = (name: string): PageJson => ({ name, view: null, layout: { grid: "1" }, cameras: [name], dwell_s: 10 });

test("a page does not turn under somebody's hands, and goes on when they are done", () => {
  let now = 0;
  const run = new TourRun(() => now, () => undefined);
  const after = (ms: number): number => {
    now += ms;
    run.start()(); // looks once, as its timer does
    return run.index;
  };
  run.set([page("a"), page("b")]);
  expect([after(10_000), after(10_000)]).toEqual([1, 0]);
  run.hold(true);
  expect([after(15_000), run.paused]).toEqual([0, true]);
  run.hold(false);
  expect([run.paused, after(9_000), after(1_000)]).toEqual([false, 0, 1]);
});

test("what a person paused stays so; what they let go on goes on", () => {
  const run = new TourRun(() => 0, () => undefined);
  run.set([page("a"), page("b")]);
  run.toggle();
  run.hold(true);
  run.hold(false);
  expect(run.paused).toBe(true);
  run.toggle();
  run.hold(true);
  run.toggle();
  expect(run.paused).toBe(false);
  run.hold(false);
  expect(run.paused).toBe(false);
});

test("another tour begins running, where everybody else is, whatever was paused before", () => {
  let now = 0;
  const run = new TourRun(() => now, () => undefined);
  run.set([page("a"), page("b")]);
  run.step(1);
  run.toggle();
  now = 5_000;
  run.begin();
  expect([run.paused, run.index]).toEqual([false, 0]);
});
