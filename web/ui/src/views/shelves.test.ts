// Shelves of saved views.
import { expect, test } from "vitest";
import { shelves } from "./shelves";
import type { View } from "./views.svelte";

const view = (name: string, folder = "", favourite = false): View => ({ id: name, name, folder, favourite }) as View;
const list = [view("Semua"), view("Pasar", "Malam", true), view("Dermaga", "Malam/Sungai")];
const seen = (search = "") => shelves(list, search).map((shelf) => [shelf.kind, shelf.folder, ...shelf.views.map((one) => one.name)]);

test("favourites, then folders", () => {
  expect(seen()).toEqual([["favourites", "", "Pasar"], ["folder", "", "Semua"], ["folder", "Malam", "Pasar"], ["folder", "Malam/Sungai", "Dermaga"]]);
});

test("a search looks at names and folders", () => {
  expect(seen("malam pasar")).toEqual([["folder", "", "Pasar"]]);
  expect(seen("SUNGAI")).toEqual([["folder", "", "Dermaga"]]);
  expect(seen("x")).toEqual([]);
});
