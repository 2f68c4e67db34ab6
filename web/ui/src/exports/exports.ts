// Exports as the server has them, and what of them is shown. Pure.
import type { StreamName } from "../api/types";
import type { CaseRef } from "../cases/cases";

export type DerivativeKind = "burned" | "composite";

export type ExportState = "queued" | "running" | "done" | "failed" | "cancelled";

interface Named {
  id: string;
  name: string | null;
}

interface Package {
  name: string;
  size_bytes: number;
  signer: string;
  expires_at: string | null;
  left_out: { camera: string; gop: number | null; from: string; to: string; why: string }[];
  left_out_count: number;
}

export interface Export {
  id: string;
  state: ExportState;
  progress: number;
  cameras: Named[];
  from: string;
  to: string;
  stream: StreamName;
  reason: string;
  derivative: { kind: DerivativeKind; masked: boolean } | null;
  person: Named;
  /** Null where it has none, or one does not see it. */
  case: CaseRef | null;
  created_at: string;
  ended_at: string | null;
  why: string;
  why_reason: string;
  package: Package | null;
}

export const goesOn = (one: Export): boolean => one.state === "queued" || one.state === "running";

/** "3.4 MB": thousands, as disks count. */
export function sizeOf(bytes: number, language: string): string {
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = value < 10 ? 1 : 0;
  return `${value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${units[unit]}`;
}
