// The nouns as the HTTP API gives them. Times are RFC 3339 strings in UTC; nothing here does any work.

export type StreamName = "main" | "sub";

export type Condition = "live" | "connecting" | "stalled" | "auth_failed" | "unreachable" | "unsupported" | "disabled" | "not_reported";

/** Beside English words of the server: their stable name and what is variable in them, see reasons.ts. */
export interface Said {
  reason?: string;
  params?: Record<string, string>;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Person {
  id: string;
  username: string;
  name: string;
  language: string;
  must_change: boolean;
}

export type Right = "live" | "replay" | "export" | "ptz" | "audio" | "operate" | "investigate" | "admin" | "audit";

export interface SignedIn {
  person: Person;
  csrf: string;
  /** What the person may do somewhere. */
  rights: Right[];
  /** What the person may do on everything. */
  everywhere: Right[];
}

export interface Site {
  id: string;
  slug: string;
  name: string;
  parent: string | null;
  cameras: number;
  /** Name of the Store its footage goes to; "home" is the center's. */
  home_store: string;
  copies: CopyPolicy;
  /** What its line to the center carries; null: nobody says. */
  line_mbps: number | null;
  /** Stores its footage can go to now. */
  stores: string[];
  /** What the person may do on all of it. */
  rights: Right[];
  /** Degrees (WGS84), both or neither. */
  longitude: number | null;
  latitude: number | null;
  rev: number;
}

/** What of a site's footage goes to the center too, where it has a Store of its own. */
export type CopyPolicy = "all" | "sub" | "on_demand";

export interface State extends Said {
  condition: Condition;
  since: string | null;
  why: string;
}

export interface CameraStream {
  name: StreamName;
  url: string;
  record?: "continuous" | "off";
  state?: State | null;
}

/** [x, y] as shares of the picture's width and height, from the top left. */
export type Point = [number, number];

/** Where motion is an event: from the share `threshold` of it that changes on. */
export interface Area {
  id?: string;
  name: string;
  polygon: Point[];
  threshold: number;
}

/** Whose pictures a line that is too thin for all goes on carrying. */
export type LinePriority = "low" | "normal" | "high";

export interface Camera {
  id: string;
  /** What operators type for it, for good; null where it has yet to arrive. */
  number: number | null;
  slug: string;
  name: string;
  site: { id: string; slug: string; name: string };
  enabled: boolean;
  audio: boolean;
  transport: "tcp" | "udp";
  username: string | null;
  has_password: boolean;
  state: State;
  streams: CameraStream[];
  retention_days: number | null;
  areas: Area[];
  masks: Point[][];
  analysis: boolean;
  priority: LinePriority;
  /** URL of its ONVIF device; "" where it cannot be steered. */
  onvif: string;
  /** Degrees (WGS84), both or neither; without them it stands at its site's. */
  longitude: number | null;
  latitude: number | null;
  registered_at: string;
  /** What the person may do with it. */
  rights: Right[];
  rev: number;
}

export interface CameraBody {
  site?: string;
  name?: string;
  slug?: string;
  username?: string;
  password?: string;
  transport?: "tcp" | "udp";
  enabled?: boolean;
  audio?: boolean;
  retention_days?: number | null;
  areas?: Area[];
  masks?: Point[][];
  analysis?: boolean;
  priority?: LinePriority;
  onvif?: string;
  longitude?: number | null;
  latitude?: number | null;
  streams?: { name: StreamName; url: string; record?: "continuous" | "off" }[];
  rev?: number;
}

export interface ProbeRequest {
  site?: string;
  /** The camera that is being changed: no double of itself. */
  camera?: string;
  url: string;
  username?: string;
  password?: string;
  transport?: "tcp" | "udp";
}

export interface ProbeFacts {
  codec?: string | null;
  profile?: string | null;
  level?: string | number | null;
  width?: number | null;
  height?: number | null;
  fps?: number | null;
  bitrate_bps?: number | null;
  gop_s?: number | null;
  audio?: unknown;
  b_frames?: boolean | null;
  tracks?: unknown[];
}

export interface Remark extends Said {
  text: string;
}

export interface ProbeResult extends Said {
  ok: boolean;
  code: string;
  message: string;
  hint: string;
  facts: ProbeFacts;
  warnings: Remark[];
  picture: string | null;
}

export interface Coverage {
  from: string;
  to: string;
  recorded_s: number;
  intervals: { from: string; to: string }[];
  gaps: { from: string; to: string; cause: string; state: string }[];
}

export type Severity = "notice" | "warning" | "alarm";

/** Something that happened; `end` is null while it goes on. */
export interface VmsEvent {
  id: string;
  kind: string;
  severity: Severity;
  start: string;
  end: string | null;
  site: { id: string; slug: string; name: string } | null;
  camera: { id: string; name: string | null } | null;
  stream: StreamName | null;
  node: { id: string; name: string | null } | null;
  params: Record<string, unknown>;
}

export interface Events extends Page<VmsEvent> {
  open: Record<Severity, number>;
}

/** All gaps of one cause in a month. */
export interface CauseSum {
  cause: string;
  count: number;
  total_s: number;
  longest_s: number;
}

/** A camera's month. `days`: share of what should have been; null where nothing should have been, or has been yet. */
export interface CameraCoverage {
  id: string;
  slug: string;
  name: string;
  removed: boolean;
  recorded_s: number;
  due_s: number;
  days: (number | null)[];
  causes: CauseSum[];
}

export interface SiteCoverage {
  site: string;
  month: string;
  from: string;
  to: string;
  cameras: CameraCoverage[];
}

/** A camera's week, hour by hour; `causes` are "" where nothing is missing. */
export interface CameraHours {
  id: string;
  slug: string;
  name: string;
  removed: boolean;
  hours: (number | null)[];
  causes: string[];
}

export interface SiteHours {
  site: string;
  week: string;
  from: string;
  to: string;
  cameras: CameraHours[];
}

export interface Readiness {
  ready: boolean;
  services: Record<string, Said & { ok: boolean; why?: string | null }>;
}

/** What becomes of a line of a file of cameras. */
export type SheetFate = "new" | "changed" | "unchanged" | "refused";

/** What is wrong with a line; `column` empty, `place` 0: all of it. */
export interface SheetFault extends Said {
  column: string;
  line: number;
  place: number;
  message: string;
}

export interface SheetLine {
  line: number;
  fate: SheetFate;
  site: string;
  name: string;
  slug: string;
  camera: string | null;
  fields: string[];
  faults: SheetFault[];
}

/** What a file of cameras does, or did where `applied`. */
export interface SheetResult {
  applied: boolean;
  new: number;
  changed: number;
  unchanged: number;
  refused: number;
  sites: { slug: string; name: string; parent: string | null }[];
  lines: SheetLine[];
  undo: string | null;
}

/** A device that was found; `url` empty: only RTSP listens there. */
export interface FoundDevice {
  address: string;
  url: string;
  name: string;
  model: string;
  how: string;
  clock_off_s: number | null;
  cameras: { id: string; name: string | null }[];
}

export interface Discovery extends Said {
  id: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  progress: number;
  found: FoundDevice[];
  elsewhere: number;
  why: string;
}

/** What a device says of itself, or why it says nothing. */
export interface Described extends Said {
  ok: boolean;
  message: string;
  hint: string;
  maker: string;
  model: string;
  firmware: string;
  serial: string;
  clock_off_s: number;
  ptz: boolean;
  elsewhere: number;
  feeds: { name: string; url: string; codec: string; width: number; height: number; fps: number; gop: number }[];
  main: string;
  sub: string;
  warnings: (Said & { text: string })[];
}
