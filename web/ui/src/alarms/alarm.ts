// Alarms and rules as the HTTP API gives them, and which alarm comes first. Pure.
import type { Page, VmsEvent } from "../api/types";

export type Priority = 1 | 2 | 3;
export type AlarmState = "raised" | "acknowledged" | "closed";
export const NOTE_MAX = 500;
export const PRIORITIES: readonly Priority[] = [1, 2, 3];

interface Named {
  id: string;
  name: string | null;
}

/** `over`: when its cause ended, null while it goes on; `event`: null where a person raised it, with a `note`. */
export interface Alarm {
  id: string;
  kind: string;
  priority: Priority;
  state: AlarmState;
  raised: string;
  again: string;
  times: number;
  over: string | null;
  rule: Named | null;
  event: VmsEvent | null;
  site: { id: string; slug: string; name: string } | null;
  camera: Named | null;
  node: Named | null;
  raised_by: Named | null;
  note: string;
  sound: boolean;
  alarm_tile: boolean;
  /** Its cause was over long before it could be raised. */
  late: boolean;
  displays: string[];
  acknowledgement: { by: Named; at: string; note: string } | null;
}

/** What a tile says of an alarm. */
export type Told = Pick<Alarm, "kind" | "priority" | "event">;

export interface Raised {
  p1: number;
  p2: number;
  p3: number;
}

export interface Alarms extends Page<Alarm> {
  raised: Raised;
}

/** Days 0 Monday to 6 Sunday, minutes of the day, WIB; over midnight where `to_min` is not greater. */
export interface Schedule {
  days: number[];
  from_min: number;
  to_min: number;
}

export interface RuleBody {
  name: string;
  enabled: boolean;
  kinds: string[];
  sites: string[];
  cameras: string[];
  areas: string[];
  schedule: Schedule;
  min_duration_s: number;
  priority: Priority;
  sound: boolean;
  alarm_tile: boolean;
  /** Ids of screens that its camera is brought onto. */
  displays: string[];
  /** For so long at most; 0: until somebody acknowledges. */
  display_s: number;
  cooldown_s: number;
}

export interface Rule extends RuleBody {
  id: string;
  rev: number;
}

/** What is left of a rule that the server cannot read. */
export interface BrokenRule {
  id: string;
  name: string;
  rev: number;
}

export interface Rules extends Page<Rule> {
  kinds: string[];
  broken: BrokenRule[];
}

export interface Preview {
  hours: number;
  raised: number;
  times: string[];
  more: boolean;
}

/** The most pressing first, late ones last; of one priority the one that waits longest, so that a picture is not taken
 * from who looks. */
export function inOrder(alarms: readonly Alarm[]): Alarm[] {
  return [...alarms].sort((a, b) => Number(a.late) - Number(b.late) || a.priority - b.priority || Date.parse(a.raised) - Date.parse(b.raised) || (a.id < b.id ? -1 : 1));
}

/** The cameras of a wall with an alarm's on the alarm tile; as they are where there is no such tile or no such alarm. */
export function withAlarm(cameras: (string | null)[], tile: number | null, camera: string | null): (string | null)[] {
  if (tile === null || camera === null || tile >= cameras.length || cameras.includes(camera)) return cameras;
  return cameras.map((id, index) => (index === tile ? camera : id));
}

/** The tile that an address marks as the alarm tile; null: none. */
export function alarmTileOf(query: URLSearchParams): number | null {
  const text = query.get("alarm") ?? "";
  return /^\d{1,2}$/.test(text) && Number(text) < 64 ? Number(text) : null;
}

/** "22:00", "22.00" or "22" as minutes of the day, 24:00 among them; null where it is no time of day. */
export function minuteOf(text: string): number | null {
  const found = /^(\d{1,2})(?:[:.](\d{2}))?$/.exec(text.trim());
  if (!found) return null;
  const [hour, minute] = [Number(found[1]), Number(found[2] ?? 0)];
  return minute < 60 && hour * 60 + minute <= 1440 ? hour * 60 + minute : null;
}

/** Page of a camera's recordings a little before the alarm's cause began; null where there is no camera. */
export function replayOf(alarm: Alarm): string | null {
  if (!alarm.camera) return null;
  const at = Date.parse(alarm.event?.start ?? alarm.raised) - 5000;
  return `/cameras/${alarm.camera.id}/recordings?t=${encodeURIComponent(new Date(at).toISOString())}`;
}

/** How long an alarm has to be the first before a key takes it on: time to read what it is. */
const READ_MS = 600;

/** Which alarm comes first, and since when. A key means the one that a person read, never one that came between. */
export class First {
  #id: string | null = null;
  #since = -Infinity;

  /** This one comes first now. `own`: because this person took on the one before; they know that others wait. */
  put(id: string | null, now: number, own = false): void {
    if (id === this.#id) return;
    // Where none was before nothing can be meant but this one.
    this.#since = own || this.#id === null ? -Infinity : now;
    this.#id = id;
  }

  isRead(now: number): boolean {
    return now - this.#since >= READ_MS;
  }
}
