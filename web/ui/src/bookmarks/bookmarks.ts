// Bookmarks over HTTP, and how they lie on a timeline. The grouping is pure.
import { call } from "../api/client";
import type { Page } from "../api/types";
import type { CaseRef } from "../cases/cases";
import { xOf, type View } from "../recordings/view";

/** A moment of a camera that somebody marked. */
export interface Bookmark {
  id: string;
  camera: { id: string; name: string | null };
  site: { id: string; slug: string; name: string } | null;
  /** Capture time. */
  at: string;
  note: string;
  person: { id: string; name: string | null };
  /** Null where it has none, or one does not see it. */
  case: CaseRef | null;
  created_at: string;
}

export const NOTE_MAX = 500;

/** Newest moment first. */
export function list(camera: string | null, limit: number, cursor: string | null = null): Promise<Page<Bookmark>> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (camera) query.set("camera", camera);
  if (cursor) query.set("cursor", cursor);
  return call<Page<Bookmark>>("GET", `/api/bookmarks?${query}`);
}

export function add(camera: string, at: number, note = ""): Promise<Bookmark> {
  return call<Bookmark>("POST", "/api/bookmarks", { body: { camera, at: new Date(at).toISOString(), note } });
}

/** Another note, another case (null: none), or both. */
export function change(id: string, changes: { note?: string; case?: string | null }): Promise<Bookmark> {
  return call<Bookmark>("PATCH", `/api/bookmarks/${id}`, { body: changes });
}

export function remove(id: string, keepalive = false): Promise<void> {
  return call<void>("DELETE", `/api/bookmarks/${id}`, { keepalive });
}

export interface Group {
  x: number;
  bookmarks: Bookmark[];
}

/** Those in view by their place; what would lie closer than `least` pixels to the one before is one group. */
export function grouped(bookmarks: readonly Bookmark[], view: View, width: number, least: number): Group[] {
  const groups: Group[] = [];
  const placed = bookmarks.map((bookmark) => ({ bookmark, x: xOf(view, width, Date.parse(bookmark.at)) }));
  for (const { bookmark, x } of placed.sort((a, b) => a.x - b.x)) {
    if (x < 0 || x > width) continue;
    const last = groups.at(-1);
    if (last && x - last.x < least) last.bookmarks.push(bookmark);
    else groups.push({ x, bookmarks: [bookmark] });
  }
  return groups;
}
