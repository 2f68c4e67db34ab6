// Saved views as the drawer shows them: favourites first, then folder after folder. Pure.
import type { View } from "./views.svelte";

export interface Shelf {
  key: string;
  kind: "favourites" | "folder";
  folder: string;
  views: View[];
}

const plain = (text: string): string => text.normalize("NFKD").toLowerCase();

/** Every word typed must be in the view's name or folder. A favourite stands in its folder too. */
export function shelves(list: readonly View[], search = ""): Shelf[] {
  const words = plain(search).trim().split(/\s+/);
  const found = list.filter((one) => words.every((word) => plain(`${one.name} ${one.folder}`).includes(word)));
  if (search.trim()) return found.length ? [{ key: "found", kind: "folder", folder: "", views: found }] : [];
  const made: Shelf[] = [];
  const favourites = found.filter((one) => one.favourite);
  if (favourites.length) made.push({ key: "favourites", kind: "favourites", folder: "", views: favourites });
  for (const one of found) {
    const last = made.at(-1);
    if (last?.kind === "folder" && last.folder === one.folder) last.views.push(one);
    else made.push({ key: `/${one.folder}`, kind: "folder", folder: one.folder, views: [one] });
  }
  return made;
}
