// What this browser decodes, asked once for each kind of video.
import type { Init } from "./fmp4";

const known = new Map<string, boolean>();
const asking = new Set<string>();

export const configOf = (init: Init): VideoDecoderConfig => ({
  codec: init.codec,
  description: init.description,
  codedWidth: init.width,
  codedHeight: init.height,
  optimizeForLatency: true,
});

/** Two that are equal need no new decoder. */
export const kindOf = (init: Init): string => `${init.codec} ${init.width}x${init.height} ${[...init.description].join(",")}`;

/** Whether it can; null: not known yet, ask again. */
export function decodable(init: Init): boolean | null {
  if (typeof VideoDecoder === "undefined") return false;
  const kind = kindOf(init);
  const answer = known.get(kind);
  if (answer !== undefined) return answer;
  if (!asking.has(kind)) {
    asking.add(kind);
    VideoDecoder.isConfigSupported(configOf(init)).then(
      (found) => known.set(kind, found.supported === true),
      () => known.set(kind, false),
    );
  }
  return null;
}

/** As people know it. */
export const codecName = (codec: string): string => (/^h(vc|ev)1/.test(codec) ? "H.265" : codec.startsWith("avc") ? "H.264" : codec);
