"""What the API says of looking for cameras, and takes for it; the rules of web/schemas.py."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr, StrictBool, StrictInt

from vms.domain.address_range import RANGES_MAX
from vms.domain.job import JobState
from web.schemas import URL_MAX, Id, In, NamedOut, Out, Password, RemarkOut, SiteRef, Username

PORTS = (80, 8080, 8000, 8899, 554)
"""Where cameras listen most often."""
Port = Annotated[StrictInt, Field(ge=1, le=65535)]


class DiscoveryIn(In):
    """Where to look, from a node of the site (null: of this machine): by multicast on the networks that the node is in,
    and through address ranges such as `10.20.1.0/24` or `10.20.1.10-60`, 1,024 addresses in all."""

    site: Id | None
    multicast: StrictBool = True
    ranges: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=RANGES_MAX, default_factory=list)]
    ports: Annotated[list[Port], Field(min_length=1, max_length=8, default_factory=lambda: list(PORTS))]


class FoundOut(Out):
    """A device. `url`: its ONVIF address, empty where only RTSP listens; `clock_off_s`: its clock less ours; `cameras`:
    those at its address that are registered already."""

    address: str
    url: str
    name: str
    model: str
    how: str
    clock_off_s: float | None
    cameras: list[NamedOut]


class DiscoveryOut(Out):
    """Looking for cameras: `progress` 0 to 1; `found` grows while it runs; `elsewhere`: answers that named an
    address which is not theirs and were not believed. `why`, `reason`: what went wrong."""

    id: str
    state: JobState
    progress: float
    site: SiteRef | None
    found: list[FoundOut]
    elsewhere: int
    why: str
    reason: str


class DescribeIn(In):
    """A device that was found, and its login."""

    site: Id | None = None
    url: Annotated[str, Field(min_length=1, max_length=URL_MAX)]
    username: Username = ""
    password: Password = SecretStr("")


class FeedOut(Out):
    """A stream that the device has; 0 where it does not say."""

    name: str
    url: str
    codec: str
    width: int
    height: int
    fps: int
    gop: int


class DescribedOut(Out):
    """What the device says of itself, or why it says nothing (`reason`, `params`: see ProblemOut). `main`, `sub`: which
    of its streams these would be, by their URLs."""

    ok: bool
    message: str
    hint: str
    reason: str
    params: dict[str, str]
    maker: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    clock_off_s: float = 0.0
    ptz: bool = False
    elsewhere: int = 0
    feeds: Annotated[list[FeedOut], Field(default_factory=list)]
    main: str = ""
    sub: str = ""
    warnings: Annotated[list[RemarkOut], Field(default_factory=list)]


def described_fields(answer: dict[str, Any]) -> dict[str, Any]:
    """The facts in an answer of the bus, as DescribedOut has them."""
    names = ("maker", "model", "firmware", "serial", "clock_off_s", "ptz", "elsewhere")
    return {name: answer[name] for name in names if name in answer}
