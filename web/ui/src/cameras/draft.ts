// A camera as its form holds it: what was typed, what of it must be tried before saving, what is sent. Pure.
import type { Camera, CameraBody, LinePriority, ProbeRequest, StreamName } from "../api/types";
import { degreesText, typedPosition } from "../map/position";

export interface Draft {
  site: string;
  name: string;
  main: string;
  sub: string;
  username: string;
  password: string;
  transport: "tcp" | "udp";
  record: boolean;
  audio: boolean;
  retention: string;
  priority: LinePriority;
  onvif: string;
  latitude: string;
  longitude: string;
}

export const EMPTY: Draft = {
  site: "",
  name: "",
  main: "",
  sub: "",
  username: "",
  password: "",
  transport: "tcp",
  record: true,
  audio: false,
  retention: "",
  priority: "normal",
  onvif: "",
  latitude: "",
  longitude: "",
};

export function draftOf(camera: Camera): Draft {
  const url = (name: StreamName): string => camera.streams.find((stream) => stream.name === name)?.url ?? "";
  return {
    site: camera.site.id,
    name: camera.name,
    main: url("main"),
    sub: url("sub"),
    username: camera.username ?? "",
    password: "",
    transport: camera.transport,
    record: camera.streams.find((stream) => stream.name === "main")?.record !== "off",
    audio: camera.audio,
    retention: camera.retention_days === null ? "" : String(camera.retention_days),
    priority: camera.priority,
    onvif: camera.onvif,
    latitude: degreesText(camera.latitude),
    longitude: degreesText(camera.longitude),
  };
}

/** What decides whether the camera can be reached; a change here wants a new try. */
export function connectionOf(draft: Draft): string {
  return JSON.stringify([draft.main.trim(), draft.sub.trim(), draft.username, draft.password, draft.transport]);
}

export function probeOf(draft: Draft, stream: StreamName, camera = ""): ProbeRequest {
  const request: ProbeRequest = { url: draft[stream].trim(), transport: draft.transport };
  if (camera) request.camera = camera;
  if (draft.site) request.site = draft.site;
  if (draft.username) request.username = draft.username;
  if (draft.password) request.password = draft.password;
  return request;
}

/** "rtsp://user:pass@host/path" is taken apart, so that the password stands in its own field and nowhere else. */
export function splitUserinfo(url: string): { url: string; username: string; password: string } | null {
  const found = /^(rtsps?:\/\/)([^/@\s]*)@(.*)$/i.exec(url.trim());
  if (!found) return null;
  const [username = "", ...rest] = (found[2] ?? "").split(":");
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  return { url: `${found[1]}${found[3]}`, username: decode(username), password: decode(rest.join(":")) };
}

export type Fault = "required" | "url" | "http" | "number" | "position" | "";

export function faults(draft: Draft): Partial<Record<keyof Draft, Fault>> {
  const url = (text: string): Fault => (/^rtsps?:\/\/[^\s/]+/i.test(text.trim()) ? "" : "url");
  const found: Partial<Record<keyof Draft, Fault>> = {};
  if (!draft.site) found.site = "required";
  if (!draft.name.trim()) found.name = "required";
  if (!draft.main.trim()) found.main = "required";
  else if (url(draft.main)) found.main = "url";
  if (draft.sub.trim() && url(draft.sub)) found.sub = "url";
  if (draft.onvif.trim() && !/^https?:\/\/[^\s/@]+/i.test(draft.onvif.trim())) found.onvif = "http";
  if (draft.retention.trim() && !/^[1-9]\d{0,3}$/.test(draft.retention.trim())) found.retention = "number";
  if (typedPosition(draft.latitude, draft.longitude) === undefined) found.latitude = "position";
  return found;
}

/** The body of POST or PATCH. An empty password in an edit keeps the one that is set. */
export function bodyOf(draft: Draft, before: Camera | null): CameraBody {
  const record = draft.record ? "continuous" : "off";
  const streams: NonNullable<CameraBody["streams"]> = [{ name: "main", url: draft.main.trim(), record }];
  const oldSub = before?.streams.find((stream) => stream.name === "sub");
  if (draft.sub.trim()) streams.push({ name: "sub", url: draft.sub.trim(), record: oldSub?.record ?? "off" });
  const position = typedPosition(draft.latitude, draft.longitude);
  const body: CameraBody = {
    site: draft.site,
    name: draft.name.trim(),
    username: draft.username,
    transport: draft.transport,
    audio: draft.audio,
    retention_days: draft.retention.trim() ? Number(draft.retention) : null,
    priority: draft.priority,
    onvif: draft.onvif.trim(),
    longitude: position?.longitude ?? null,
    latitude: position?.latitude ?? null,
    streams,
  };
  if (draft.password) body.password = draft.password;
  if (before) body.rev = before.rev;
  return body;
}
