// What stands under a saved picture and in its file's name: site, camera, capture time in WIB and UTC, and what kind of
// picture it is. Pure.
import type { Camera } from "../api/types";
import type { Language } from "../shell/locale.svelte";
import { wibClock, wibDate, wibField } from "../shell/wib";

export interface Shot {
  camera: Pick<Camera, "name" | "slug" | "site">;
  /** Capture time, ms since 1970. */
  at: number;
  /** False: the page's own clock said so, the picture has none. */
  exact: boolean;
  /** "Live", "Replay", "Late", in the reader's language. */
  kind: string;
}

/** Two lines: who, and when. */
export function captionOf(shot: Shot, language: Language): [string, string] {
  const utc = new Date(shot.at).toISOString();
  const about = shot.exact ? "" : "≈ ";
  const when = `${about}${wibDate(shot.at, language)} ${wibClock(shot.at, 2)} WIB  (${utc.slice(0, 10)} ${utc.slice(11, 22)} UTC)`;
  return [`${shot.camera.site.name} · ${shot.camera.name}`, `${when}  ${shot.kind}`];
}

/** "sampit_pasar-01_2026-11-24_14.03.27_WIB.jpg"; the site is not said twice. */
export function fileNameOf(shot: Shot, ending = "jpg"): string {
  const { slug, site } = shot.camera;
  const named = slug.startsWith(`${site.slug}-`) ? slug : `${site.slug}_${slug}`;
  return `${named}_${wibField(shot.at).replaceAll(":", ".").replace(" ", "_")}_WIB.${ending}`;
}
