// The facts of a probe as short words and figures in the reader's language.
import type { ProbeFacts } from "../api/types";
import type { Language } from "../shell/locale.svelte";
import { m } from "../shell/messages";

export interface Fact {
  name: string;
  value: string;
}

const CODECS: Record<string, string> = { h264: "H.264", h265: "H.265", hevc: "H.265", mjpeg: "MJPEG", aac: "AAC", pcmu: "G.711 µ", pcma: "G.711 A" };

/** "12.5" or "12,5". */
function number(value: number, language: Language): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value);
}

function rate(bps: number, language: Language): string {
  const prefix = language === "id" ? "/dtk" : "/s";
  return bps >= 1e6 ? `${number(bps / 1e6, language)} Mb${prefix}` : `${number(bps / 1e3, language)} kb${prefix}`;
}

function audio(value: unknown): string {
  if (!value) return m.fact_no_audio();
  if (typeof value === "string") return CODECS[value.toLowerCase()] ?? value;
  if (typeof value === "object" && "codec" in value) return audio((value as { codec: unknown }).codec);
  return m.fact_yes();
}

export function factWords(facts: ProbeFacts, language: Language): Fact[] {
  const found: Fact[] = [];
  const add = (name: string, value: string | null | undefined): void => {
    if (value) found.push({ name, value });
  };
  const codec = facts.codec ? (CODECS[facts.codec.toLowerCase()] ?? facts.codec) : "";
  add(m.fact_codec(), [codec, facts.profile].filter(Boolean).join(" "));
  add(m.fact_size(), facts.width && facts.height ? `${facts.width} × ${facts.height}` : null);
  add(m.fact_rate(), facts.fps ? m.fact_fps({ count: number(facts.fps, language) }) : null);
  add(m.fact_bitrate(), facts.bitrate_bps ? rate(facts.bitrate_bps, language) : null);
  add(m.fact_gop(), facts.gop_s ? m.fact_seconds({ count: number(facts.gop_s, language) }) : null);
  if ("audio" in facts) add(m.fact_audio(), audio(facts.audio));
  if (typeof facts.b_frames === "boolean") add(m.fact_b_frames(), facts.b_frames ? m.fact_yes() : m.fact_no());
  return found;
}
