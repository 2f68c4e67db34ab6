"""How what a feed takes comes: the buses of a node, and the small picture that stands in for video. No logic."""

from __future__ import annotations

from dataclasses import dataclass

from vms.bus.base import Bus


@dataclass(frozen=True, slots=True)
class Buses:
    """Requests and events go by `control`, Packets come by `media`: one and the same in a single process."""

    control: Bus
    media: Bus


@dataclass(frozen=True, slots=True)
class Picture:
    """A small JPEG in place of video that the line does not carry; `wall_ns`: when it was captured, on our clock."""

    jpeg: bytes
    wall_ns: int
