"""What the wall's session is asked for and answered, over HTTP; its messages are streamer/wall.py's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from vms.domain.camera import LineClaim, StreamName
from web.schemas import SDP_MAX, TILES_MAX, Id, In, Out


class TileIn(In):
    """What a tile of the wall shows at first; `claim`: how much main is wanted in place of sub."""

    tile: Annotated[StrictInt, Field(ge=0, lt=TILES_MAX)]
    camera: Id | None = None
    stream: StreamName = StreamName.SUB
    claim: LineClaim | None = None


class WallIn(In):
    """The browser's offer with one receive-only video per tile, and what the tiles show at first."""

    sdp: Annotated[str, Field(min_length=1, max_length=SDP_MAX)]
    tiles: Annotated[list[TileIn], Field(max_length=TILES_MAX, default_factory=list)]


class WallOut(Out):
    """The wall session and the answer to the offer. `forbidden`: tiles whose camera this viewer may not watch; they
    stay empty."""

    id: str
    sdp: str
    forbidden: list[int] = Field(default_factory=list)
