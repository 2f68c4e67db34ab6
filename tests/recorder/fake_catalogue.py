"""What retention asks of a catalogue, in dictionaries: for thousands of schedules where SQL would take the time. Holds
claim by vms/domain/hold.py here; that SQL says the same is for tests/store/test_holds.py."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from vms.domain.camera import Camera, Site, StreamRef
from vms.domain.footage import Copy, CopyState, Segment, SegmentState
from vms.domain.gap import Gap
from vms.domain.hold import GRACE_NS, Hold, is_held
from vms.domain.interval import Interval
from vms.domain.media import Run


class FakeCatalogue:
    """All nouns in one; `segments`, `copies` and so on are this itself with other methods."""

    def __init__(self, sites: Collection[Site], cameras: Collection[Camera]) -> None:
        self.rows: dict[tuple[str, int], Segment] = {}
        self.copied: dict[tuple[str, int, str], Copy] = {}
        self.missing: dict[str, Gap] = {}
        self.held: dict[str, Hold] = {}
        self.ran: dict[str, Run] = {}
        self.turns = None
        self.segments, self.copies, self.gaps = _Segments(self), _Copies(self), _Gaps(self)
        self.holds, self.runs = _Holds(self), _Runs(self)
        self.cameras, self.sites = _Listed(cameras), _Listed(sites)

    def clear(self) -> None:
        """As if nothing had ever been recorded or held."""
        for rows in (self.rows, self.copied, self.missing, self.held, self.ran):
            rows.clear()  # type: ignore[attr-defined]  # dictionaries of different kinds

    def free(self, row: Segment, let_go_ns: int) -> bool:
        """Whether no Hold claims it."""
        run = self.ran.get(row.run)
        shift = 0 if run is None else run.correction_ns or 0
        span = Interval(row.start_ns, row.end_ns)
        return not is_held(row.stream.camera, span, shift, self.held.values(), let_go_ns + GRACE_NS)

    def may(self, row: Segment, let_go_ns: int) -> bool:
        """Whether it can expire."""
        wanted = any(
            one.state is CopyState.WANTED for key, one in self.copied.items() if key[:2] == (row.run, row.number)
        )
        return row.state is SegmentState.STORED and not wanted and self.free(row, let_go_ns)


class _Part:
    def __init__(self, all_of_it: FakeCatalogue) -> None:
        self._all = all_of_it


class _Listed:
    def __init__(self, items: Collection[Any]) -> None:
        self._items = list(items)

    async def list(self, include_deleted: bool = False) -> list[Any]:
        return self._items

    async def get(self, ident: str) -> Any:
        return next((one for one in self._items if one.id == ident), None)


class _Segments(_Part):
    async def put(self, row: Segment) -> None:
        self._all.rows[row.run, row.number] = row

    def _stored(self, camera: str) -> list[Segment]:
        found = [row for row in self._all.rows.values() if row.stream.camera == camera]
        return sorted((row for row in found if row.state is SegmentState.STORED), key=lambda row: row.start_ns)

    async def expirable(self, camera: str, before_ns: int, limit: int, let_go_ns: int) -> list[Segment]:
        old = [row for row in self._stored(camera) if row.end_ns <= before_ns]
        return [row for row in old if self._all.may(row, let_go_ns)][:limit]

    async def may_expire(self, row: Segment, let_go_ns: int) -> bool:
        return self._all.may(self._all.rows[row.run, row.number], let_go_ns)

    async def stored_bytes(self, camera: str) -> int:
        return sum(row.size_bytes for row in self._stored(camera))

    def held_bytes(self, camera: str, let_go_ns: int) -> int:
        """Of those that are claimed."""
        return sum(row.size_bytes for row in self._stored(camera) if not self._all.free(row, let_go_ns))


class _Copies(_Part):
    async def put(self, row: Copy) -> None:
        self._all.copied[row.run, row.number, row.store] = row

    async def of(self, run: str, number: int) -> list[Copy]:
        return [row for key, row in self._all.copied.items() if key[:2] == (run, number)]


class _Gaps(_Part):
    async def put(self, row: Gap) -> None:
        self._all.missing[row.id] = row

    async def in_interval(self, stream: StreamRef, around: Interval) -> list[Gap]:
        found = [row for row in self._all.missing.values() if row.stream == stream]
        return [row for row in found if row.start_ns < around.end_ns and (row.end_ns or 0) > around.start_ns]


class _Holds(_Part):
    async def put(self, row: Hold) -> None:
        self._all.held[row.id] = row

    async def in_force(self, let_go_ns: int) -> list[Hold]:
        return [row for row in self._all.held.values() if row.holds(let_go_ns + GRACE_NS)]

    async def held_bytes(self, camera: str, let_go_ns: int) -> int:
        return self._all.segments.held_bytes(camera, let_go_ns)


class _Runs(_Part):
    async def put(self, row: Run) -> None:
        if row.id not in self._all.ran or row.rev > self._all.ran[row.id].rev:
            self._all.ran[row.id] = row

    async def get(self, ident: str) -> Run | None:
        return self._all.ran.get(ident)
