// A server that is away is found again by a connection of its own, and asked nothing else meanwhile.
import { afterEach, beforeEach, expect, test, vi } from "vitest";

class Socket {
  static all: Socket[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;
  constructor(readonly url: string) {
    Socket.all.push(this);
  }
  close(): void {
    this.closed = true;
  }
}
const asked = vi.fn((_path: string, options?: RequestInit) => new Promise<Response>((_, no) => options?.signal?.addEventListener("abort", () => no(new Error("aborted")))));

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
  Socket.all = [];
  asked.mockClear();
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("fetch", asked);
  vi.stubGlobal("location", { protocol: "https:", host: "vms" });
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("removeEventListener", () => undefined);
  vi.stubGlobal("document", { addEventListener: () => undefined, removeEventListener: () => undefined });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("knocks make a new connection again and again until one opens", async () => {
  const { reach } = await import("./reach.svelte");
  const back = vi.fn();
  reach.onBack(back);
  reach.lost();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(Socket.all.length).toBeGreaterThanOrEqual(4);
  expect(Socket.all.slice(0, -1).every((socket) => socket.closed)).toBe(true);
  expect(Socket.all[0]?.url).toBe("wss://vms/healthz");
  expect(back).not.toHaveBeenCalled();
  Socket.all.at(-1)?.onopen?.();
  expect(reach.online).toBe(true);
  expect(back).toHaveBeenCalledOnce();
  const before = Socket.all.length;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(Socket.all.length).toBe(before);
});

test("a knock that is refused is followed by the next a second later, and /healthz is asked beside it without credentials", async () => {
  const { reach } = await import("./reach.svelte");
  reach.lost();
  await vi.advanceTimersByTimeAsync(200);
  Socket.all[0]?.onclose?.();
  await vi.advanceTimersByTimeAsync(1000);
  expect(Socket.all.length).toBe(2);
  expect(asked).toHaveBeenCalledWith("/healthz", expect.objectContaining({ credentials: "omit" }));
});

test("nothing is asked of a server that is away", async () => {
  const { reach } = await import("./reach.svelte");
  const { call, Unreachable } = await import("../api/client");
  reach.lost();
  await expect(call("GET", "/api/sites")).rejects.toBeInstanceOf(Unreachable);
  expect(asked).not.toHaveBeenCalled();
});

test("several doubts at once are one question, and no loss while it is answered", async () => {
  const { reach } = await import("./reach.svelte");
  let answer: () => void = () => undefined;
  asked.mockImplementationOnce(() => new Promise((yes) => (answer = () => yes(new Response(null, { status: 200 })))));
  const doubts = Array.from({ length: 6 }, () => reach.check());
  await vi.advanceTimersByTimeAsync(0);
  expect([asked.mock.calls.length, reach.online]).toEqual([1, true]);
  answer();
  await Promise.all(doubts);
  expect(reach.online).toBe(true);
});
