// Which of our languages a browser asks for first.
import { expect, test } from "vitest";
import { firstOf } from "./locale.svelte";

test.each([
  [["en-US", "en"], "en"],
  [["en-GB", "id"], "en"],
  [["id-ID", "en"], "id"],
  [["de-DE", "en", "id"], "en"],
  [["de"], null],
  [[], null],
] as const)("%j", (asked, language) => {
  expect(firstOf(asked)).toBe(language);
});
