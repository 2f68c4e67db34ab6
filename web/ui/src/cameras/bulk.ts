// One change for many cameras, as a file that names them and what changes (./sheet.ts). Pure.
import type { Camera } from "../api/types";
import { csvOf } from "./sheet";

/** As typed; empty: stays as it is. */
export interface Bulk {
  enabled: "" | "yes" | "no";
  record: "" | "yes" | "no";
  audio: "" | "yes" | "no";
  retention: string;
  priority: "" | "low" | "normal" | "high";
  username: string;
  password: string;
}

export const NOTHING: Bulk = { enabled: "", record: "", audio: "", retention: "", priority: "", username: "", password: "" };

const COLUMNS = {
  enabled: "enabled",
  record: "record_main",
  audio: "audio",
  retention: "retention_days",
  priority: "priority",
  username: "username",
  password: "password",
} as const;

/** What of it was typed. */
export function changedFields(bulk: Bulk): (keyof Bulk)[] {
  return (Object.keys(COLUMNS) as (keyof Bulk)[]).filter((field) => (field === "password" ? bulk.password : bulk[field].trim()) !== "");
}

/** The file: each camera by its short name, and the columns that change. */
export function bulkFile(cameras: Camera[], bulk: Bulk): string {
  const fields = changedFields(bulk);
  const columns = ["slug", ...fields.map((field) => COLUMNS[field])];
  const rows = cameras.map((camera) => ({ slug: camera.slug, ...Object.fromEntries(fields.map((field) => [COLUMNS[field], bulk[field]])) }));
  return csvOf(columns, rows as Record<string, string>[]);
}
