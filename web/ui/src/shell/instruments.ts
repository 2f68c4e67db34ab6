// What tests and measurements may read of the page: window.__vms. Pages put their part in and take it out again.
export interface TileReading {
  tile: number;
  camera: string | null;
  state: string;
  ageMs: number | null;
  /** Presented frames since the page opened. */
  frames: number;
  /** Counter of the last switch of this tile. */
  n: number;
  /** ms since 1970 when the first frame of the present camera was presented; null before. */
  firstFrameAt: number | null;
  /** RTP timestamp of the first Packet of the present camera; null before the server said it. */
  switchedRtp: number | null;
  /** RTP timestamp of the frame presented last. */
  shownRtp: number | null;
}

export interface ReplayReading {
  seek(ms: number): void;
  /** Capture time, ms since 1970, of the frame presented last; null when none is. */
  shownAt(): number | null;
  readonly ready: boolean;
  readonly state: string;
  /** Of several cameras: the clock's instant, its speed (0 at rest), and each tile; null where one is empty. */
  at?(): number;
  rate?(): number;
  tiles?(): ({ camera: string; stream: string; state: string; shownAt: number | null } | null)[];
}

export interface TimelineReading {
  /** performance.now() when it was put on the page. */
  openedAt(): number;
  /** performance.now() of the first picture with anything in it; null before. */
  paintedAt(): number | null;
  /** Steps, in ms, of what the present view is drawn from. */
  pieces(): number[];
}

export interface Instruments {
  tiles?: () => TileReading[];
  replay?: ReplayReading;
  timeline?: TimelineReading;
  /** "up", "connecting", "down" or "pictures". */
  link?: () => string;
}

declare global {
  interface Window {
    __vms: Instruments;
  }
}

window.__vms = window.__vms ?? {};

/** Add readings; gives the function that takes them out. */
export function expose(readings: Instruments): () => void {
  Object.assign(window.__vms, readings);
  return () => {
    for (const key of Object.keys(readings) as (keyof Instruments)[]) {
      if (window.__vms[key] === readings[key]) delete window.__vms[key];
    }
  };
}
