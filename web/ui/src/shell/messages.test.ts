// Both languages say the same things: equal keys, equal placeholders, nothing empty.
import { describe, expect, test } from "vitest";
import en from "../../messages/en.json";
import id from "../../messages/id.json";

const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "").sort();

describe("messages", () => {
  test("have the same keys", () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(id).sort());
  });

  test.each(Object.keys(id).filter((key) => !key.startsWith("$")))("%s", (key) => {
    const [indonesian, english] = [(id as Record<string, string>)[key] ?? "", (en as Record<string, string>)[key] ?? ""];
    expect(indonesian.trim()).not.toBe("");
    expect(english.trim()).not.toBe("");
    expect(holes(english)).toEqual(holes(indonesian));
  });
});
