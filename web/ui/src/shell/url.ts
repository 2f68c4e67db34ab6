// Addresses of this page and of the API. Pure.

/** "/a?b=c" from a path and the values that are set; nulls and empty strings are left out. */
export function urlOf(path: string, values: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  // Commas are kept as they are: the wall's URL is read by people too.
  const query = pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value)).replaceAll("%2C", ",")}`);
  return query.length ? `${path}?${query.join("&")}` : path;
}
