// Every state a person can come back to is a URL. Uses the History API; knows nothing of the pages.
class Router {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));

  constructor() {
    addEventListener("popstate", () => this.#read());
    addEventListener("click", (event) => this.#follow(event));
  }

  /** Go to a URL of this page: a new entry of the history, or in place of the present one. */
  go(url: string, options: { replace?: boolean } = {}): void {
    if (url === location.pathname + location.search) return;
    if (options.replace) history.replaceState(null, "", url);
    else history.pushState(null, "", url);
    this.#read();
  }

  #read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }

  // Links stay plain anchors (middle click, copy, open in a new tab); a plain click is taken here.
  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = (event.target as Element | null)?.closest?.("a");
    if (!anchor || anchor.target || anchor.hasAttribute("download")) return;
    const url = new URL(anchor.href, location.href);
    if (url.origin !== location.origin || url.pathname.startsWith("/api/")) return;
    event.preventDefault();
    this.go(url.pathname + url.search);
  }
}

export const router = new Router();

/** "/a?b=c" from a path and the values that are set; nulls and empty strings are left out. */
export function urlOf(path: string, values: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  // Commas are kept as they are: the wall's URL is read by people too.
  const query = pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value)).replaceAll("%2C", ",")}`);
  return query.length ? `${path}?${query.join("&")}` : path;
}
