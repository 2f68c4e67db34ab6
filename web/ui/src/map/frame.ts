// The map of leaflet as the marks on it need it: where a place lies on its pane, also while it zooms. Owns leaflet.
import * as L from "leaflet";
import type { Bounds, Position } from "./position";

/** What the marks are laid out by. `zoom` is where a zoom that is under way will end. */
export interface Frame {
  zoom: number;
  origin: { x: number; y: number };
  around: Bounds;
  width: number;
  height: number;
}

/** Marks this much of a screen beyond its edges are there already when the map is dragged. */
const BEYOND = 0.4;

export function frameOf(map: L.Map, zooming?: { center: L.LatLng; zoom: number }): Frame {
  const size = map.getSize();
  const zoom = zooming?.zoom ?? map.getZoom();
  // As Leaflet reckons it for its own marks: where its pane's corner will be when the zoom is over.
  const origin = zooming
    ? map.project(zooming.center, zoom).subtract(size.divideBy(2)).add(L.DomUtil.getPosition(map.getPane("mapPane") as HTMLElement)).round()
    : map.getPixelOrigin();
  const shown = map.getBounds().pad(BEYOND);
  return {
    zoom,
    origin: { x: origin.x, y: origin.y },
    around: { west: shown.getWest(), south: shown.getSouth(), east: shown.getEast(), north: shown.getNorth() },
    width: size.x,
    height: size.y,
  };
}

export const latLng = ({ longitude, latitude }: Position): L.LatLng => L.latLng(latitude, longitude);
export const positionFrom = ({ lng, lat }: L.LatLng): Position => ({ longitude: lng, latitude: lat });

export function boundsFrom({ west, south, east, north }: Bounds): L.LatLngBounds {
  return L.latLngBounds([south, west], [north, east]);
}

/** Every change of what is shown; gives the function that stops it. */
export function onFrame(map: L.Map, act: (frame: Frame) => void): () => void {
  const now = (): void => act(frameOf(map));
  const soon = (event: L.ZoomAnimEvent): void => act(frameOf(map, event));
  map.on("zoom viewreset zoomend moveend resize", now);
  map.on("zoomanim", soon);
  return () => {
    map.off("zoom viewreset zoomend moveend resize", now);
    map.off("zoomanim", soon);
  };
}
