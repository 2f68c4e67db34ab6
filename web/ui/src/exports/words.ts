// The states of an export in the reader's language.
import { m } from "../shell/messages";
import type { ExportState } from "./exports";

const WORDS: Record<ExportState, () => string> = {
  queued: m.exports_queued,
  running: m.exports_running,
  done: m.exports_done,
  failed: m.exports_failed,
  cancelled: m.exports_cancelled,
};

export const stateWord = (state: ExportState): string => WORDS[state]();
