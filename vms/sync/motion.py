"""Asks the nodes that saw a Camera for motion in their change grids, which stay where they are: hits alone travel.

Those that recorded it in the interval, and the one that records it last, which is who makes grids of older footage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from vms.bus.base import Bus, Value
from vms.clock import NS_PER_MS
from vms.domain.interval import Interval, union
from vms.domain.motion import MotionHit, MotionWanted
from vms.errors import BusError
from vms.store.catalogue import Catalogue

_ANSWER_S = 25.0


@dataclass(frozen=True, slots=True)
class MotionAnswer:
    """`known`: of what time there are grids; `is_away`: a node that may know more did not answer; `is_cut`: there is
    more than one answer may hold."""

    hits: tuple[MotionHit, ...] = ()
    known: tuple[Interval, ...] = ()
    is_away: bool = False
    is_cut: bool = False


async def find_motion(
    bus: Bus, catalogue: Catalogue, camera: str, interval: Interval, wanted: MotionWanted
) -> MotionAnswer:
    """Of one Camera and a day at most. CatalogueError."""
    nodes = await catalogue.runs.nodes(camera, interval)
    asked = {
        "camera": camera,
        "from_ns": interval.start_ns,
        "to_ns": interval.end_ns,
        "polygons": [[list(point) for point in polygon] for polygon in wanted.polygons],
        "threshold": float(wanted.threshold),
        "least_ms": wanted.least_ms,
    }
    answers = await asyncio.gather(*(_ask(bus, f"analysis.search.{node}", asked) for node in nodes))
    there = [answer for answer in answers if answer is not None]
    return MotionAnswer(
        tuple(_joined(hit for answer in there for hit in _hits(answer))),
        tuple(union(one for answer in there for one in _known(answer))),
        is_away=len(there) < len(nodes),
        is_cut=any(bool(answer["cut"]) for answer in there),
    )


async def _ask(bus: Bus, subject: str, asked: Value) -> Value | None:
    try:
        return await bus.request(subject, asked, timeout_s=_ANSWER_S)
    except BusError:
        return None


def _hits(answer: Value) -> Iterable[MotionHit]:
    for start_ms, end_ms, score, peak_ms in answer["hits"]:
        interval = Interval(int(start_ms) * NS_PER_MS, int(end_ms) * NS_PER_MS)
        yield MotionHit(interval, float(score), int(peak_ms) * NS_PER_MS)


def _known(answer: Value) -> Iterable[Interval]:
    for start_ms, end_ms in answer["known"]:
        yield Interval(int(start_ms) * NS_PER_MS, int(end_ms) * NS_PER_MS)


def _joined(hits: Iterable[MotionHit]) -> list[MotionHit]:
    """What two nodes saw of one motion is one."""
    found: list[MotionHit] = []
    for hit in sorted(hits, key=lambda one: one.interval):
        last = found[-1] if found else None
        if last is not None and hit.interval.start_ns < last.interval.end_ns:
            found[-1] = last.with_more(hit)
        else:
            found.append(hit)
    return found
