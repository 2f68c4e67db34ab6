import { expect, test } from "vitest";
import { soundState, stepped, type SoundFacts } from "./sound";

const ON = { type: "listening", tile: 2, state: "on", cause: null } as const;
const facts = (change: Partial<SoundFacts>): SoundFacts => ({
  tile: 2,
  up: true,
  told: ON,
  taken: true,
  blocked: false,
  held: false,
  muted: false,
  ...change,
});

test("what is heard is called so, and nothing else", () => {
  expect(soundState(facts({}))).toBe("on");
  expect(soundState(facts({ muted: true }))).toBe("muted");
  expect(soundState(facts({ blocked: true, muted: true }))).toBe("blocked");
  expect(soundState(facts({ held: true }))).toBe("held");
  expect(soundState(facts({ up: false }))).toBe("away");
});

test("why nothing is heard", () => {
  const silent = { ...ON, state: "silent" } as const;
  expect(soundState(facts({ told: null }))).toBe("asking");
  expect(soundState(facts({ told: { ...ON, tile: 1 } }))).toBe("asking");
  expect(soundState(facts({ told: { ...silent, cause: "waiting" } }))).toBe("asking");
  expect(soundState(facts({ told: { ...silent, cause: "no_track" } }))).toBe("none");
  expect(soundState(facts({ told: { ...silent, cause: "no_packets" } }))).toBe("away");
  expect(soundState(facts({ told: { ...silent, cause: "no_track" }, taken: false }))).toBe("disabled");
});

test("a sound that comes is on, whatever an old setting says", () => {
  expect(soundState(facts({ taken: false }))).toBe("on");
});

test("the volume has ten steps and no silence", () => {
  expect(stepped(0.5, 1)).toBe(0.6);
  expect(stepped(1, 1)).toBe(1);
  expect(stepped(0.1, -1)).toBe(0.1);
});
