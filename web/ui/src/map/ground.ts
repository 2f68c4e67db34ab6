// The ground of the map: tiles of the installation's own where it has any, else our own schematic drawing (ground.json).
import type { Feature, GeoJsonObject } from "geojson";
import * as L from "leaflet";
import { call } from "../api/client";
import { ZOOM } from "./address";

interface Ground {
  zooms: [number, number] | null;
  attribution: string;
}

/** Of the drawing: sea is what is left. */
const LOOKS: Record<string, L.PathOptions> = {
  land: { fillColor: "#0f161d", fillOpacity: 1, color: "#1c2732", weight: 1 },
  province: { fillColor: "#15202a", fillOpacity: 1, color: "#3d4f61", weight: 2 },
  border: { color: "#2b3a48", weight: 1.5, dashArray: "6 6" },
  river: { color: "#23506b", weight: 2.5, lineCap: "round", lineJoin: "round" },
};

export interface Name {
  text: string;
  longitude: number;
  latitude: number;
  kind: "regency" | "sea";
}

export interface Drawn {
  attribution: string;
  names: Name[];
  schematic: boolean;
}

/** Draws it, lines so many times as wide; gives whom the tiles are by, and the names that the drawing has. */
export async function drawGround(map: L.Map, width: number): Promise<Drawn> {
  const ground = await call<Ground>("GET", "/api/map");
  if (ground.zooms) {
    const [first, last] = ground.zooms;
    L.tileLayer("/api/map/tiles/{z}/{x}/{y}.png", {
      minZoom: ZOOM.least,
      maxZoom: ZOOM.most,
      minNativeZoom: first,
      maxNativeZoom: last,
      className: "own-tiles",
    }).addTo(map);
    return { attribution: ground.attribution, names: [], schematic: false };
  }
  const { default: drawing } = await import("./ground.json");
  const renderer = L.canvas({ padding: 0.5 });
  const style = (feature?: Feature): L.PathOptions => {
    const look = LOOKS[String(feature?.properties?.["kind"])] ?? {};
    return { ...look, weight: (look.weight ?? 1) * width };
  };
  const options = { interactive: false, renderer, style };
  L.geoJSON(drawing as unknown as GeoJsonObject, options).addTo(map);
  return { attribution: "", names: drawing.names as Name[], schematic: true };
}
