// States and causes in the reader's language.
import { m } from "../shell/messages";

const TILE: Record<string, () => string> = {
  empty: m.tile_empty,
  connecting: m.tile_connecting,
  catching_up: m.tile_catching_up,
  live: m.tile_live,
  late: m.tile_late,
  reconnecting: m.tile_reconnecting,
  offline: m.tile_offline,
  forbidden: m.tile_forbidden,
  unsupported: m.tile_unsupported,
  pictures: m.tile_pictures,
};

const CONDITION: Record<string, () => string> = {
  live: m.condition_live,
  connecting: m.condition_connecting,
  stalled: m.condition_stalled,
  auth_failed: m.condition_auth_failed,
  unreachable: m.condition_unreachable,
  unsupported: m.condition_unsupported,
  disabled: m.condition_disabled,
  not_reported: m.condition_not_reported,
};

const CAUSE: Record<string, () => string> = {
  camera_unreachable: m.cause_camera_unreachable,
  unreachable: m.cause_camera_unreachable,
  auth_failed: m.cause_auth_failed,
  stream_stalled: m.cause_stream_stalled,
  stalled: m.cause_stream_stalled,
  stream_corrupt: m.cause_stream_corrupt,
  no_keyframe: m.cause_no_keyframe,
  node_down: m.cause_node_down,
  overload: m.cause_overload,
  no_motion: m.cause_no_motion,
  spool_full: m.cause_spool_full,
  disk_error: m.cause_disk_error,
  clock_step: m.cause_clock_step,
  not_registered: m.cause_not_registered,
  not_reported: m.cause_not_reported,
  line: m.cause_line,
  transcoders_busy: m.cause_transcoders_busy,
  transcode_failed: m.cause_transcode_failed,
  lost: m.cause_lost,
  unknown: m.cause_unknown,
  schedule: m.cause_schedule,
  disabled: m.cause_disabled,
  expired: m.cause_expired,
  unsupported: m.condition_unsupported,
  no_responder: m.cause_no_responder,
  bus_timeout: m.cause_no_responder,
};

// The services of /readyz; one that is not known here keeps its own name.
const SERVICE: Record<string, () => string> = {
  alive: m.service_alive,
  analysis: m.service_analysis,
  discovery: m.service_discovery,
  "catch up": m.service_catch_up,
  checkpoints: m.service_checkpoints,
  clock: m.service_clock,
  copies: m.service_copies,
  events: m.service_events,
  exporter: m.service_exporter,
  filler: m.service_filler,
  grids: m.service_grids,
  ingest: m.service_ingest,
  leases: m.service_leases,
  loop: m.service_loop,
  metrics: m.service_metrics,
  neighbours: m.service_neighbours,
  pacing: m.service_pacing,
  ptz: m.service_ptz,
  recorder: m.service_recorder,
  retention: m.service_retention,
  rules: m.service_rules,
  stills: m.service_stills,
  stored: m.service_stored,
  streamer: m.service_streamer,
  "sync center": m.service_sync_center,
  "sync center facts": m.service_sync_center_facts,
  "sync outbox": m.service_sync_outbox,
  "sync settings": m.service_sync_settings,
  "sync site facts": m.service_sync_site,
  uploader: m.service_uploader,
  watch: m.service_watch,
  web: m.service_web,
};

export const tileWord = (state: string): string => TILE[state]?.() ?? state;
export const conditionWord = (condition: string): string => CONDITION[condition]?.() ?? condition;
export const serviceWord = (service: string): string => SERVICE[service]?.() ?? service;
export const streamWord = (stream: string): string => (stream === "main" ? m.stream_main_short() : m.stream_sub_short());
export const causeWord = (cause: string): string => CAUSE[cause]?.() ?? cause.replaceAll("_", " ");

/** Causes of gaps that are nobody's fault: nothing should have been recorded, or is kept no more. */
export const CALM: ReadonlySet<string> = new Set(["schedule", "disabled", "expired", "no_motion"]);
