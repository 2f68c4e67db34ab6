// A file of cameras as the page has it: what kind it is, which of its lines are shown, where a fault stands. Pure.
import type { SheetFate, SheetFault, SheetLine, SheetResult } from "../api/types";

export const FATES: readonly SheetFate[] = ["refused", "new", "changed", "unchanged"];
export const BYTES_MAX = 4_000_000;
/** A browser is slow with more rows than that; the filter leads to the others. */
export const SHOWN_MAX = 500;

const TYPES: Record<string, string> = { csv: "text/csv", yaml: "application/yaml", yml: "application/yaml" };

/** The media type of a file by its name; empty where it is no file of cameras. */
export function typeOf(name: string): string {
  return TYPES[name.slice(name.lastIndexOf(".") + 1).toLowerCase()] ?? "";
}

/** What is shown first: what is refused, where something is. */
export function firstFilter(result: SheetResult): SheetFate | "all" {
  return result.refused ? "refused" : "all";
}

export function shownLines(result: SheetResult, filter: SheetFate | "all"): SheetLine[] {
  return filter === "all" ? result.lines : result.lines.filter((line) => line.fate === filter);
}

/** How many cameras a file would register or change. */
export function toDo(result: SheetResult): number {
  return result.new + result.changed;
}

/** Whether the place of a fault is worth saying: that of a whole line is the line. */
export function hasPlace(fault: SheetFault): boolean {
  return fault.column !== "" && fault.place > 0;
}

/** The address of the API for a file. */
export function addressOf(options: { dryRun: boolean; whole: boolean; makeSites: boolean }): string {
  const query = new URLSearchParams();
  if (options.dryRun) query.set("dry_run", "true");
  if (options.whole) query.set("whole", "true");
  if (options.makeSites) query.set("make_sites", "true");
  const text = query.toString();
  return `/api/cameras/import${text ? `?${text}` : ""}`;
}

/** A file to begin with, for a site that is there. */
export function example(site: string): string {
  const row = (name: string, host: string): string => `${site},${name},rtsp://${host}/stream1,rtsp://${host}/stream2,operator,,,`;
  const heading = "site,name,main,sub,username,password,latitude,longitude";
  return [heading, row("Pasar Besar", "10.20.1.15"), row("Dermaga", "10.20.1.16"), ""].join("\r\n");
}

const cell = (value: string): string => `"${value.replaceAll('"', '""')}"`;
const plain = (value: string): string => (/^\s*[=+\-@'\t]/.test(value) ? `'${value}` : value);

/** A file of cameras (RFC 4180) that the page makes itself: an apostrophe keeps what begins like a formula, but in passwords. */
export function csvOf<Column extends string>(columns: readonly Column[], rows: readonly Record<Column, string>[]): string {
  const line = (row: Record<Column, string>): string => columns.map((column) => cell(column === "password" ? row[column] : plain(row[column]))).join(",");
  return [columns.join(","), ...rows.map(line)].join("\r\n");
}
