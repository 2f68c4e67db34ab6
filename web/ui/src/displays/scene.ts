// What a display shows, as the API says it, and what the wall makes of it. Pure.
import type { Priority } from "../alarms/alarm";
import type { Address } from "../wall/address";
import { fromJson, type LayoutJson } from "../views/layout";
import type { PageJson, TourPage } from "../tours/run.svelte";

export type Kind = "nothing" | "view" | "tour" | "camera" | "tiles" | "message";
export type Colour = "plain" | "notice" | "alarm";

export interface SceneAlarm {
  id: string;
  kind: string;
  priority: Priority;
  rule: string;
}

export interface Scene {
  kind: Kind;
  subject: string | null;
  name: string;
  /** What it named was deleted. */
  gone: boolean;
  layout: LayoutJson | null;
  cameras: (string | null)[];
  pages: PageJson[];
  text: string;
  colour: Colour;
  until: string | null;
  since: string | null;
  by_name: string;
  /** What brought its camera here, where nobody has. */
  alarm: SceneAlarm | null;
}

/** Layout and cameras of it as the wall takes them; of a tour the page that is due. Nothing: one empty tile. */
export function addressOf(scene: Scene | null, page: TourPage | null): Address {
  const none = { view: null, rev: null, full: null, chosen: 0 };
  if (scene?.kind === "tour" && page) return { ...none, layout: page.layout, tiles: [...page.cameras] };
  if (scene?.layout) return { ...none, layout: fromJson(scene.layout), tiles: [...scene.cameras] };
  return { ...none, layout: fromJson({ grid: "1" }), tiles: [null] };
}

/** Whether there are tiles on it. */
export const hasTiles = (scene: Scene | null): boolean => scene !== null && !scene.gone && (scene.layout !== null || scene.pages.length > 0);

/** Which screen of the machine the address asks for: /display?screen=2; the first where it asks for none. */
export function screenOf(query: URLSearchParams): number {
  const number = Number(query.get("screen") ?? "1");
  return Number.isInteger(number) && number >= 1 && number <= 16 ? number : 1;
}
