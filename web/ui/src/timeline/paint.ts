// Draws a timeline in device pixels: an axis in WIB, then a row a camera with what is recorded, gaps by their kind, motion,
// events, bookmarks and holds; over all of them now, the chosen interval, the pointer and the playhead. It draws nothing
// else and reads nothing: one call is one frame.
import type { Span } from "../recordings/spans";
import { ticks, type View } from "../recordings/view";
import type { Language } from "../shell/locale.svelte";
import { wibClock, wibDay, wibMinute } from "../shell/wib";
import { kindOf, type Palette } from "./palette";
import { firstAfter, type Sheet, type Strip } from "./strips";
import type { Piece } from "./tiles";

export interface Scene {
  view: View;
  cameras: readonly string[];
  pieces: readonly Piece<Sheet>[];
  now: number;
  at: number | null;
  selection: Span | null;
  hover: number | null;
  /** The row that keys are about; -1: none. */
  focus: number;
  /** Bookmarks are drawn by somebody else. */
  bare: boolean;
  language: Language;
}

/** In device pixels: of the canvas, the axis and a row; `unit` is a rem. */
export interface Frame {
  width: number;
  height: number;
  axis: number;
  row: number;
  unit: number;
  ratio: number;
}

const GAP_LEAST = 2;
const HOLD_SHARE = 0.12;
const MOTION_SHARE = 0.34;

export function paint(context: CanvasRenderingContext2D, frame: Frame, scene: Scene, colours: Palette): void {
  const { width, height, axis, row } = frame;
  const scale = width / (scene.view.to - scene.view.from);
  const x = (ms: number): number => Math.round((ms - scene.view.from) * scale);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = colours.ground;
  context.fillRect(0, 0, width, height);
  const pad = Math.max(1, Math.round(row * 0.08));
  scene.cameras.forEach((camera, index) => {
    const top = axis + index * row + pad;
    const tall = row - 2 * pad;
    context.fillStyle = index === scene.focus && scene.cameras.length > 1 ? colours.laneChosen : colours.lane;
    context.fillRect(0, top, width, tall);
    for (const piece of scene.pieces) {
      const strip = piece.tile.strips.get(camera);
      if (strip) lane(context, strip, piece, x, top, tall, frame, scene, colours);
    }
  });
  ahead(context, frame, scene, x, colours);
  ruler(context, frame, scene, colours);
  over(context, frame, scene, x, colours);
}

type ToPixel = (ms: number) => number;

function lane(
  context: CanvasRenderingContext2D, strip: Strip, piece: Piece<Sheet>, x: ToPixel, top: number, tall: number, frame: Frame, scene: Scene, colours: Palette,
): void {
  const { from, to } = piece;
  const clip = (span: Span): [number, number] => [x(Math.max(span.from, from)), x(Math.min(span.to, to))];
  const each = <T extends Span>(spans: readonly T[], draw: (one: T, left: number, right: number) => void): void => {
    for (let i = firstAfter(spans, from); i < spans.length; i++) {
      const one = spans[i] as T;
      if (one.from >= to) break;
      draw(one, ...clip(one));
    }
  };
  if (!strip.window || strip.window.from > from) {
    context.fillStyle = colours.ground;
    const right = strip.window ? Math.min(x(strip.window.from), x(to)) : x(to);
    context.fillRect(x(from), top, right - x(from), tall);
  }
  context.fillStyle = colours.bar;
  each(strip.recorded, (_, left, right) => context.fillRect(left, top, Math.max(1, right - left), tall));
  each(strip.gaps, (gap, left, right) => {
    // Many short gaps in little time are as tall as the share that is missing: they are not all of it.
    const share = gap.count > 1 ? Math.max(0.35, gap.missingMs / Math.max(1, gap.to - gap.from)) : 1;
    const high = Math.round(tall * Math.min(1, share));
    context.fillStyle = colours.gaps[kindOf(gap.cause)];
    context.fillRect(left, top + tall - high, Math.max(GAP_LEAST * frame.ratio, right - left), high);
  });
  moved(context, strip, piece, x, top, tall, colours);
  each(strip.events, (event, left, right) => {
    context.fillStyle = event.severity === "alarm" ? colours.danger : colours.bright;
    const thick = Math.max(1, Math.round(frame.ratio * 2));
    context.fillRect(left, top, Math.max(thick, right - left), thick);
    if (event.from >= from) diamond(context, left, top + thick, frame.unit * 0.28);
  });
  each(strip.holds, (_, left, right) => {
    const thick = Math.max(2, Math.round(tall * HOLD_SHARE));
    context.fillStyle = colours.bright;
    context.fillRect(left, top + tall - thick, Math.max(thick, right - left), thick);
    context.fillRect(left, top + tall - 3 * thick, thick, 3 * thick);
    context.fillRect(right - thick, top + tall - 3 * thick, thick, 3 * thick);
  });
  if (!scene.bare) {
    for (const mark of strip.bookmarks) {
      if (mark.at >= from && mark.at < to) flag(context, x(mark.at), top, Math.min(tall, frame.unit), colours);
    }
  }
}

