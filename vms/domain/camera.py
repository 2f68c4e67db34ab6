"""Sites, Cameras and Streams: what an admin registers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from vms.domain.area import Area, Polygon
from vms.domain.position import Position
from vms.domain.ptz import PtzPlan


class StreamName(StrEnum):
    """The encoded feeds of a camera: `main` in full size, `sub` small."""

    MAIN = "main"
    SUB = "sub"


class RecordMode(StrEnum):
    """When a Stream is recorded."""

    CONTINUOUS = "continuous"
    OFF = "off"


class LinePriority(StrEnum):
    """Whose pictures a line that is too thin for all goes on carrying: those of `low` make room first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class LineClaim(StrEnum):
    """How much a tile wants `main` in place of `sub` where a Site's line does not carry all: it is large on its screen,
    an operator enlarged it, an operator will have it whatever it costs others."""

    LARGE = "large"
    FULL = "full"
    FORCED = "forced"


@dataclass(frozen=True, slots=True, order=True)
class StreamRef:
    """Which Stream: camera id and name. Its text `camera/main` is its key on the hub and in logs."""

    camera: str
    name: StreamName

    def __str__(self) -> str:
        return f"{self.camera}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> StreamRef:
        """The inverse of str(); ValueError where it is none."""
        camera, _, name = text.partition("/")
        return cls(camera, StreamName(name))


HOME_STORE = "home"
"""The center's Store; a Site that names no other has its footage there alone."""


class CopyPolicy(StrEnum):
    """What of a Site with a Store of its own goes to the center's too; the rest is fetched when someone asks."""

    ALL = "all"
    SUB = "sub"
    ON_DEMAND = "on_demand"


@dataclass(frozen=True, slots=True)
class Site:
    """A place that owns cameras. `slug` is for printing (`sampit`); `parent` is the id of the Site above; `copies`
    means something only where `home_store` is not the center's."""

    id: str
    slug: str
    name: str
    parent: str | None = None
    home_store: str = HOME_STORE
    rev: int = 1
    copies: CopyPolicy = CopyPolicy.ON_DEMAND
    position: Position | None = None

    def orders(self, name: StreamName) -> bool:
        """Whether a Copy of each Segment of such Streams is to be in the center."""
        if self.home_store == HOME_STORE:
            return False
        return self.copies is CopyPolicy.ALL or (self.copies is CopyPolicy.SUB and name is StreamName.SUB)


@dataclass(frozen=True, slots=True)
class Stream:
    """One feed of a Camera. `url` never holds user or password."""

    ref: StreamRef
    url: str
    record: RecordMode = RecordMode.CONTINUOUS


@dataclass(frozen=True, slots=True)
class Camera:
    """A device at one Site. `password` is secret: never logged, never returned; repr leaves it out. `analysis`: whether
    its pictures are looked at for motion and health. `number` is what operators type for it: given at registration,
    by the catalogue, never changed, never given to another. `onvif`: URL of its ONVIF device, empty where it has none;
    `ptz`: what is set of its PTZ; `position`: where it is; None: it stands at its Site's."""

    id: str
    site: str
    slug: str
    name: str
    streams: tuple[Stream, ...]
    username: str = ""
    password: str = field(default="", repr=False)
    enabled: bool = True
    audio: bool = False
    transport: str = "tcp"
    retention_days: int | None = None
    registered_ns: int = 0
    deleted_ns: int | None = None
    rev: int = 1
    areas: tuple[Area, ...] = ()
    masks: tuple[Polygon, ...] = ()
    analysis: bool = True
    number: int | None = None
    priority: LinePriority = LinePriority.NORMAL
    onvif: str = ""
    ptz: PtzPlan = field(default_factory=PtzPlan)
    position: Position | None = None

    def stream(self, name: StreamName) -> Stream | None:
        """The Stream of that name, None where the camera has none."""
        return next((s for s in self.streams if s.ref.name is name), None)
