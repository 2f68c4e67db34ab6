// What is open around the pictures, and what Esc closes first.
import { expect, test } from "vitest";
import { Panels } from "./panels.svelte";

test("Esc closes what lies over the pictures first, then what lies beside them, one after the other", () => {
  const panels = new Panels();
  expect([panels.any, panels.docked, panels.closeOver(), panels.closeBeside()]).toEqual([false, false, false, false]);
  panels.toggle("cameras");
  panels.toggle("views");
  panels.events = panels.help = true;
  expect([panels.any, panels.docked, panels.drawer]).toEqual([true, true, "views"]);
  expect([panels.closeOver(), panels.closeOver()]).toEqual([true, false]);
  expect([panels.closeBeside(), panels.drawer, panels.closeBeside(), panels.drawer, panels.closeBeside()]).toEqual([true, "views", true, null, false]);
  panels.toggle("cameras");
  panels.toggle("cameras");
  expect(panels.drawer).toBeNull();
});
