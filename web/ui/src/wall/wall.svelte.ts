// The wall: which camera is on which tile (the URL says so), the link to the server, and what a person may do to it.
// Screens read it and call it; all of it lives as long as the wall's page.
import { alarmTileOf, withAlarm, type Alarm } from "../alarms/alarm";
import { desk } from "../alarms/desk.svelte";
import { catalogue, inNumberOrder } from "../catalogue/catalogue.svelte";
import { expose } from "../shell/instruments";
import { reach } from "../shell/reach.svelte";
import { router, urlOf } from "../shell/router.svelte";
import { ear } from "../tile/ear.svelte";
import { evenFor, neighbour, sameLayout, shareOf, smallestFor, standard, type Layout } from "../views/layout";
import { below } from "../views/tree";
import { views, type View } from "../views/views.svelte";
import { parseAddress, queryOf, type Address } from "./address";
import { WallLink, type LinkState } from "./link";
import { TILES } from "./offer";
import { choose } from "../tile/line";
import { Pictures } from "./pictures";
import type { Choice, TileRequest } from "./protocol";
import { WallTile } from "./tile.svelte";

const LOOK_MS = 200;
/** The default wall shows the first cameras, not all of hundreds. */
const FIRST = 16;

/** Where a wall gets what it shows from, in place of the URL; and where it asks, in place of what people ask. */
export interface WallSource {
  address: () => Address;
  /** What changes is its business: true when it took it. */
  go?: (change: Partial<Address>) => boolean;
  sessions?: string;
  cameras?: string;
}

