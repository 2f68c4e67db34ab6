"""The ground under the map: whether the installation has tiles of its own, and the tiles."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from web.api.errors import problems
from web.deps import PartsOf, Who
from web.map_tiles import ZOOM_MAX

router = APIRouter(prefix="/api/map", tags=["map"])

_SIDE_MAX = 2**ZOOM_MAX - 1
Zoom = Annotated[int, Path(ge=0, le=ZOOM_MAX)]
Index = Annotated[int, Path(ge=0, le=_SIDE_MAX)]
_KEPT = {"Cache-Control": "private, max-age=86400"}


class MapOut(BaseModel):
    """Zooms (first, last) that there are tiles of; null: none, the page has a map of its own."""

    zooms: tuple[int, int] | None
    attribution: str


@router.get("", operation_id="getMap", responses=problems())
async def get_map(_who: Who, parts: PartsOf) -> MapOut:
    """What there is to draw the map with."""
    tiles = parts.options.map_tiles
    return MapOut(zooms=await asyncio.to_thread(tiles.zooms), attribution=tiles.attribution)


@router.get(
    "/tiles/{zoom}/{x}/{y}.png",
    operation_id="getMapTile",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}}, "description": "The tile."},
        204: {"description": "There is no such tile: nothing is drawn there."},
        **problems(),
    },
)
async def get_tile(zoom: Zoom, x: Index, y: Index, _who: Who, parts: PartsOf) -> Response:
    """One tile of 256 x 256 pixels, Web Mercator, counted from the north-west."""
    data = await asyncio.to_thread(parts.options.map_tiles.read, zoom, x, y)
    if data is None:
        return Response(status_code=204, headers=_KEPT)
    return Response(data, media_type="image/png", headers=_KEPT)
