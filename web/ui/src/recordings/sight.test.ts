// Which picture answers a seek: held while the element seeks, judged when that is over, never without an answer.
import { beforeEach, expect, test } from "vitest";
import { Sight } from "./sight";

const FRAME_S = 0.04;
let video = { seeking: false, currentTime: 0, readyState: 4 };
let pictures: number[] = [];
let waiting: (() => void)[] = [];
let sight: Sight;

beforeEach(() => {
  video = { seeking: false, currentTime: 0, readyState: 4 };
  [pictures, waiting] = [[], []];
  sight = new Sight(
    video,
    (mediaTime) => pictures.push(mediaTime),
    (then) => waiting.push(then),
  );
});

function refreshes(): void {
  for (const then of waiting.splice(0)) then();
}

function seek(to: number): void {
  sight.asked();
  Object.assign(video, { seeking: true, currentTime: to, readyState: 1 });
}

function over(): void {
  Object.assign(video, { seeking: false, readyState: 4 });
  sight.seeked(FRAME_S);
}

test("a frame of playback is a picture at once", () => {
  sight.frame(1);
  expect(pictures).toEqual([1]);
});

test("the asked frame, presented before the seek is over, counts when it is", () => {
  seek(5.01);
  sight.frame(5);
  expect(pictures).toEqual([]);
  over();
  expect(pictures).toEqual([5]);
  refreshes();
  expect(pictures).toEqual([5]);
});

test("a frame of the old playback is not the answer when the asked one follows", () => {
  sight.frame(1);
  seek(5.01);
  sight.frame(1.04);
  over();
  sight.frame(5);
  refreshes();
  expect(pictures).toEqual([1, 5]);
});

test("a camera of few frames: what is seen far behind the place is the answer", () => {
  seek(5.18);
  sight.frame(5);
  over();
  expect(pictures).toEqual([]);
  refreshes();
  expect(pictures).toEqual([5]);
});

test("a seek within the frame that is seen needs no new one", () => {
  sight.frame(5);
  seek(5.02);
  over();
  refreshes();
  expect(pictures).toEqual([5, 5]);
});

test("what was held for one seek is no answer to the next", () => {
  seek(5.01);
  sight.frame(5);
  seek(5.03);
  over();
  expect(pictures).toEqual([]);
  sight.frame(5.0);
  refreshes();
  expect(pictures).toEqual([5]);
});

test("a further seek before the refreshes takes the answer away", () => {
  seek(5.18);
  sight.frame(5);
  over();
  seek(9);
  refreshes();
  expect(pictures).toEqual([]);
});

test("nothing of what has been taken out", () => {
  sight.frame(5);
  video.readyState = 0;
  sight.emptied();
  sight.frame(5.04);
  seek(7);
  over();
  refreshes();
  expect(pictures).toEqual([5]);
});