export class WallState {
  readonly tiles: WallTile[];
  link = $state<LinkState>("connecting");
  #source: WallSource | undefined;
  #address = $derived.by(() => (this.#source ? this.#source.address() : parseAddress(router.query)));
  // The default wall as text, so that fresh states of the same cameras change nothing.
  #defaults = $derived(
    inNumberOrder(catalogue.shown)
      .filter((camera) => camera.enabled)
      .slice(0, FIRST)
      .map((camera) => camera.id)
      .join(","),
  );
  /** The saved view that the address names, if there is one. */
  view: View | null = $derived((this.#address.view && views.byId.get(this.#address.view)) || null);
  /** The address names a view that is not there, or not for this person. */
  viewGone = $derived(this.#address.view !== null && views.loaded && !this.view);
  /** The view waits for the list of views: nothing is known of its tiles yet. */
  waits = $derived(this.#address.view !== null && !views.loaded && !(this.#address.tiles && this.#address.layout));
  #wished = $derived(this.#address.tiles ?? this.view?.cameras ?? (this.waits ? [] : this.#ids(this.#defaults)));
  layout: Layout = $derived(this.#address.layout ?? this.view?.layout ?? evenFor(this.#wished.length));
  count = $derived(this.layout.tiles.length);
  /** What the address or its view puts on the tiles. */
  own: (string | null)[] = $derived(Array.from({ length: this.count }, (_, tile) => this.#wished[tile] ?? null));
  /** The tile that alarms come onto, while they wait; what it shows otherwise stays in the address. */
  alarmTile: number | null = $derived(alarmTileOf(router.query));
  cameras: (string | null)[] = $derived(withAlarm(this.own, this.alarmTile, desk.shown?.camera?.id ?? null));
  /** The wall differs from its view as it is now. */
  changed = $derived(this.view !== null && this.#differs(this.view, this.#address));
  /** Somebody else has changed the view since the changes here began. */
  outdated = $derived(this.changed && this.#address.rev !== null && this.#address.rev !== this.view?.rev);
  chosen = $derived(Math.min(this.#address.chosen, this.count - 1));
  full: number | null = $derived(
    this.#address.full !== null && this.#address.full < this.count && this.cameras[this.#address.full] ? this.#address.full : null,
  );
  #n = 0;
  #link: WallLink;
  #pictures: Pictures;
  #sent: number[] = Array(TILES).fill(0);
  /** Nobody listens at a screen. */
  #ear: typeof ear | null;

  constructor(source?: WallSource) {
    this.#source = source;
    this.#ear = source?.sessions ? null : ear;
    this.#pictures = new Pictures(source?.cameras);
    this.tiles = Array.from(
      { length: TILES },
      (_, tile) =>
        new WallTile(
          tile,
          () => (this.#link.offsetMs === null ? null : Date.now() + this.#link.offsetMs),
          (changed) => changed.decide(this.link),
        ),
    );
    this.#link = new WallLink({
      wanted: () => this.#wanted(),
      attach: (tile, receiver) => this.tiles[tile]?.attach(receiver),
      sound: (receiver) => this.#ear?.attach(receiver),
      open: (fresh) => this.#open(fresh),
      message: (message) => {
        if (message.type === "listening") this.#ear?.hear(message);
        else if ("tile" in message) this.tiles[message.tile]?.hear(message);
      },
      losing: () => {
        for (const tile of this.tiles) tile.keep();
      },
      state: (state) => this.#linkIs(state),
    }, source?.sessions);
  }

  /** Begin; call once the cameras are known. Gives the function that ends it. */
  start(): () => void {
    this.apply();
    const stopHearing = this.#ear?.start((message) => this.#link.send(message));
    this.#link.start();
    const look = setInterval(() => this.#look(), LOOK_MS);
    const shown = (): void => {
      if (!document.hidden) for (const tile of this.tiles) tile.resumed();
    };
    document.addEventListener("visibilitychange", shown);
    const hide = expose({
      tiles: () => this.tiles.slice(0, this.count).map((tile) => tile.reading(this.link)),
      link: () => this.link,
    });
    return () => {
      clearInterval(look);
      document.removeEventListener("visibilitychange", shown);
      this.#pictures.stop();
      stopHearing?.();
      this.#link.close();
      hide();
    };
  }

  /** Bring the tiles to what the URL says; only what differs is sent. */
  apply(): void {
    this.#link.hold(this.count);
    const changed: WallTile[] = [];
    this.tiles.forEach((tile) => {
      const id = this.cameras[tile.tile] ?? null;
      const camera = id !== null && (!catalogue.loaded || catalogue.byId.has(id)) ? id : null;
      const choice = this.#choice(tile.tile, camera);
      const same = tile.choice.stream === choice.stream && tile.choice.claim === choice.claim;
      if (tile.camera === camera && (camera === null || same)) return;
      if (camera === null) this.#ear?.leave(tile.tile);
      tile.assign(camera, choice, ++this.#n);
      changed.push(tile);
    });
    this.#say(changed);
  }

  /** Another address in place of parts of the present one. */
  go(change: Partial<Address>, options: { replace?: boolean } = {}): void {
    if (this.#source?.go?.(change)) return;
    let address: Address = { ...this.#address, ...change };
    if (this.view && (address.layout || address.tiles)) {
      // What is as in the view again is no change.
      if (!this.#differs(this.view, address)) address = { ...address, layout: null, tiles: null };
      else address.rev ??= this.view.rev;
    }
    if (!address.layout && !address.tiles) address.rev = null;
    router.go(urlOf("/wall", { ...queryOf(address), alarm: this.alarmTile }), options);
  }

  markAlarmTile(tile: number | null): void {
    router.go(urlOf("/wall", { ...queryOf(this.#address), alarm: tile }), { replace: true });
  }

  /** The alarm that is about what a tile shows. */
  alarmed(tile: number): Alarm | null {
    return desk.shown && this.cameras[tile] === desk.shown.camera?.id ? desk.shown : null;
  }

  /** The camera of the alarm that comes first is in sight. */
  get alarmSeen(): boolean {
    return this.cameras.some((id, tile) => id !== null && (this.full ?? tile) === tile && this.alarmed(tile) !== null);
  }

  choose(tile: number): void {
    if (tile !== this.chosen) this.go({ chosen: tile }, { replace: true });
  }

  step(key: string): void {
    this.choose(neighbour(this.layout, this.chosen, key));
  }

  /** The chosen tile and the one that way change places. */
  carry(key: string): void {
    const to = neighbour(this.layout, this.chosen, key);
    if (to !== this.chosen && this.full === null) this.swap(this.chosen, to);
  }

  setGrid(grid: string): void {
    const layout = standard(grid);
    // The default wall stays the default: another layout shows more or fewer of the same order.
    if (layout) this.go({ layout, full: null, chosen: Math.min(this.chosen, layout.tiles.length - 1) });
  }

  /** Another layout with its cameras, as it was drawn. */
  arrange(layout: Layout, cameras: readonly (string | null)[]): void {
    this.go({ layout, tiles: [...cameras], full: null, chosen: Math.min(this.chosen, layout.tiles.length - 1) });
  }

  /** The cameras of the site and those below it in the smallest layout that holds them; gives how many there are. */
  fillFrom(site: string): number {
    const inside = below(catalogue.sites, site);
    const ids = inNumberOrder(catalogue.shown)
      .filter((camera) => inside.has(camera.site.id) && camera.enabled)
      .map((camera) => camera.id);
    if (ids.length) this.go({ layout: smallestFor(ids.length), tiles: ids.slice(0, TILES), full: null, chosen: 0 });
    return ids.length;
  }

  clearAll(): void {
    this.go({ layout: this.layout, tiles: [null, null], full: null, chosen: 0 });
  }

  open(view: string): void {
    this.go({ view, rev: null, layout: null, tiles: null, full: null, chosen: 0 });
  }

  /** The view as it is kept, without the changes here. */
  putBack(): void {
    this.go({ rev: null, layout: null, tiles: null, full: null });
  }

  /** Keep the changes in the view. ApiError 409: somebody else has changed it since they began. */
  async save(): Promise<void> {
    const view = this.view;
    if (!view) return;
    const kept = await views.keep(view.id, this.#address.rev ?? view.rev, this.layout, this.own);
    if (this.#address.view === kept.id) this.go({ layout: null, tiles: null }, { replace: true });
  }

  fill(tile: number): void {
    if (this.cameras[tile]) this.go({ full: tile, chosen: tile });
  }

  unfill(): void {
    this.go({ full: null }, { replace: true });
  }

  /** Put a camera (or nothing) on a tile; the chosen tile moves on to the next empty one after an empty one was filled. */
  put(tile: number, camera: string | null): void {
    const tiles = this.#pinned();
    const wasEmpty = !tiles[tile];
    tiles[tile] = camera;
    const shown = tiles.slice(0, this.count);
    const empty = shown.findIndex((id) => !id);
    const chosen = camera && wasEmpty && empty >= 0 ? empty : tile;
    this.go({ tiles, layout: this.layout, chosen });
  }

  swap(from: number, to: number): void {
    const tiles = this.#pinned();
    [tiles[from], tiles[to]] = [tiles[to] ?? null, tiles[from] ?? null];
    this.go({ tiles, layout: this.layout, chosen: to });
  }

  /** Have these ready at the server: they are shown in a moment. */
  warm(layout: Layout, cameras: readonly (string | null)[]): void {
    const wanted = cameras.flatMap((id, tile) => (id && catalogue.byId.has(id) ? [{ camera: id, ...this.#choice(tile, id, layout) }] : []));
    if (wanted.length) this.#link.send({ type: "warm", cameras: wanted });
  }

  /** The server's clock, ms, as far as it is known. */
  serverNow = (): number => Date.now() + (this.#link.offsetMs ?? 0);

  #ids(text: string): string[] {
    return text ? text.split(",") : [];
  }

  #pinned(): (string | null)[] {
    return Array.from({ length: TILES }, (_, tile) => this.#wished[tile] ?? null);
  }

  #differs(view: View, address: Address): boolean {
    if (address.layout && !sameLayout(address.layout, view.layout)) return true;
    return address.tiles !== null && view.layout.tiles.some((_, tile) => (address.tiles?.[tile] ?? null) !== (view.cameras[tile] ?? null));
  }

  #choice(tile: number, id: string | null, layout = this.layout): Choice {
    const camera = id === null ? undefined : catalogue.byId.get(id);
    if (camera && !camera.streams.some((stream) => stream.name === "sub")) return { stream: "main" };
    const tools = this.tiles[tile]?.tools;
    return choose({
      px: shareOf(layout, tile) * innerWidth * devicePixelRatio,
      enlarged: this.full === tile || layout.tiles.length === 1 || tools?.wantsMain === true,
      // What an operator chose is of the camera that is on the tile now.
      wish: this.tiles[tile]?.camera === id ? (tools?.wish ?? "auto") : "auto",
    });
  }

  #wanted(): TileRequest[] {
    const requests: TileRequest[] = [];
    for (const tile of this.tiles) {
      tile.expected = 0;
      this.#sent[tile.tile] = tile.n;
      if (tile.camera) requests.push({ tile: tile.tile, camera: tile.camera, ...tile.choice });
    }
    return requests;
  }

  #open(fresh: boolean): void {
    // After a new session only what changed since its offer; after a lost socket everything, it may not have arrived.
    this.#say(this.tiles.filter((tile) => this.#sent[tile.tile] !== tile.n || (!fresh && tile.tile < this.#link.pool)));
    this.#ear?.opened();
  }

  // Tiles beyond the videos of the session are empty, and of no interest to the server.
  #say(tiles: readonly WallTile[]): void {
    const said = tiles.filter((tile) => tile.tile < this.#link.pool);
    if (!said.length) return;
    const shows = said.map((tile) => ({ tile: tile.tile, camera: tile.camera, ...tile.choice, n: tile.n }));
    if (!this.#link.send({ type: "show", tiles: shows })) return;
    for (const tile of said) {
      tile.expected = tile.n;
      this.#sent[tile.tile] = tile.n;
    }
  }

  #linkIs(state: LinkState): void {
    this.link = state;
    this.#ear?.linked(state === "up");
    if (state === "pictures") this.#pictures.start(() => this.tiles.slice(0, this.count));
    else this.#pictures.stop();
    this.#look();
  }

  #look(): void {
    if (document.hidden) return;
    const link = reach.online || this.link === "up" ? this.link : "down";
    for (const tile of this.tiles) tile.decide(link);
  }
}
