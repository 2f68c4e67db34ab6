"""Events: what happened that a person may want to know of, and how bad it is. Pure.

An Event has a start and, once it is over, an end. `teller` is the Node that wrote it; `site`, `camera`, `stream` and
`node` say what it is about, each None where it is about no such thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vms.domain.camera import StreamName


class EventKind(StrEnum):
    """Events of the system itself, of which `node_lost` and `site_cut_off` are what the center sees of others; and what
    is seen in pictures (recorder/analysis): an Event of `motion` names its area in `params`."""

    CAMERA_DOWN = "camera_down"
    SPOOL_FILLING = "spool_filling"
    SPOOL_FULL = "spool_full"
    DISK_ERROR = "disk_error"
    DISK_SLOW = "disk_slow"
    CLOCK_OFF = "clock_off"
    STORE_REFUSING = "store_refusing"
    BUS_AWAY = "bus_away"
    CATALOGUE_AWAY = "catalogue_away"
    NODE_LOST = "node_lost"
    SITE_CUT_OFF = "site_cut_off"
    MOTION = "motion"
    PICTURE_BLACK = "picture_black"
    PICTURE_BLURRED = "picture_blurred"
    PICTURE_COVERED = "picture_covered"
    PICTURE_MOVED = "picture_moved"
    PICTURE_FROZEN = "picture_frozen"


FAR_KINDS = frozenset({EventKind.NODE_LOST, EventKind.SITE_CUT_OFF})
"""Kinds that every Node of the center sees alike: they are one Event, whoever writes it first."""


class Severity(StrEnum):
    """notice: to be known; warning: will hurt if nobody acts; alarm: hurts now."""

    NOTICE = "notice"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Event:
    """[start_ns, end_ns), `end_ns` None while it goes on. `kind` is text: a newer Node may tell of more than is known
    here. `params`: what is variable in its words, plain data without any secret."""

    id: str
    kind: str
    teller: str
    start_ns: int
    end_ns: int | None = None
    severity: Severity = Severity.WARNING
    site: str | None = None
    camera: str | None = None
    stream: StreamName | None = None
    node: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    rev: int = 1

    @property
    def subject(self) -> str:
        """What it is about, as `event_subject` names it."""
        return event_subject(self.kind, self.site, self.camera, self.node, event_thing(self.params))


def event_thing(params: Mapping[str, Any]) -> str:
    """What more is needed to name what an Event is about: a Store, or an Area of the Camera."""
    return str(params.get("store") or params.get("area") or "")


def event_subject(kind: str, site: str | None, camera: str | None, node: str | None, store: str = "") -> str:
    """One name for all Events of a kind about one thing, of which one is open at a time."""
    return "|".join((kind, camera or node or site or "", store))
