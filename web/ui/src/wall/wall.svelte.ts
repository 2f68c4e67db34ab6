// The wall: which camera is on which tile (the URL says so), the link to the server, and what a person may do to it.
// Screens read it and call it; all of it lives as long as the wall's page.
import type { StreamName } from "../api/types";
import { alarmTileOf, withAlarm, type Alarm } from "../alarms/alarm";
import { desk } from "../alarms/desk.svelte";
import { catalogue, inNumberOrder } from "../catalogue/catalogue.svelte";
import { expose } from "../shell/instruments";
import { reach } from "../shell/reach.svelte";
import { router, urlOf } from "../shell/router.svelte";
import { GRIDS, gridFor, neighbour, parseAddress, queryOf, type Address, type Grid } from "./address";
import { WallLink, type LinkState } from "./link";
import { TILES } from "./offer";
import { Pictures } from "./pictures";
import type { TileRequest } from "./protocol";
import { WallTile } from "./tile.svelte";

const MAIN_FROM_PX = 1280;
const LOOK_MS = 200;

export class WallState {
  readonly tiles: WallTile[];
  link = $state<LinkState>("connecting");
  #address = $derived(parseAddress(router.query));
  // The default wall as text, so that fresh states of the same cameras change nothing.
  #defaults = $derived(
    inNumberOrder(catalogue.shown)
      .filter((camera) => camera.enabled)
      .slice(0, TILES)
      .map((camera) => camera.id)
      .join(","),
  );
  grid: Grid = $derived(this.#address.grid ?? gridFor(this.#address.tiles?.length ?? this.#ids(this.#defaults).length));
  cameras: (string | null)[] = $derived.by(() => {
    const wanted = this.#address.tiles ?? this.#ids(this.#defaults);
    const own = Array.from({ length: this.grid }, (_, tile) => wanted[tile] ?? null);
    return withAlarm(own, this.alarmTile, desk.shown?.camera?.id ?? null);
  });
  /** The tile that alarms come onto, while they wait; what it shows otherwise stays in the address. */
  alarmTile: number | null = $derived(alarmTileOf(router.query));
  chosen = $derived(Math.min(this.#address.chosen, this.grid - 1));
  full: number | null = $derived(
    this.#address.full !== null && this.#address.full < this.grid && this.cameras[this.#address.full] ? this.#address.full : null,
  );
  #n = 0;
  #link: WallLink;
  #pictures = new Pictures();
  #sent: number[] = Array(TILES).fill(0);

  constructor() {
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
      open: (fresh) => this.#open(fresh),
      message: (message) => {
        if ("tile" in message) this.tiles[message.tile]?.hear(message);
      },
      losing: () => {
        for (const tile of this.tiles) tile.keep();
      },
      state: (state) => this.#linkIs(state),
    });
  }

  /** Begin; call once the cameras are known. Gives the function that ends it. */
  start(): () => void {
    this.apply();
    this.#link.start();
    const look = setInterval(() => this.#look(), LOOK_MS);
    const shown = (): void => {
      if (!document.hidden) for (const tile of this.tiles) tile.resumed();
    };
    document.addEventListener("visibilitychange", shown);
    const hide = expose({
      tiles: () => this.tiles.slice(0, this.grid).map((tile) => tile.reading(this.link)),
      link: () => this.link,
    });
    return () => {
      clearInterval(look);
      document.removeEventListener("visibilitychange", shown);
      this.#pictures.stop();
      this.#link.close();
      hide();
    };
  }

  /** Bring the tiles to what the URL says; only what differs is sent. */
  apply(): void {
    this.tiles.forEach((tile) => {
      const id = this.cameras[tile.tile] ?? null;
      const camera = id !== null && (!catalogue.loaded || catalogue.byId.has(id)) ? id : null;
      const stream = this.#stream(tile.tile, camera);
      if (tile.camera === camera && (camera === null || tile.stream === stream)) return;
      tile.assign(camera, stream, ++this.#n);
      this.#say(tile);
    });
  }

  /** Another address in place of parts of the present one. */
  go(change: Partial<Address>, options: { replace?: boolean } = {}): void {
    const address: Address = { ...this.#address, ...change };
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
    this.choose(neighbour(this.chosen, this.grid, key));
  }

  setGrid(grid: Grid): void {
    if (!GRIDS.includes(grid)) return;
    // The default wall stays the default: another grid shows more or fewer of the same order.
    this.go({ grid, full: null, chosen: Math.min(this.chosen, grid - 1) });
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
    const shown = tiles.slice(0, this.grid);
    const empty = shown.findIndex((id) => !id);
    const chosen = camera && wasEmpty && empty >= 0 ? empty : tile;
    this.go({ tiles, grid: this.grid, chosen });
  }

  swap(from: number, to: number): void {
    const tiles = this.#pinned();
    [tiles[from], tiles[to]] = [tiles[to] ?? null, tiles[from] ?? null];
    this.go({ tiles, grid: this.grid, chosen: to });
  }

  #ids(text: string): string[] {
    return text ? text.split(",") : [];
  }

  #pinned(): (string | null)[] {
    const known = this.#address.tiles ?? this.#ids(this.#defaults);
    return Array.from({ length: TILES }, (_, tile) => known[tile] ?? null);
  }

  #stream(tile: number, id: string | null): StreamName {
    const camera = id === null ? undefined : catalogue.byId.get(id);
    if (camera && !camera.streams.some((stream) => stream.name === "sub")) return "main";
    const side = Math.sqrt(this.grid);
    const large = (innerWidth / side) * devicePixelRatio > MAIN_FROM_PX;
    return this.full === tile || this.grid === 1 || large || this.tiles[tile]?.tools.wantsMain ? "main" : "sub";
  }

  #wanted(): TileRequest[] {
    const requests: TileRequest[] = [];
    for (const tile of this.tiles) {
      tile.expected = 0;
      this.#sent[tile.tile] = tile.n;
      if (tile.camera) requests.push({ tile: tile.tile, camera: tile.camera, stream: tile.stream });
    }
    return requests;
  }

  #open(fresh: boolean): void {
    for (const tile of this.tiles) {
      // After a new session only what changed since its offer; after a lost socket everything, it may not have arrived.
      if (this.#sent[tile.tile] !== tile.n || !fresh) this.#say(tile);
    }
  }

  #say(tile: WallTile): void {
    const said = this.#link.send({ type: "show", tile: tile.tile, camera: tile.camera, stream: tile.stream, n: tile.n });
    if (!said) return;
    tile.expected = tile.n;
    this.#sent[tile.tile] = tile.n;
  }

  #linkIs(state: LinkState): void {
    this.link = state;
    if (state === "pictures") this.#pictures.start(() => this.tiles.slice(0, this.grid));
    else this.#pictures.stop();
    this.#look();
  }

  #look(): void {
    if (document.hidden) return;
    const link = reach.online || this.link === "up" ? this.link : "down";
    for (const tile of this.tiles) tile.decide(link);
  }
}
