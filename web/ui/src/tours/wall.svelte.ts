// A tour on an operator's wall: /wall?tour=<id>. It stands in place of the URL's tiles as long as nobody changes them.
import { router, urlOf } from "../shell/router.svelte";
import { parseAddress, type Address } from "../wall/address";
import { TourRun, type TourPage } from "./run.svelte";
import { tours, type Tour } from "./tours.svelte";

const KEPT = new Set(["chosen", "full"]);

export class WallTour {
  id = $derived(router.query.get("tour"));
  tour: Tour | null = $derived((this.id && tours.byId.get(this.id)) || null);
  gone = $derived(this.id !== null && tours.loaded && !this.tour);
  readonly run: TourRun;

  constructor(serverNow: () => number, warm: (page: TourPage) => void) {
    this.run = new TourRun(serverNow, warm);
  }

  /** What the wall shows: the tour's page, else what the URL says. */
  address = (): Address => {
    const address = parseAddress(router.query);
    const page = this.tour ? this.run.now : null;
    if (page) return { ...address, view: null, rev: null, layout: page.layout, tiles: [...page.cameras] };
    return this.id && !this.gone ? { ...address, tiles: address.tiles ?? [null] } : address;
  };

  /** Choosing or filling a tile leaves the tour running; any other change ends it with what is on the wall then. */
  go = (change: Partial<Address>): boolean => {
    if (!this.tour || !Object.keys(change).every((key) => KEPT.has(key))) return false;
    const { full, chosen } = { ...parseAddress(router.query), ...change };
    router.go(urlOf("/wall", { tour: this.id, full, tile: chosen || null, alarm: router.query.get("alarm") }), { replace: true });
    return true;
  };

  /** What is on this tile stays while the rest of the tour turns. */
  isPinned(tile: number): boolean {
    return this.tour?.pinned.some((pin) => pin.tile === tile) === true;
  }

  start(id: string): void {
    this.run.begin();
    router.go(urlOf("/wall", { tour: id, alarm: router.query.get("alarm") }));
  }

  leave(): void {
    router.go(urlOf("/wall", { alarm: router.query.get("alarm") }));
  }

  /** Space, comma and full stop, while a tour runs. True when the key was ours. */
  key(key: string): boolean {
    if (!this.tour) return false;
    if (key === " ") this.run.toggle();
    else if (key === ",") this.run.step(-1);
    else if (key === ".") this.run.step(1);
    else return false;
    return true;
  }
}
