// The language of the page: Bahasa Indonesia unless this browser or this person says otherwise. Kept in this browser.
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

class Locale {
  current = $state<Language>(remembered() ?? "id");

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

  /** What the account says; a choice made at this browser wins. */
  suggest(language: string): void {
    if (remembered() === null && isLanguage(language)) {
      this.current = language;
      document.documentElement.lang = language;
    }
  }
}

export const locale = new Locale();
