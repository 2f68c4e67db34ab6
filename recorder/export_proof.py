"""From the footage of an Export to what Nodes signed about it: for each Run the chain of roots up to a Checkpoint.

Checkpoints lie in the home Store of a Site beside its footage; those of before a change of it, in the former one. Event
loop; the Store is read on the executor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from recorder.footage import OffLoop
from recorder.uploader import home_store
from vms.bus.base import Bus
from vms.clock import NS_PER_S
from vms.domain.footage import Segment
from vms.domain.media import Run
from vms.errors import BusError, ObjectError
from vms.objects.base import ObjectStore
from vms.proof.checkpoint import PREFIX, BadCheckpointError, Checkpoint, checkpoint_key, opened
from vms.store import Catalogue

_LOOKED_AT = 400
_LATE_NS = 3600 * NS_PER_S
_ASK_S = 20.0


@dataclass
class RunExtent:
    """Which Segments of a Run went into an Export: the first and the last of them, as rows."""

    first: Segment
    last: Segment


@dataclass
class Found:
    """`checkpoints`: the bytes of those that are needed, by member name; `runs`: what the manifest says of each Run."""

    checkpoints: dict[str, bytes] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Vouch:
    """A Checkpoint that names a head of a Run, at or behind the Segment that is to be proved."""

    member: str
    number: int


class CheckpointSearch:
    """Finds them; a Node whose Checkpoint is not there yet is asked for one."""

    def __init__(self, catalogue: Catalogue, stores: Mapping[str, ObjectStore], bus: Bus, off_loop: OffLoop) -> None:
        self._catalogue = catalogue
        self._stores = stores
        self._bus = bus
        self._off_loop = off_loop

    async def prove(self, extents: Mapping[str, RunExtent]) -> Found:
        """Of each Run in the Export."""
        found = Found()
        vouches = await self._search(extents, found)
        missing = {run: one for run, one in extents.items() if run not in vouches}
        if missing and await self._ask({one.last.node for one in missing.values()}):
            vouches |= await self._search(missing, found)
        runs = {run.id: run for run in await self._catalogue.runs.of_ids(set(extents))}
        for run_id, extent in sorted(extents.items(), key=lambda pair: pair[1].first.start_ns):
            vouch = vouches.get(run_id)
            links = [] if vouch is None else await self._links(extent, vouch.number)
            if vouch is not None and links is None:
                vouch, links = None, []
            found.runs.append(_run_value(runs.get(run_id), extent, vouch, links or []))
        return found

    async def _links(self, extent: RunExtent, number: int) -> list[list[Any]] | None:
        """[number, root] of every Segment from the first to the one that the Checkpoint names; None where a row is
        not there any more."""
        links: list[list[Any]] = []
        for at in range(extent.first.number, number + 1):
            row = await self._catalogue.segments.get(extent.first.run, at)
            if row is None or not row.leaf_root:
                return None
            links.append([at, row.leaf_root])
        return links

    async def _ask(self, nodes: Iterable[str]) -> bool:
        """Whether one of them made a Checkpoint."""
        asked = False
        for node in sorted(nodes):
            with suppress(BusError, ObjectError):
                await self._bus.request(f"recorder.checkpoint.{node}", {}, timeout_s=_ASK_S)
                asked = True
        return asked

    async def _search(self, extents: Mapping[str, RunExtent], found: Found) -> dict[str, _Vouch]:
        places: dict[tuple[str, str], dict[str, RunExtent]] = {}
        for run, extent in extents.items():
            places.setdefault((extent.last.site, extent.last.node), {})[run] = extent
        vouches: dict[str, _Vouch] = {}
        for (site, node), theirs in sorted(places.items()):
            home = await home_store(self._catalogue, site)
            for name in sorted(self._stores, key=lambda one: (one != home, one)):  # it may have been another then
                left = {run: extent for run, extent in theirs.items() if run not in vouches}
                if not left:
                    break
                with suppress(ObjectError):
                    look = partial(_look, self._stores[name], f"{PREFIX}{site}/{node}/", left, found.checkpoints)
                    vouches |= await self._off_loop(look)
        return vouches


def _look(
    store: ObjectStore, prefix: str, wanted: Mapping[str, RunExtent], kept: dict[str, bytes]
) -> dict[str, _Vouch]:
    """Read Checkpoints in order of time, from the oldest that can name one of the Segments."""
    left = {run: extent.last.number for run, extent in wanted.items()}
    vouches: dict[str, _Vouch] = {}
    _, site, node, _ = prefix.split("/")
    since_ns = min(extent.last.start_ns for extent in wanted.values()) - _LATE_NS
    for looked, listed in enumerate(store.list(prefix, start_after=checkpoint_key(site, node, max(0, since_ns)))):
        if not left or looked >= _LOOKED_AT:
            break
        data = store.get(listed.key)
        with suppress(BadCheckpointError):
            found = _named(opened(data), left)
            # A Node may state something about two Sites in the same millisecond.
            member = f"checkpoints/{site}-{node}-{listed.key.rpartition('/')[2]}"
            for run, number in found.items():
                kept[member] = data
                vouches[run] = _Vouch(member, number)
                del left[run]
    return vouches


def _named(one: Checkpoint, left: Mapping[str, int]) -> dict[str, int]:
    """Of the Runs that are looked for those whose head it has, far enough, and of which Segment."""
    return {str(run): int(number) for run, number, _ in one.heads if run in left and number >= left[run]}


def _run_value(run: Run | None, extent: RunExtent, vouch: _Vouch | None, links: list[list[Any]]) -> dict[str, Any]:
    last = extent.last
    value: dict[str, Any] = {
        "id": last.run,
        "node": last.node,
        "site": last.site,
        "epoch": last.epoch,
        "previous_root": extent.first.previous_root,
        "checkpoint": "" if vouch is None else vouch.member,
        "links": links,
    }
    if run is not None:
        clock = run.clock
        value |= {
            "start_ns": run.start_ns,
            "end_ns": run.end_ns,
            "end_reason": "" if run.end_reason is None else run.end_reason.value,
            "correction_ns": run.correction_ns or 0,
            "clock": {
                "synchronized": clock.synchronized,
                "offset_ns": clock.offset_ns,
                "rtcp_sender_ns": clock.rtcp_sender_ns,
            },
        }
    return value
