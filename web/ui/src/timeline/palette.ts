// Colours and patterns of a timeline: gaps are told apart by pattern as well as by colour. Patterns are made once for a
// device-pixel ratio and lie on the canvas, not on the gap, so that a gap of one pixel costs as much as one of a day.
export type Kind = "camera" | "system" | "silent" | "expired" | "calm";

const CAMERA = new Set(["camera_unreachable", "auth_failed", "stream_stalled", "stream_corrupt", "no_keyframe"]);
const CALM = new Set(["schedule", "disabled", "no_motion", "not_registered"]);

/** What of: the camera, the system, a line that is cut, footage that is kept no more, what should not be recorded. */
export function kindOf(cause: string): Kind {
  if (CAMERA.has(cause)) return "camera";
  if (cause === "not_reported") return "silent";
  if (cause === "expired") return "expired";
  return CALM.has(cause) ? "calm" : "system";
}

export const KINDS: readonly Kind[] = ["camera", "system", "silent", "expired", "calm"];

export interface Palette {
  ground: string;
  lane: string;
  laneChosen: string;
  bar: string;
  motion: string;
  line: string;
  text: string;
  faint: string;
  bright: string;
  accent: string;
  chosen: string;
  danger: string;
  font: string;
  gaps: Record<Kind, CanvasPattern | string>;
}

const TILE = 8;

/** `ratio`: device pixels by CSS pixel. */
export function palette(element: Element, ratio: number): Palette {
  const style = getComputedStyle(element);
  const token = (name: string): string => style.getPropertyValue(name).trim();
  const danger = token("--danger");
  const gaps = Object.fromEntries(KINDS.map((kind) => [kind, pattern(kind, ratio, danger, token("--line-strong"))])) as Palette["gaps"];
  return {
    ground: token("--ground"),
    lane: token("--ground-2"),
    laneChosen: token("--ground-3"),
    bar: "#3f7f8c",
    motion: "#a8e6ee",
    line: token("--line-strong"),
    text: token("--text-2"),
    faint: token("--text-3"),
    bright: token("--text-1"),
    accent: token("--accent"),
    chosen: "rgba(76, 201, 216, 0.28)",
    danger,
    font: style.fontFamily,
    gaps,
  };
}

function pattern(kind: Kind, ratio: number, danger: string, line: string): CanvasPattern | string {
  const size = Math.max(4, Math.round(TILE * ratio));
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  if (!context) return danger;
  const fault = kind === "camera" || kind === "system";
  context.fillStyle = fault ? "#2a1719" : kind === "silent" ? "#1d2126" : "#141b22";
  context.fillRect(0, 0, size, size);
  context.strokeStyle = context.fillStyle = fault ? danger : kind === "silent" ? "#b3bfca" : line;
  context.globalAlpha = fault ? 0.85 : 0.6;
  context.lineWidth = Math.max(1, ratio * (fault ? 1.5 : 1));
  context.beginPath();
  if (kind === "camera" || kind === "calm" || kind === "system") slant(context, size, 1);
  if (kind === "system") slant(context, size, -1);
  if (kind === "silent") {
    context.moveTo(size / 2, 0);
    context.lineTo(size / 2, size);
  }
  context.stroke();
  if (kind === "expired") context.fillRect(size / 2 - ratio / 2, size / 2 - ratio / 2, ratio * 1.5, ratio * 1.5);
  return context.createPattern(canvas, "repeat") ?? danger;
}

/** A diagonal that goes on from tile to tile. */
function slant(context: CanvasRenderingContext2D, size: number, way: 1 | -1): void {
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift, way > 0 ? size : 0);
    context.lineTo(shift + size, way > 0 ? 0 : size);
  }
}
