// Cases, their notes and holds as the API has them (web/schemas_cases.py), and pure questions about them.
import { call } from "../api/client";
import type { Page } from "../api/types";

export type CaseRole = "owner" | "member";

export interface Named {
  id: string;
  name: string | null;
}

export interface CaseRef {
  id: string;
  number: string;
  title: string;
}

export interface Case extends CaseRef {
  description: string;
  state: "open" | "closed";
  people: (Named & { role: CaseRole })[];
  person: Named;
  created_at: string;
  closed_at: string | null;
  /** Whether one owns it. */
  may_change: boolean;
  holds: number;
  held_bytes: number;
  held_segments: number;
  rev: number;
}

export interface Note {
  id: string;
  text: string;
  person: Named;
  at: string;
}

export interface Hold {
  id: string;
  case: string | null;
  case_number: string | null;
  camera: string;
  camera_name: string | null;
  from: string;
  /** Null: without an end. */
  to: string | null;
  reason: string;
  person: Named | null;
  created_at: string;
  removed_at: string | null;
  /** Of one that was taken off: until when it holds, and can be put back. */
  holds_until: string | null;
}

export type CasePatch = Partial<Pick<Case, "title" | "description" | "state">> & { people?: { person: string; role: CaseRole }[] };

/** All that are one's own, the newest first; only the open ones where asked. */
export async function list(open = false): Promise<Case[]> {
  const found: Case[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: "200" });
    if (open) query.set("state", "open");
    if (cursor) query.set("cursor", cursor);
    const page: Page<Case> = await call<Page<Case>>("GET", `/api/cases?${query}`);
    found.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return found;
}

export const change = (one: Case, patch: CasePatch): Promise<Case> => call<Case>("PATCH", `/api/cases/${one.id}`, { body: { ...patch, rev: one.rev } });

/** Where every word typed is in number, title, description or the name of one of its people. */
export function found(cases: readonly Case[], text: string): Case[] {
  const plain = (words: string): string => words.normalize("NFKD").toLowerCase();
  const asked = plain(text).split(/\s+/).filter(Boolean);
  return cases.filter((one) => {
    const about = plain([one.number, one.title, one.description, ...one.people.map((person) => person.name ?? "")].join(" "));
    return asked.every((word) => about.includes(word));
  });
}

/** Whether a hold keeps anything now; one that was taken off does for an hour. */
export const holdsNow = (hold: Hold, now: number): boolean => hold.holds_until === null || Date.parse(hold.holds_until) > now;