/** Motion as bars that stand on the lane's floor, one a pixel at most: of several steps the greatest. */
function moved(context: CanvasRenderingContext2D, strip: Strip, piece: Piece<Sheet>, x: ToPixel, top: number, tall: number, colours: Palette): void {
  const { tile } = piece;
  const step = tile.motionStepMs;
  const first = Math.max(0, Math.floor((piece.from - tile.from) / step));
  const last = Math.min(strip.motion.length, Math.ceil((piece.to - tile.from) / step));
  const most = tall * MOTION_SHARE;
  let [at, right, peak] = [-1, -1, 0];
  const put = (): void => {
    if (peak === 0) return;
    const high = Math.max(2, Math.round((most * (25 + peak * 0.75)) / 100));
    context.fillRect(at, top + tall - high, Math.max(1, right - at), high);
  };
  context.fillStyle = colours.motion;
  for (let i = first; i < last; i++) {
    const percent = strip.motion[i] as number;
    if (percent === 0) continue;
    const left = x(Math.max(piece.from, tile.from + i * step));
    if (left !== at) {
      put();
      [at, peak] = [left, 0];
    }
    right = x(Math.min(piece.to, tile.from + (i + 1) * step));
    peak = Math.max(peak, percent);
  }
  put();
}

function diamond(context: CanvasRenderingContext2D, x: number, top: number, half: number): void {
  context.beginPath();
  context.moveTo(x - half, top);
  context.lineTo(x + half, top);
  context.lineTo(x, top + half * 1.4);
  context.fill();
}

function flag(context: CanvasRenderingContext2D, x: number, top: number, tall: number, colours: Palette): void {
  const wide = Math.round(tall * 0.4);
  context.fillStyle = "#000";
  context.fillRect(x - 1, top - 1, wide + 2, Math.round(tall * 0.75) + 2);
  context.fillStyle = colours.accent;
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x + wide, top);
  context.lineTo(x + wide, top + tall * 0.75);
  context.lineTo(x + wide / 2, top + tall * 0.5);
  context.lineTo(x, top + tall * 0.75);
  context.fill();
}

/** The future is no gap: it is not there. */
function ahead(context: CanvasRenderingContext2D, frame: Frame, scene: Scene, x: ToPixel, colours: Palette): void {
  const end = Math.max(0, x(scene.now));
  if (end >= frame.width) return;
  context.fillStyle = colours.ground;
  context.fillRect(end, frame.axis, frame.width - end, frame.height - frame.axis);
}

function ruler(context: CanvasRenderingContext2D, frame: Frame, scene: Scene, colours: Palette): void {
  const { width, height, axis, unit } = frame;
  const { step, list } = ticks(scene.view, width, unit * 6);
  context.font = `500 ${unit * 0.8125}px ${colours.font}`;
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (const tick of list) {
    const at = Math.round(((tick.ms - scene.view.from) / (scene.view.to - scene.view.from)) * width);
    context.fillStyle = tick.day ? "rgba(236, 241, 245, 0.3)" : "rgba(236, 241, 245, 0.14)";
    context.fillRect(at, axis - unit * 0.2, Math.max(1, Math.round(frame.ratio)), height - axis);
    const text = tick.day ? wibDay(tick.ms, scene.language) : step < 60_000 ? wibClock(tick.ms, step < 1000 ? 1 : 0) : wibMinute(tick.ms);
    const half = context.measureText(text).width / 2;
    context.fillStyle = tick.day ? colours.text : colours.faint;
    context.fillText(text, Math.min(width - half - 2, Math.max(half + 2, at)), axis * 0.45);
  }
}

function over(context: CanvasRenderingContext2D, frame: Frame, scene: Scene, x: ToPixel, colours: Palette): void {
  const { width, height, axis, unit, ratio } = frame;
  const bar = (at: number, thick: number, top: number): void => context.fillRect(at - Math.floor(thick / 2), top, thick, height - top);
  const thick = Math.max(1, Math.round(2 * ratio));
  if (scene.selection) {
    const [from, to] = [x(scene.selection.from), x(scene.selection.to)];
    context.fillStyle = colours.chosen;
    context.fillRect(from, axis - unit * 0.25, to - from, height - axis + unit * 0.25);
    context.fillStyle = colours.accent;
    for (const edge of [from, to]) {
      bar(edge, thick, axis - unit * 0.25);
      context.fillRect(edge - unit * 0.25, axis - unit * 0.25, unit * 0.5, unit * 0.4);
    }
  }
  const now = x(scene.now);
  if (now >= 0 && now <= width) {
    context.fillStyle = colours.text;
    bar(now, thick, axis - unit * 0.25);
  }
  if (scene.hover !== null) {
    context.fillStyle = "rgba(236, 241, 245, 0.5)";
    bar(x(scene.hover), Math.max(1, Math.round(ratio)), axis);
  }
  if (scene.at === null) return;
  const at = x(scene.at);
  context.fillStyle = "#ffffff";
  bar(at, thick, axis - unit * 0.25);
  context.beginPath();
  context.moveTo(at - unit * 0.4, axis - unit * 0.5);
  context.lineTo(at + unit * 0.4, axis - unit * 0.5);
  context.lineTo(at, axis + unit * 0.1);
  context.fill();
}
