"""What the API says of Sites and takes for them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt, model_validator

from vms.domain.camera import CopyPolicy
from vms.domain.rights import Right
from web.schemas import In, Out
from web.schemas_position import PositionIn, PositionOut


class SiteOut(PositionOut, Out):
    """A place that owns cameras, and how many it has. `home_store`: where its footage goes; `copies`: what of
    it goes to the center too, where it has a Store of its own; `line_mbps`: what its line carries, where a node of
    it that is there says so; `stores`: where its footage can go now, by what those nodes say; `rights`: those
    of who asks, on all of it."""

    id: str
    slug: str
    name: str
    parent: str | None
    cameras: int
    home_store: str
    copies: CopyPolicy
    line_mbps: float | None = None
    stores: Annotated[list[str], Field(default_factory=list)]
    rights: list[Right]
    rev: int


class SitePatch(PositionIn, In):
    """What changes of a site; `rev` is that of the site as it was read. Fields left out stay as they are."""

    rev: Annotated[StrictInt, Field(ge=1, le=2**53)]
    copies: CopyPolicy | None = None
    home_store: Annotated[str, Field(min_length=1, max_length=64)] | None = None

    @model_validator(mode="after")
    def _something(self) -> SitePatch:
        if self.copies is None and self.home_store is None and not {"longitude", "latitude"} & self.model_fields_set:
            raise ValueError("name copies, home_store or a position")
        return self


class SitesOut(Out):
    """All sites; there is one page of them."""

    items: list[SiteOut]
    next: str | None = None
