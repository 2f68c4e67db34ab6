"""Sites, Cameras and Streams: what an admin registers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class StreamName(StrEnum):
    """The encoded feeds of a camera: `main` in full size, `sub` small."""

    MAIN = "main"
    SUB = "sub"


class RecordMode(StrEnum):
    """When a Stream is recorded."""

    CONTINUOUS = "continuous"
    OFF = "off"


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


@dataclass(frozen=True, slots=True)
class Site:
    """A place that owns cameras. `slug` is for printing (`sampit`); `parent` is the id of the Site above."""

    id: str
    slug: str
    name: str
    parent: str | None = None
    home_store: str = "home"
    rev: int = 1


@dataclass(frozen=True, slots=True)
class Stream:
    """One feed of a Camera. `url` never holds user or password."""

    ref: StreamRef
    url: str
    record: RecordMode = RecordMode.CONTINUOUS


@dataclass(frozen=True, slots=True)
class Camera:
    """A device at one Site. `password` is secret: never logged, never returned; repr leaves it out."""

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

    def stream(self, name: StreamName) -> Stream | None:
        """The Stream of that name, None where the camera has none."""
        return next((s for s in self.streams if s.ref.name is name), None)
