// A search is its address, both ways; what is found is in order, once, and leads to its moment.
import { describe, expect, test } from "vitest";
import { exportUrl, inOrder, lines, missingOf, momentUrl, ofHit, type MotionLine } from "./found";
import { addressOf, fault, motionBody, polygonsOf, queryOf, toldUrl, type Query } from "./query";

const NOW = Date.parse("2026-11-24T10:00:30Z");
const of = (text: string): Query => queryOf(new URLSearchParams(text), NOW);

describe("a search", () => {
  test("is of the last day unless its address says otherwise", () => {
    const query = of("");
    expect([new Date(query.from).toISOString(), new Date(query.to).toISOString()]).toEqual(["2026-11-23T10:00:00.000Z", "2026-11-24T10:00:00.000Z"]);
    expect([query.what, query.go, query.level]).toEqual(["told", false, 3]);
  });

  test("is the same after its address was read", () => {
    for (const text of [
      "what=motion&cameras=a,b&from=2026-11-20T00:00:00.000Z&to=2026-11-21T00:00:00.000Z&hours=1320-240&days=0,5&area=0.1,0.1,0.5,0.1,0.5,0.6&level=5&least=10&go=1",
      "cameras=a&site=s&from=2026-11-20T00:00:00.000Z&to=2026-11-21T00:00:00.000Z&q=pasar%20gelap&kinds=motion,camera_down&sources=event&go=1",
    ]) {
      const query = of(text);
      expect(of(addressOf(query).split("?")[1] ?? "")).toEqual(query);
    }
  });

  test("takes nothing from an address that is none", () => {
    const query = of("what=x&from=yesterday&hours=99-99&days=9,x&level=7&least=-1&area=1,2,3;0.1,0.2;a,b,c,d,e,f&sources=rumour");
    expect(query).toEqual(of(""));
    expect(polygonsOf("0,0,1,0,1,1;2,0,1,0,1,1")).toEqual([[[0, 0], [1, 0], [1, 1]]]); // prettier-ignore
  });

  test("says what the server is asked for", () => {
    const motion = motionBody(of("what=motion&cameras=a&hours=120-240&level=1&go=1"));
    expect(motion).toMatchObject({ cameras: ["a"], threshold: 0.15, least_s: 0, schedule: { from_min: 120, to_min: 240 } });
    expect(motionBody(of("what=motion&cameras=a")).schedule).toBeNull();
    expect(toldUrl(of("q=pasar&kinds=motion&days=0&hours=0-60"), "c", 10)).toMatch(/limit=10&q=pasar&kind=motion&day=0&to_min=60&cursor=c$/);
  });

  test("for motion needs cameras, and any needs time", () => {
    expect(fault(of("what=motion"))).toBe("cameras");
    expect(fault(of(`what=motion&cameras=${Array.from({ length: 17 }, (_, i) => `c${i}`).join(",")}`))).toBe("many");
    expect(fault(of("from=2026-11-24T09:00:00Z&to=2026-11-24T08:00:00Z"))).toBe("times");
    expect(fault(of(""))).toBe("");
  });
});

const line = (camera: string, hour: number, missing: MotionLine["missing"] = []): MotionLine => ({
  camera,
  from: "2026-11-24T00:00:00Z",
  to: "2026-11-25T00:00:00Z",
  hits: [{ from: `2026-11-24T0${hour}:00:00Z`, to: `2026-11-24T0${hour}:00:09Z`, score: 0.2, peak_at: `2026-11-24T0${hour}:00:04Z`, recorded: true }],
  missing,
  away: false,
  cut: false,
  searched: 1,
  of: 2,
});

describe("what is found", () => {
  const hits = [line("b", 3), line("a", 1), line("b", 3)].flatMap((one) => one.hits.map((hit) => ofHit(one.camera, hit)));

  test("is in order of time, each once", () => {
    expect(inOrder(hits).map((one) => one.camera)).toEqual(["a", "b"]);
  });

  test("leads to a little before its moment, and all of it into one export", () => {
    expect(momentUrl(hits[1] as never)).toContain("2026-11-24T00%3A59%3A58.000Z");
    expect(decodeURIComponent(exportUrl(hits))).toBe("/exports/new?camera=b,a&from=2026-11-24T00:59:50.000Z&to=2026-11-24T03:00:19.000Z");
  });

  test("what nobody has looked at yet is one thing to be done", () => {
    const some = [line("a", 1, [{ from: "2026-11-24T04:00:00Z", to: "2026-11-24T05:00:00Z" }]), line("b", 2), line("c", 3, [{ from: "2026-11-24T01:00:00Z", to: "2026-11-24T01:30:00Z" }])];
    expect(missingOf([line("a", 1)])).toBeNull();
    expect(missingOf(some)).toEqual({ cameras: ["a", "c"], from: Date.parse("2026-11-24T01:00:00Z"), to: Date.parse("2026-11-24T05:00:00Z"), ms: 5400_000 });
  });

  test("is read line by line, however it was cut on the way", async () => {
    const text = new TextEncoder().encode(`${JSON.stringify(line("kä", 1))}\n{"end":true,"hits":1,"cut":false}\n`);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < text.length; at += 7) controller.enqueue(text.slice(at, at + 7));
        controller.close();
      },
    });
    const read = [];
    for await (const one of lines(body)) read.push(one);
    expect(read).toEqual([line("kä", 1), { end: true, hits: 1, cut: false }]);
  });
});
