import { describe, expect, it } from "vitest";
import { alarmTileOf, First, inOrder, minuteOf, replayOf, withAlarm, type Alarm, type Priority } from "./alarm";
import { alarmKey } from "./keys";
import { due, keysOf, PATTERNS } from "./tones";

let count = 0;
function alarm(priority: Priority, raised_s: number, more: Partial<Alarm> = {}): Alarm {
  const raised = new Date(raised_s * 1000).toISOString();
  return {
    id: `a${count++}`,
    kind: "camera_down",
    priority,
    state: "raised",
    raised,
    again: raised,
    times: 1,
    over: null,
    rule: null,
    event: null,
    site: null,
    camera: { id: "c", name: "Pasar" },
    node: null,
    raised_by: null,
    note: "",
    sound: true,
    alarm_tile: true,
    late: false,
    displays: [],
    acknowledgement: null,
    ...more,
  };
}

describe("order", () => {
  it("puts the most pressing first, then who waits longest", () => {
    const [a, b, c] = [alarm(2, 5), alarm(1, 9), alarm(2, 3)];
    expect(inOrder([a, b, c])).toEqual([b, c, a]);
    const late = alarm(1, 1, { late: true });
    expect(inOrder([late, a])).toEqual([a, late]);
  });
});

describe("the first alarm", () => {
  it("is taken on by a key only once it could be read", () => {
    const first = new First();
    first.put("a", 0);
    expect(first.isRead(1)).toBe(true); // there was none before
    first.put("b", 5000);
    first.put("b", 5300);
    expect([5001, 5599, 5600].map((now) => first.isRead(now))).toEqual([false, false, true]);
    first.put("c", 6000, true);
    expect(first.isRead(6001)).toBe(true); // the one before was taken on here
  });
});

describe("the alarm tile", () => {
  it("is named by the address", () => {
    expect(alarmTileOf(new URLSearchParams("alarm=3"))).toBe(3);
    for (const text of ["", "alarm=", "alarm=64", "alarm=-1", "alarm=x"]) expect(alarmTileOf(new URLSearchParams(text))).toBeNull();
  });

  it("shows the alarm's camera and gives its own back", () => {
    const wall = ["a", null, "b"];
    expect(withAlarm(wall, 1, "z")).toEqual(["a", "z", "b"]);
    expect(withAlarm(wall, 1, null)).toBe(wall);
    expect(withAlarm(wall, null, "z")).toBe(wall);
    expect(withAlarm(wall, 3, "z")).toBe(wall);
  });

  it("leaves a camera that is on the wall where it is", () => {
    expect(withAlarm(["a", "b"], 0, "b")).toEqual(["a", "b"]);
  });
});

describe("sound", () => {
  it("is heard at once, again at its pace, and never after", () => {
    const one = alarm(1, 0);
    expect(due([one], new Set(), null, 0)).toBe(1);
    const known = keysOf([one]);
    expect(due([one], known, { key: "", at: 0 }, 3999)).toBeNull();
    expect(due([one], known, { key: "", at: 0 }, 4000)).toBe(1);
    expect(due([], known, { key: "", at: 0 }, 9999)).toBeNull();
  });

  it("of the third priority comes once, and once more when it is raised again", () => {
    const one = alarm(3, 0);
    expect(due([one], keysOf([one]), { key: "", at: 0 }, 1e9)).toBeNull();
    expect(due([{ ...one, again: new Date(5000).toISOString() }], keysOf([one]), { key: "", at: 0 }, 9000)).toBe(3);
  });

  it("keeps silent where the rule says so", () => {
    expect(due([alarm(1, 0, { sound: false })], new Set(), null, 0)).toBeNull();
  });

  it("tells the priorities apart", () => {
    expect(new Set(Object.values(PATTERNS).map((pattern) => pattern.tones.length)).size).toBe(3);
  });
});

describe("a time of day", () => {
  it("is read as people here write it", () => {
    expect(["22:00", "22.30", " 7 ", "24:00", "0:05"].map(minuteOf)).toEqual([1320, 1350, 420, 1440, 5]);
    expect(["", "24:01", "12:60", "x", "1200", "-1"].map(minuteOf)).toEqual([null, null, null, null, null, null]);
  });
});

describe("replay", () => {
  it("begins a little before the cause", () => {
    expect(replayOf(alarm(1, 60))).toBe("/cameras/c/recordings?t=1970-01-01T00%3A00%3A55.000Z");
    expect(replayOf(alarm(1, 60, { camera: null }))).toBeNull();
  });
});

describe("keys", () => {
  it("take on one alarm a press, however long the key is held", () => {
    const did: string[] = [];
    const acts = { drawer: () => did.push("drawer"), mark: () => did.push("mark"), show: () => did.push("show"), take: () => did.push("take"), raise: () => did.push("raise") };
    const act = acts as unknown as Parameters<typeof alarmKey>[3];
    expect(alarmKey("a", false, false, act)).toBe(true);
    expect(alarmKey("a", false, true, act)).toBe(true);
    expect(alarmKey("A", true, false, act)).toBe(true);
    expect(alarmKey("x", false, true, act)).toBe(false);
    expect(did).toEqual(["take", "raise"]);
  });
});
