import { expect, test } from "vitest";
import type { Camera } from "../api/types";
import { bulkFile, changedFields, NOTHING } from "./bulk";

const camera = (slug: string): Camera => ({ slug }) as Camera;

test("only what was typed changes, a password with its spaces", () => {
  expect(changedFields(NOTHING)).toEqual([]);
  expect(changedFields({ ...NOTHING, retention: " ", password: " " })).toEqual(["password"]);
});

test("the file names each camera and what changes", () => {
  const text = bulkFile([camera("a"), camera("b")], { ...NOTHING, retention: "60", password: '=p"' });
  expect(text.split("\r\n")).toEqual(["slug,retention_days,password", '"a","60","=p"""', '"b","60","=p"""']);
});
