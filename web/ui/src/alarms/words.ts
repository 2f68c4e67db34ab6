// Alarms in the reader's language: what, about what, since when, and who did what.
import { aboutWords, eventWord } from "../events/words";
import { locale } from "../shell/locale.svelte";
import { m } from "../shell/messages";
import { duration, wibSince } from "../shell/wib";
import type { Alarm, AlarmState, Priority, Schedule, Told } from "./alarm";

const KIND: Record<string, () => string> = {
  bus_away: m.event_bus_away,
  camera_down: m.event_camera_down,
  catalogue_away: m.event_catalogue_away,
  clock_off: m.kind_clock_off,
  disk_error: m.kind_disk_error,
  disk_slow: m.kind_disk_slow,
  motion: m.kind_motion,
  node_lost: m.event_node_lost,
  picture_black: m.event_picture_black,
  picture_blurred: m.event_picture_blurred,
  picture_covered: m.event_picture_covered,
  picture_frozen: m.event_picture_frozen,
  picture_moved: m.event_picture_moved,
  site_cut_off: m.event_site_cut_off,
  spool_filling: m.kind_spool_filling,
  spool_full: m.event_spool_full,
  store_refusing: m.kind_store_refusing,
  by_hand: m.kind_by_hand,
};

const PRIORITY: Record<Priority, () => string> = { 1: m.priority_1, 2: m.priority_2, 3: m.priority_3 };
const STATE: Record<AlarmState, () => string> = { raised: m.alarm_raised, acknowledged: m.alarm_acknowledged, closed: m.alarm_closed };
const DAYS = [m.day_1, m.day_2, m.day_3, m.day_4, m.day_5, m.day_6, m.day_7];

export const kindWord = (kind: string): string => KIND[kind]?.() ?? kind.replaceAll("_", " ");
export const priorityWord = (priority: Priority): string => PRIORITY[priority]();
export const stateWord = (state: AlarmState): string => STATE[state]();
export const dayWord = (day: number): string => DAYS[day]?.() ?? "";

/** What happened; of an event in its own words. */
export function alarmWord(alarm: Told): string {
  return alarm.event ? eventWord(alarm.event) : kindWord(alarm.kind);
}

/** "Pasar Besar · Sampit". */
export function alarmAbout(alarm: Alarm): string {
  if (alarm.event) return aboutWords(alarm.event);
  return [alarm.camera?.name ?? alarm.node?.name, alarm.site?.name].filter(Boolean).join(" · ");
}

/** "since 14:03:27", "over after 20 s". */
export function lastedWord(alarm: Alarm, now: number): string {
  const from = Date.parse(alarm.event?.start ?? alarm.raised);
  if (alarm.over === null) return m.alarm_lasts({ duration: duration(Math.floor((now - from) / 1000) * 1000, locale.current) });
  return m.alarm_over({ duration: duration(Math.max(0, Date.parse(alarm.over) - from), locale.current) });
}

/** "known late: happened 02:14:40"; nothing where it came in time. */
export function lateWord(alarm: Alarm, now: number): string {
  return alarm.late && alarm.event ? m.alarm_late({ time: wibSince(Date.parse(alarm.event.start), now, locale.current) }) : "";
}

/** "Rina, 14:05:10". */
export function byWord(alarm: Alarm, now: number): string {
  const done = alarm.acknowledgement;
  return done ? `${done.by.name ?? done.by.id}, ${wibSince(Date.parse(done.at), now, locale.current)}` : "";
}

const clock = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** "always", "Mon Tue · 22:00–05:00". */
export function scheduleWords(schedule: Schedule): string {
  const everyDay = schedule.days.length === 7;
  const allDay = schedule.from_min === 0 && schedule.to_min === 1440;
  if (everyDay && allDay) return m.rule_always();
  const days = everyDay ? m.rule_daily() : schedule.days.map(dayWord).join(" ");
  return allDay ? days : `${days} · ${clock(schedule.from_min)}–${clock(schedule.to_min)}`;
}

export { clock as minuteWord };
