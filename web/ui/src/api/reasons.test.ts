// Every reason that has messages is known to the page, and what it does not know keeps the server's words.
import { describe, expect, test } from "vitest";
import id from "../../messages/id.json";
import { REASONS, sentence } from "./reasons";

describe("reasons", () => {
  test("are the messages reason_…", () => {
    const named = Object.keys(id).filter((key) => key.startsWith("reason_"));
    expect(Object.keys(REASONS).map((code) => `reason_${code}`).sort()).toEqual(named.sort());
  });

  test("are said with their parameters", () => {
    expect(sentence({ reason: "no_answer", params: { place: "10.0.0.1:554" } }, "…")).toMatch(/^10\.0\.0\.1:554 /);
  });

  test("unknown or none: the server's words", () => {
    expect(sentence({ reason: "of_the_future" }, "As it said.")).toBe("As it said.");
    expect(sentence({ reason: "constructor" }, "As it said.")).toBe("As it said.");
    expect(sentence({}, "As it said.")).toBe("As it said.");
  });
});
