// The language of the page: what was chosen at this browser (kept there), else English where the browser asks for it before
// Indonesian, else what the account says, else Bahasa Indonesia.
const KEY = "vms.language";

export type Language = "id" | "en";

function isLanguage(value: unknown): value is Language {
  return value === "id" || value === "en";
}

function remembered(): Language | null {
  try {
    const value = localStorage.getItem(KEY);
    return isLanguage(value) ? value : null;
  } catch {
    return null; // Storage can be forbidden; the default language will do.
  }
}

/** The first of ours among the languages that a browser asks for, in its order. */
export function firstOf(asked: readonly string[]): Language | null {
  return asked.map((tag) => tag.toLowerCase().split("-")[0]).find(isLanguage) ?? null;
}

/** Nobody sits at a screen of a wall: what its machine was installed in says nothing. */
const asked = (): readonly string[] => (globalThis.location?.pathname === "/display" ? [] : (globalThis.navigator?.languages ?? []));

class Locale {
  current = $state<Language>(remembered() ?? firstOf(asked()) ?? "id");

  /** The choice of a person at this browser. */
  choose(language: Language): void {
    this.current = language;
    document.documentElement.lang = language;
    try {
      localStorage.setItem(KEY, language);
    } catch {
      // As above: it holds until the next reload.
    }
  }

  /** What the account says; a choice made at this browser wins, and so does a browser that asks for one of ours. */
  suggest(language: string): void {
    if (remembered() === null && firstOf(asked()) === null && isLanguage(language)) {
      this.current = language;
      document.documentElement.lang = language;
    }
  }
}

export const locale = new Locale();
