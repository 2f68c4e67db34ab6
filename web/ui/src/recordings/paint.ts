// Draws a timeline: recorded bars, gaps hatched by whose fault they are, ticks in WIB, now, a chosen interval, the playhead.
// Pure drawing into the context it is given; colours come from the page's own tokens.
import type { Language } from "../shell/locale.svelte";
import { wibClock, wibDay, wibMinute } from "../shell/wib";
import type { GapSpan, Span } from "./spans";
import { ticks, xOf, type View } from "./view";

export interface Palette {
  ground: string;
  bar: string;
  lane: string;
  line: string;
  text: string;
  faint: string;
  accent: string;
  danger: string;
  font: string;
}

export interface Scene {
  view: View;
  recorded: Span[];
  gaps: GapSpan[];
  now: number;
  /** When the camera was registered: before it there is nothing to record, so nothing is missing. */
  first: number;
  playhead: number | null;
  selection: Span | null;
  hover: number | null;
  language: Language;
}

/** Gaps that are nobody's fault: drawn as an empty lane, not as a fault. */
export const CALM: ReadonlySet<string> = new Set(["schedule", "disabled", "expired", "no_motion"]);

export function palette(element: Element): Palette {
  const style = getComputedStyle(element);
  const token = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ground: token("--ground"),
    bar: "#3f7f8c",
    lane: token("--ground-2"),
    line: token("--line-strong"),
    text: token("--text-2"),
    faint: token("--text-3"),
    accent: token("--accent"),
    danger: token("--danger"),
    font: style.fontFamily,
  };
}

/** Size in CSS pixels; `unit` is the page's rem. */
export function paint(context: CanvasRenderingContext2D, width: number, height: number, unit: number, scene: Scene, colours: Palette): void {
  const { view } = scene;
  const top = unit * 1.75;
  const bottom = height - unit * 0.375;
  const x = (ms: number): number => xOf(view, width, ms);
  context.clearRect(0, 0, width, height);
  context.fillStyle = colours.lane;
  context.fillRect(0, top, width, bottom - top);

  const end = Math.min(width, x(scene.now));
  if (end < width) {
    // The future is no gap: it is not there.
    context.fillStyle = colours.ground;
    context.fillRect(Math.max(0, end), top, width - Math.max(0, end), bottom - top);
  }
  const begin = Math.min(width, x(scene.first));
  if (begin > 0) {
    context.fillStyle = colours.ground;
    context.fillRect(0, top, begin, bottom - top);
  }
  context.fillStyle = colours.bar;
  for (const span of scene.recorded) {
    const from = x(span.from);
    context.fillRect(from, top, Math.max(1, x(span.to) - from), bottom - top);
  }
  for (const gap of scene.gaps) hatch(context, x(gap.from), Math.max(x(gap.from) + 2, x(gap.to)), top, bottom, unit, gap, colours);
  axis(context, width, top, bottom, unit, scene, colours);
  if (scene.selection) {
    const [from, to] = [x(scene.selection.from), x(scene.selection.to)];
    context.fillStyle = "rgba(76, 201, 216, 0.28)";
    context.fillRect(from, top - unit * 0.2, to - from, bottom - top + unit * 0.4);
    context.fillStyle = colours.accent;
    context.fillRect(from - 1, top - unit * 0.2, 2, bottom - top + unit * 0.4);
    context.fillRect(to - 1, top - unit * 0.2, 2, bottom - top + unit * 0.4);
  }
  if (scene.now >= view.from && scene.now <= view.to) {
    context.fillStyle = colours.text;
    context.fillRect(x(scene.now) - 1, top - unit * 0.25, 2, bottom - top + unit * 0.25);
  }
  if (scene.hover !== null) {
    context.fillStyle = "rgba(236, 241, 245, 0.5)";
    context.fillRect(x(scene.hover), top, 1, bottom - top);
  }
  if (scene.playhead !== null) head(context, x(scene.playhead), top, bottom, unit);
}

function hatch(
  context: CanvasRenderingContext2D,
  from: number,
  to: number,
  top: number,
  bottom: number,
  unit: number,
  gap: GapSpan,
  colours: Palette,
): void {
  const calm = CALM.has(gap.cause);
  context.save();
  context.beginPath();
  context.rect(from, top, to - from, bottom - top);
  context.clip();
  context.fillStyle = calm ? colours.lane : "#22171a";
  context.fillRect(from, top, to - from, bottom - top);
  context.strokeStyle = calm ? colours.line : colours.danger;
  context.globalAlpha = calm ? 0.5 : 0.75;
  context.lineWidth = calm ? 1 : 1.5;
  context.beginPath();
  const step = unit * (calm ? 0.9 : 0.5);
  const tall = bottom - top;
  for (let at = Math.floor((from - tall) / step) * step; at < to; at += step) {
    context.moveTo(at, bottom);
    context.lineTo(at + tall, top);
  }
  context.stroke();
  context.restore();
}

function axis(context: CanvasRenderingContext2D, width: number, top: number, bottom: number, unit: number, scene: Scene, colours: Palette): void {
  const { step, list } = ticks(scene.view, width, unit * 6);
  context.font = `500 ${unit * 0.8125}px ${colours.font}`;
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (const tick of list) {
    const at = xOf(scene.view, width, tick.ms);
    context.fillStyle = "rgba(236, 241, 245, 0.14)";
    context.fillRect(at, top, 1, bottom - top);
    const text = tick.day ? wibDay(tick.ms, scene.language) : step < 60_000 ? wibClock(tick.ms) : wibMinute(tick.ms);
    const half = context.measureText(text).width / 2;
    context.fillStyle = tick.day ? colours.text : colours.faint;
    context.fillText(text, Math.min(width - half - 2, Math.max(half + 2, at)), unit * 0.8);
  }
}

function head(context: CanvasRenderingContext2D, at: number, top: number, bottom: number, unit: number): void {
  context.fillStyle = "#ffffff";
  context.fillRect(at - 1, top - unit * 0.25, 2, bottom - top + unit * 0.5);
  context.beginPath();
  context.moveTo(at - unit * 0.4, top - unit * 0.5);
  context.lineTo(at + unit * 0.4, top - unit * 0.5);
  context.lineTo(at, top + unit * 0.1);
  context.fill();
}
