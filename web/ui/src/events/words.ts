// Events in the reader's language: what happened, and what it is about. A kind this page does not know keeps its name.
import type { Severity, VmsEvent } from "../api/types";
import { causeWord, streamWord } from "../catalogue/words";
import { locale } from "../shell/locale.svelte";
import { m } from "../shell/messages";

const text = (event: VmsEvent, name: string): string => String(event.params[name] ?? "");

const DISK: Record<string, () => string> = { read_only: m.event_disk_read_only, io: m.event_disk_io };

const KIND: Record<string, (event: VmsEvent) => string> = {
  bus_away: m.event_bus_away,
  camera_down: m.event_camera_down,
  catalogue_away: m.event_catalogue_away,
  clock_off: (event) =>
    text(event, "cause") === "offset"
      ? m.event_clock_off({ seconds: (Math.abs(Number(event.params.offset_ms ?? 0)) / 1000).toLocaleString(locale.current) })
      : m.event_clock_unsynchronized(),
  disk_error: (event) => (DISK[text(event, "cause")] ?? m.event_disk_other)(),
  disk_slow: (event) => m.event_disk_slow({ ms: text(event, "write_ms") }),
  motion: (event) => m.event_motion({ area: text(event, "name") || text(event, "area") }),
  node_lost: m.event_node_lost,
  picture_black: m.event_picture_black,
  picture_blurred: m.event_picture_blurred,
  picture_covered: m.event_picture_covered,
  picture_frozen: m.event_picture_frozen,
  picture_moved: m.event_picture_moved,
  site_cut_off: m.event_site_cut_off,
  spool_filling: (event) => m.event_spool_filling({ percent: text(event, "percent") }),
  spool_full: m.event_spool_full,
  store_refusing: (event) =>
    text(event, "cause") === "away" ? m.event_store_away({ store: text(event, "store") }) : m.event_store_refuses({ store: text(event, "store") }),
};

const SEVERITY: Record<Severity, () => string> = { notice: m.severity_notice, warning: m.severity_warning, alarm: m.severity_alarm };

export const eventWord = (event: VmsEvent): string => KIND[event.kind]?.(event) ?? event.kind.replaceAll("_", " ");
export const severityWord = (severity: Severity): string => SEVERITY[severity]();

/** "Pasar Besar · Sampit": what it is about, the nearest first. */
export function aboutWords(event: VmsEvent): string {
  const node = event.camera ? null : (event.node?.name ?? text(event, "node"));
  return [event.camera?.name, node, event.site?.name].filter(Boolean).join(" · ");
}

/** "Camera unreachable · sub only · 3 times". */
export function detailWords(event: VmsEvent): string {
  const cause = event.kind === "camera_down" && event.params.cause ? causeWord(text(event, "cause")) : "";
  const stream = event.stream ? m.event_only_stream({ stream: streamWord(event.stream) }) : "";
  const times = Number(event.params.times ?? 1);
  return [cause, stream, times > 1 ? m.event_times({ count: times }) : ""].filter(Boolean).join(" · ");
}
