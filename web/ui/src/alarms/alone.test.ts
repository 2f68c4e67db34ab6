// Whose turn it is to sound.
import { expect, test } from "vitest";
import { Alone, type Locks } from "./alone";

type Held = () => Promise<void>;

/** Web Locks of one name, as far as they are used: a queue, a signal for who waits, and who steals. */
class FakeLocks {
  #waiting: { go: () => void }[] = [];
  #lose: (() => void) | null = null;

  request = ((_name: string, options: LockOptions, held: Held): Promise<void> =>
    new Promise((resolve, reject) => {
      const go = (): void => {
        this.#lose = () => reject(new DOMException("stolen", "AbortError"));
        const mine = this.#lose;
        void held().then(() => {
          resolve();
          if (this.#lose !== mine) return;
          this.#lose = null;
          this.#waiting.shift()?.go();
        });
      };
      if (options.steal) {
        this.#lose?.();
        return go();
      }
      if (!this.#lose) return go();
      const waiter = { go };
      this.#waiting.push(waiter);
      options.signal?.addEventListener("abort", () => {
        this.#waiting = this.#waiting.filter((one) => one !== waiter);
        reject(new DOMException("aborted", "AbortError"));
      });
    })) as unknown as Locks["request"];
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

test("the window where a person is sounds, whoever was there first", async () => {
  const locks = new FakeLocks();
  const [first, second] = [new Alone("x", locks), new Alone("x", locks)];
  const ends = [first.start(), second.start()];
  await settled();
  expect([first.mine, second.mine]).toEqual([true, false]);
  second.take();
  await settled();
  expect([first.mine, second.mine]).toEqual([false, true]);
  ends[1]?.();
  await settled();
  expect([first.mine, second.mine]).toEqual([true, false]);
  ends[0]?.();
  await settled();
  first.take();
  await settled();
  expect([first.mine, second.mine]).toEqual([false, false]);
});

test("one that waits still has its turn after it took it and lost it again", async () => {
  const locks = new FakeLocks();
  const [first, second] = [new Alone("x", locks), new Alone("x", locks)];
  const ends = [first.start(), second.start()];
  for (const window of [second, first, second]) {
    window.take();
    window.take();
    await settled();
    expect([first.mine, second.mine]).toEqual([window === first, window === second]);
  }
  for (const end of ends) end();
});

test("without locks each window sounds", () => {
  const one = new Alone("x", undefined);
  const end = one.start();
  one.take();
  expect(one.mine).toBe(true);
  end();
  expect(one.mine).toBe(false);
});
