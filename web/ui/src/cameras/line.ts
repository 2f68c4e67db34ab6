// What a site's footage costs on its line to the center, by what a camera gives as a rule; `vms doctor` knows it exactly.
import type { Camera, CopyPolicy, Site, StreamName } from "../api/types";

const MBPS: Record<StreamName, number> = { main: 2, sub: 0.4 };
/** Of a line that planned traffic may take; the rest is for live video and for catching up. */
export const LINE_SHARE = 0.7;
export const CENTER = "home";

export interface Cost {
  mbps: number;
  gbADay: number;
}

export type Planned = Pick<Camera, "enabled"> & { streams: { name: StreamName; record?: string }[] };

/** What goes over the line all day under a policy, in the mean. */
export function costOf(policy: CopyPolicy, cameras: readonly Planned[]): Cost {
  const streams = cameras.filter((camera) => camera.enabled).flatMap((camera) => camera.streams);
  const sent = streams.filter((stream) => stream.record === "continuous" && (policy === "all" || (policy === "sub" && stream.name === "sub")));
  const mbps = sent.reduce((sum, stream) => sum + MBPS[stream.name], 0);
  return { mbps, gbADay: (mbps * 86_400) / 8000 };
}

/** The policy that counts: everything goes where the site has no Store of its own. */
export function policyOf(site: Pick<Site, "home_store" | "copies">): CopyPolicy {
  return site.home_store === CENTER ? "all" : site.copies;
}

/** What is planned, where it is more than the line bears for long; null where it is not, or nobody knows the line. */
export function overLine(site: Pick<Site, "home_store" | "copies" | "line_mbps">, cameras: readonly Planned[]): { planned: number; line: number } | null {
  const planned = costOf(policyOf(site), cameras).mbps;
  return site.line_mbps !== null && planned > LINE_SHARE * site.line_mbps ? { planned, line: site.line_mbps } : null;
}
