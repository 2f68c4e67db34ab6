// The lines of the coverage report: how a share is graded and written, what is missing and why, in which order. Pure.
import type { CameraCoverage, CauseSum } from "../api/types";
import { CALM } from "../catalogue/words";
import type { Language } from "../shell/locale.svelte";

/** Each has a look of its own: colour, and a shape or a digit. */
export type Grade = "whole" | "near" | "part" | "less" | "none" | "undue";

export type Order = "worst" | "name";

export interface Sum {
  recordedS: number;
  dueS: number;
  /** Of what should have been; null where nothing should have been. */
  share: number | null;
  missingS: number;
  causes: CauseSum[];
}

export interface Line extends Sum {
  camera: CameraCoverage;
}

export function gradeOf(share: number | null): Grade {
  if (share === null) return "undue";
  if (share >= 1) return "whole";
  if (share >= 0.99) return "near";
  if (share >= 0.9) return "part";
  return share > 0 ? "less" : "none";
}

/** What stands in a cell beside its colour: tenths of what is less than 99 %, a cross for nothing at all. */
export function signOf(share: number | null): string {
  const grade = gradeOf(share);
  if (grade === "near") return "·";
  if (grade === "none") return "×";
  return (grade === "part" || grade === "less") && share !== null ? String(Math.floor(share * 10)) : "";
}

/** "99.9 %", or "99,9 %"; cut, not rounded: what is not whole never reads 100 %, what is not nothing never 0. */
export function percent(share: number | null, language: Language): string {
  if (share === null) return "–";
  const tenths = Math.floor(Math.min(1, share) * 1000 + 1e-9) / 10;
  const shown = share > 0 ? Math.min(share < 1 ? 99.9 : 100, Math.max(0.1, tenths)) : 0;
  const text = new Intl.NumberFormat(language, { minimumFractionDigits: shown % 1 ? 1 : 0, maximumFractionDigits: 1 }).format(shown);
  return `${text}\u00a0%`;
}

function sum(recordedS: number, dueS: number, causes: CauseSum[]): Sum {
  const share = dueS > 0 ? Math.min(1, recordedS / dueS) : null;
  return { recordedS, dueS, share, missingS: Math.max(0, dueS - recordedS), causes: mainFirst(causes) };
}

/** Causes that are somebody's to mend before those that are nobody's fault, the longest first. */
function mainFirst(causes: readonly CauseSum[]): CauseSum[] {
  const calm = (one: CauseSum): number => (CALM.has(one.cause) ? 1 : 0);
  return [...causes].sort((a, b) => calm(a) - calm(b) || b.total_s - a.total_s);
}

export function linesOf(cameras: readonly CameraCoverage[], order: Order): Line[] {
  const byName = (a: Line, b: Line): number => a.camera.name.localeCompare(b.camera.name, "id", { numeric: true, sensitivity: "base" });
  const lines = cameras.map((camera) => ({ camera, ...sum(camera.recorded_s, camera.due_s, camera.causes) }));
  if (order === "name") return lines.sort(byName);
  // Cameras that had nothing to record are no trouble: last.
  return lines.sort((a, b) => (a.share ?? 2) - (b.share ?? 2) || b.missingS - a.missingS || byName(a, b));
}

/** All cameras of the site together. */
export function totalOf(cameras: readonly CameraCoverage[]): Sum {
  const causes = new Map<string, CauseSum>();
  let [recordedS, dueS] = [0, 0];
  for (const camera of cameras) {
    recordedS += camera.recorded_s;
    dueS += camera.due_s;
    for (const one of camera.causes) {
      const had = causes.get(one.cause);
      causes.set(one.cause, {
        cause: one.cause,
        count: (had?.count ?? 0) + one.count,
        total_s: (had?.total_s ?? 0) + one.total_s,
        longest_s: Math.max(had?.longest_s ?? 0, one.longest_s),
      });
    }
  }
  return sum(recordedS, dueS, [...causes.values()]);
}
