"""The catalogue against the Stores, both ways: what a row says and no object has, what lies in a Store and no row says.

Event loop, a day of a Stream at a time; listings on an executor. Reads no object and changes nothing, unless it is told
to enter what is lost in the ledger.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from recorder.loss import say_lost
from recorder.rebuild import FOOTAGE, Bad
from vms.domain.footage import Segment
from vms.objects.base import ObjectInfo, ObjectStore
from vms.store import Catalogue
from vms.store.rebuilding import StreamDay

_KEY = re.compile(r"footage/([^/]+)/([^/]+)/([^/]+)/(\d{4})/(\d\d)/(\d\d)/\d\d/\d+-[^/]+\.mp4")
_PAGE = 1000
_EPOCH = dt.date(1970, 1, 1)


@dataclass
class Comparison:
    """`lost`: a row says stored, and no Store that was looked at has it; `unknown`: an object that no row says is
    stored; `damaged`: an object of another size than its row says. `agree`: objects that are as their rows say."""

    agree: int = 0
    lost: list[Bad] = field(default_factory=list)
    unknown: list[Bad] = field(default_factory=list)
    damaged: list[Bad] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether both say the same."""
        return not (self.lost or self.unknown or self.damaged)


async def compare(
    catalogue: Catalogue,
    stores: Mapping[str, ObjectStore],
    *,
    enter_as: str | None = None,
    tell: Callable[[Comparison], None] = lambda _found: None,
) -> Comparison:
    """Compare. `enter_as`: the Node in whose name what is lost is said in the ledger; None: nothing is written."""
    found = Comparison()
    with ThreadPoolExecutor(1, thread_name_prefix="compare") as executor:
        for store in stores.values():
            days = set(await catalogue.rebuilding.stored_days())
            async for day, objects in _days(store, executor, found):
                days.discard(day)
                await _day(catalogue, store, day, objects, found, enter_as)
                tell(found)
            for day in sorted(days):
                await _day(catalogue, store, day, {}, found, enter_as)
    return found


async def _day(
    catalogue: Catalogue,
    store: ObjectStore,
    day: StreamDay,
    objects: dict[str, ObjectInfo],
    found: Comparison,
    enter_as: str | None,
) -> None:
    for segment, here in await catalogue.rebuilding.stored_of(day, store.name):
        info = objects.pop(segment.key, None)
        if info is None:
            if here:
                await _lost(catalogue, store, segment, found, enter_as)
        elif info.size_bytes != segment.size_bytes:
            why = f"it has {info.size_bytes} bytes, its row says {segment.size_bytes}"
            found.damaged.append(Bad(store.name, info.key, why))
        elif here:
            found.agree += 1
        else:
            found.unknown.append(Bad(store.name, info.key, "no row says that this Store has it"))
    found.unknown += [Bad(store.name, key, "no row says that it is stored") for key in sorted(objects)]


async def _lost(
    catalogue: Catalogue, store: ObjectStore, segment: Segment, found: Comparison, enter_as: str | None
) -> None:
    if await catalogue.rebuilding.copies_elsewhere(segment, store.name):
        found.lost.append(Bad(store.name, segment.key, "gone from here; another Store has it"))
        return
    found.lost.append(Bad(store.name, segment.key, "its row says that it is stored"))
    if enter_as is not None:
        await say_lost(catalogue, segment, enter_as)


async def _days(
    store: ObjectStore, executor: ThreadPoolExecutor, found: Comparison
) -> AsyncIterator[tuple[StreamDay, dict[str, ObjectInfo]]]:
    """The objects of a Store by day of a Stream."""
    day, objects = None, dict[str, ObjectInfo]()
    async for info in _listed(store, executor):
        said = _day_of(info.key)
        if said is None:
            found.unknown.append(Bad(store.name, info.key, "its name is not that of a Segment"))
            continue
        if said != day:
            if day is not None:
                yield day, objects
            day, objects = said, {}
        objects[info.key] = info
    if day is not None:
        yield day, objects


async def _listed(store: ObjectStore, executor: ThreadPoolExecutor) -> AsyncIterator[ObjectInfo]:
    loop, listing = asyncio.get_running_loop(), store.list(FOOTAGE)

    def page(listing: Iterator[ObjectInfo] = listing) -> list[ObjectInfo]:
        return list(itertools.islice(listing, _PAGE))

    while infos := await loop.run_in_executor(executor, page):
        for info in infos:
            yield info


def _day_of(key: str) -> StreamDay | None:
    parts = _KEY.fullmatch(key)
    if parts is None:
        return None
    site, camera, stream, year, month, day = parts.groups()
    try:
        date = dt.date(int(year), int(month), int(day))
    except ValueError:
        return None
    return StreamDay(site, camera, stream, (date - _EPOCH).days)
