// People with accounts as the API has them (web/schemas_people.py), and pure questions about them.
export const ROLES = ["viewer", "operator", "investigator", "admin", "auditor"] as const;
export type Role = (typeof ROLES)[number];

/** Rights that can be given or taken for one camera. */
export const CAMERA_RIGHTS = ["live", "replay", "export", "ptz", "audio"] as const;
export type CameraRight = (typeof CAMERA_RIGHTS)[number];

export interface Grant {
  role: Role;
  /** Null: everything. */
  site: string | null;
  /** RFC 3339; null: for good. */
  until: string | null;
}

export interface CameraException {
  camera: string;
  right: CameraRight;
  allow: boolean;
  until: string | null;
}

export interface Account {
  id: string;
  username: string;
  name: string;
  language: "id" | "en";
  enabled: boolean;
  must_change: boolean;
  grants: Grant[];
  exceptions: CameraException[];
  signed_in: number;
  rev: number;
  /** Only in the one answer after it was made. */
  password: string | null;
}

export interface SignIn {
  id: string;
  begun_at: string;
  seen_at: string;
  ends_at: string;
  here: boolean;
}

export interface Draft {
  username: string;
  name: string;
  language: "id" | "en";
  enabled: boolean;
  grants: Grant[];
  exceptions: CameraException[];
}

export function draftOf(account: Account | null): Draft {
  if (!account) return { username: "", name: "", language: "id", enabled: true, grants: [{ role: "operator", site: null, until: null }], exceptions: [] };
  const { username, name, language, enabled } = account;
  return { username, name, language, enabled, grants: account.grants.map((one) => ({ ...one })), exceptions: account.exceptions.map((one) => ({ ...one })) };
}

/** What has ended gives nothing any more. */
export function hasEnded(one: { until: string | null }, now: number): boolean {
  return one.until !== null && Date.parse(one.until) <= now;
}

/** The end of a day in WIB as RFC 3339; null where no day is given. */
export function untilOfDay(day: string): string | null {
  return /^\d{4}-\d{2}-\d{2}$/.test(day) ? `${day}T23:59:59+07:00` : null;
}

/** The day in WIB of a time; empty where there is none. */
export function dayOfUntil(until: string | null): string {
  return until === null ? "" : new Date(Date.parse(until) + 7 * 3_600_000).toISOString().slice(0, 10);
}

/** Accounts whose user name, name or words about their grants hold the text. */
export function found(accounts: readonly Account[], text: string, about: (account: Account) => string): Account[] {
  const asked = text.trim().toLowerCase();
  return accounts.filter((one) => `${one.username} ${one.name} ${about(one)}`.toLowerCase().includes(asked));
}
