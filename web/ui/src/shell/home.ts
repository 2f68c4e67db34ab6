// Where a person begins: the first page that they may use.
import { ways } from "./Navigation.svelte";

/** Who may use none of the pages yet reads the help. */
export const home = (): string => ways()[0]?.href ?? "/help";

/** Where to go after sign-in: only a path of this page, never another host. */
export function nextAfterSignIn(query: URLSearchParams): string {
  const next = query.get("next") ?? "";
  return /^\/(?![/\\])/.test(next) && !next.startsWith("/signin") ? next : home();
}
