// What went wrong, in the reader's language: known reasons, else known codes, have a sentence of ours; others keep the
// server's words.
import { m } from "../shell/messages";
import { ApiError, Unreachable } from "./client";
import { sentence } from "./reasons";

const BY_CODE: Record<string, () => string> = {
  forbidden: m.error_forbidden,
  not_found: m.error_not_found,
  conflict: m.error_conflict,
  bus: m.error_no_responder,
  no_responder: m.error_no_responder,
  bus_timeout: m.error_timeout,
  catalogue: m.error_catalogue,
  object_unavailable: m.error_storage,
};

/** One line a person can act on. */
export function words(error: unknown): string {
  if (error instanceof Unreachable) return m.error_unreachable();
  if (error instanceof ApiError) {
    const known = BY_CODE[error.code];
    const rest = known ? known() : [error.message, error.hint].filter(Boolean).join(" ");
    return sentence(error.said, rest || m.error_unknown());
  }
  return m.error_unknown();
}
