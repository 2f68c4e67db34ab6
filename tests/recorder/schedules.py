"""Bar D9: schedules of footage, Holds and retention passes, played on the real Service and a real catalogue, with a
model beside them that says at each deletion whether it may be. Imported by the test and by the bench.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from hypothesis import strategies as st
from sqlalchemy import delete, event

from recorder.retention import Retention, RetentionOptions
from tests.recorder.fake_catalogue import FakeCatalogue
from vms.clock import NS_PER_S, ManualClock
from vms.domain.camera import Camera, Site, Stream, StreamName, StreamRef
from vms.domain.footage import Copy, CopyState, Segment, SegmentState
from vms.domain.hold import GRACE_NS, MARGIN_NS, Hold
from vms.domain.ids import new_id
from vms.domain.media import ClockState, Run, RunInfo
from vms.errors import ObjectError
from vms.objects.base import ObjectStore
from vms.store import Catalogue
from vms.store.tables import copies, fragment_indexes, gaps, holds, runs, segments

HOUR_NS = 3600 * NS_PER_S
START_NS = 1_800_000_000 * NS_PER_S
NODE = "n" * 16
SITES = (Site("s" * 16, "sampit", "Sampit"), Site("k" * 16, "kapuas", "Kapuas", home_store="kapuas"))
DAYS = (None, 1, 4)
DEFAULT_DAYS = 2


def _camera(number: int) -> Camera:
    ident = f"camera{number}".ljust(16, "a")
    feed = Stream(StreamRef(ident, StreamName.MAIN), "rtsp://10.0.0.1/x")
    site = SITES[number // 2]
    return Camera(ident, site.id, f"camera-{number}", "Pasar", (feed,), retention_days=DAYS[number])


CAMERAS = tuple(_camera(number) for number in range(3))
_cameras = st.integers(0, len(CAMERAS) - 1)
_sizes = st.sampled_from((40, 100, 250))
_limits = st.none() | st.integers(0, 1200)
STEPS = st.one_of(
    st.tuples(st.just("record"), _cameras, st.integers(1, 12), _sizes, st.booleans()),
    st.tuples(st.just("send"), st.integers(0, 40)),
    st.tuples(st.just("order"), st.integers(0, 40)),
    st.tuples(st.just("copy"), st.integers(0, 40)),
    st.tuples(st.just("hold"), _cameras, st.integers(-80, 30), st.none() | st.integers(1, 60)),
    st.tuples(st.just("lift"), st.integers(0, 8)),
    st.tuples(st.just("restore"), st.integers(0, 8)),
    st.tuples(st.just("correct"), st.integers(0, 40), st.sampled_from((-5, 3, 30))),
    st.tuples(st.just("wait"), st.sampled_from((0.5, 2.0, 20.0, 50.0))),
    st.tuples(st.just("pass"), st.none() | st.tuples(st.integers(0, 4), _cameras, st.integers(-80, 0))),
)
SCHEDULES = st.tuples(
    st.fixed_dictionaries({"home": _limits, "kapuas": _limits, "sampit": _limits, "camera": _limits}),
    st.integers(1, 4),
    st.lists(STEPS, min_size=3, max_size=12),
)


@dataclass
class Piece:
    """What the model knows of a Segment."""

    segment: Segment
    wanted: bool = False
    correction_ns: int = 0

    @property
    def sent(self) -> bool:
        """Whether all that has to be done with it is done."""
        return self.segment.state is SegmentState.STORED and not self.wanted


@dataclass
class World:
    """The system under test and its model. `meddle`: before which deletion of a pass somebody holds what."""

    catalogue: Any
    executor: ThreadPoolExecutor
    clock: ManualClock = field(default_factory=lambda: ManualClock(START_NS))
    pieces: list[Piece] = field(default_factory=list)
    held: list[Hold] = field(default_factory=list)
    quotas: dict[str, int | None] = field(default_factory=dict)
    meddle: tuple[int, int, int] | None = None
    meddled: bool = False
    deleted: int = 0
    faults: list[str] = field(default_factory=list)

    @classmethod
    async def open(cls, folder: Path | None) -> World:
        """A real catalogue that does not wait for its disk, or one of dictionaries."""
        if folder is None:
            return cls(FakeCatalogue(SITES, CAMERAS), ThreadPoolExecutor(1))
        catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=bytes(32))
        for engine in (catalogue._db._writer, catalogue._db._reader):
            await engine.dispose()
            event.listen(
                engine.sync_engine, "connect", lambda one, _record: one.execute("PRAGMA synchronous=OFF").close()
            )
        for site in SITES:
            await catalogue.sites.put(site)
        for camera in CAMERAS:
            await catalogue.cameras.add(camera)
        return cls(catalogue, ThreadPoolExecutor(1))

    async def close(self) -> None:
        """Give everything back."""
        self.executor.shutdown()
        if isinstance(self.catalogue, Catalogue):
            await self.catalogue.close()

    async def _clear(self) -> None:
        if isinstance(self.catalogue, FakeCatalogue):
            self.catalogue.clear()
            return
        async with self.catalogue._db.write() as connection:
            for table in (fragment_indexes, segments, copies, gaps, holds, runs):
                await connection.execute(delete(table))

    async def play(self, schedule: tuple[dict[str, int | None], int, Sequence[tuple[Any, ...]]]) -> None:
        """One schedule from an empty catalogue; AssertionError says what retention did that it may not."""
        quotas, batch, steps = schedule
        await self._clear()
        self.clock, self.pieces, self.held, self.faults = ManualClock(START_NS), [], [], []
        self.quotas = quotas
        loop = asyncio.get_running_loop()
        stores: dict[str, ObjectStore] = {
            name: cast("ObjectStore", _Judge(name, self, loop)) for name in ("home", "kapuas")
        }
        options = RetentionOptions(
            NODE,
            DEFAULT_DAYS,
            {name: most for name in stores if (most := quotas[name]) is not None},
            {} if quotas["sampit"] is None else {"sampit": quotas["sampit"]},
            {} if quotas["camera"] is None else {CAMERAS[0].slug: quotas["camera"]},
            batch=batch,
        )
        service = Retention(self.clock, catalogue=self.catalogue, stores=stores, options=options)
        for step in [*steps, ("wait", 50.0), ("pass", None)]:
            await self._step(service, step)
            assert not self.faults, self.faults

    async def _step(self, service: Retention, step: tuple[Any, ...]) -> None:
        match step:
            case ("record", camera, hours, size, sent):
                await self._record(CAMERAS[camera], hours, size, sent=sent)
            case ("send", at) if self.pieces:
                await self._change(self.pieces[at % len(self.pieces)], SegmentState.STORED)
            case ("order" | "copy" as what, at) if self.pieces:
                await self._order(self.pieces[at % len(self.pieces)], wanted=what == "order")
            case ("hold", camera, hours, length):
                await self._hold(CAMERAS[camera], hours, length)
            case ("lift" | "restore" as what, at) if self.held:
                await self._lift(at % len(self.held), lift=what == "lift")
            case ("correct", at, hours) if self.pieces:
                await self._correct(self.pieces[at % len(self.pieces)], hours)
            case ("wait", hours):
                await self.clock.advance(hours * 3600)
            case ("pass", meddle):
                self.meddle, self.meddled = meddle, False
                while await service.sweep(self.executor):
                    pass
                if self.meddled:  # what was held meanwhile may have ended the round early
                    while await service.sweep(self.executor):
                        pass
                self._after()

    async def _record(self, camera: Camera, hours: int, size: int, *, sent: bool) -> None:
        run, now_ns = new_id(), self.clock.now_ns()
        for number in range(hours):
            start_ns = now_ns + number * HOUR_NS
            state = SegmentState.STORED if sent else SegmentState.SPOOLED
            stream, site = camera.streams[0].ref, next(one for one in SITES if one.id == camera.site)
            one = Segment(
                run, number, stream, site.id, NODE, 1, start_ns, start_ns + HOUR_NS, state, size_bytes=size, rev=3
            )
            await self.catalogue.segments.put(one)
            self.pieces.append(Piece(one))
            if sent:
                await self.catalogue.copies.put(Copy(run, number, site.home_store, CopyState.VERIFIED, 1))
        await self.clock.advance(hours * 3600)

    async def _change(self, piece: Piece, state: SegmentState) -> None:
        if piece.segment.state is SegmentState.SPOOLED:
            one = piece.segment = replace(piece.segment, state=state, rev=piece.segment.rev + 1)
            await self.catalogue.segments.put(one)
            home = next(site.home_store for site in SITES if site.id == one.site)
            await self.catalogue.copies.put(Copy(one.run, one.number, home, CopyState.VERIFIED, 1))

    async def _order(self, piece: Piece, *, wanted: bool) -> None:
        one = piece.segment
        if one.state is SegmentState.EXPIRED or wanted is piece.wanted:
            return
        rows = [copy.rev for copy in await self.catalogue.copies.of(one.run, one.number) if copy.store == "center"]
        state = CopyState.WANTED if wanted else CopyState.VERIFIED
        await self.catalogue.copies.put(Copy(one.run, one.number, "center", state, rev=max(rows, default=0) + 1))
        piece.wanted = wanted

    async def _hold(self, camera: Camera, hours: int, length: int | None) -> None:
        start_ns = self.clock.now_ns() + hours * HOUR_NS
        end_ns = None if length is None else start_ns + length * HOUR_NS
        row = Hold(new_id(), "c" * 16, camera.id, camera.site, start_ns, end_ns, "x", "p" * 16, self.clock.now_ns())
        await self.catalogue.holds.put(row)
        self.held.append(row)

    async def _lift(self, at: int, *, lift: bool) -> None:
        row, now_ns = self.held[at], self.clock.now_ns()
        if lift is (row.removed_ns is None):
            self.held[at] = replace(row, removed_ns=now_ns if lift else None, rev=row.rev + 1)
            await self.catalogue.holds.put(self.held[at])

    async def _correct(self, piece: Piece, hours: int) -> None:
        one, correction_ns = piece.segment, hours * HOUR_NS
        clock = ClockState("boot", 0, one.start_ns, synchronized=True)
        await self.catalogue.runs.put(
            Run(
                one.run,
                one.stream,
                one.site,
                NODE,
                1,
                RunInfo(()),
                one.start_ns,
                clock,
                one.start_ns,
                correction_ns=correction_ns,
                rev=hours + 100,
            )
        )
        kept = await self.catalogue.runs.get(one.run)
        for other in self.pieces:
            if other.segment.run == one.run and kept is not None:
                other.correction_ns = kept.correction_ns or 0

    # What must be

    def is_held(self, piece: Piece) -> bool:
        """By the words of the bar, not by the code under test: some Hold that holds has some of its time."""
        now_ns, one = self.clock.now_ns(), piece.segment
        for hold in self.held:
            if hold.camera != one.stream.camera or (
                hold.removed_ns is not None and now_ns >= hold.removed_ns + GRACE_NS
            ):
                continue
            end_ns = 1 << 62 if hold.end_ns is None else hold.end_ns + MARGIN_NS
            for shift in {0, piece.correction_ns}:
                if one.start_ns + shift < end_ns and one.end_ns + shift > hold.start_ns - MARGIN_NS:
                    return True
        return False

    def may_go(self) -> list[Piece]:
        """What could be deleted now, oldest first."""
        found = [one for one in self.pieces if one.sent and not self.is_held(one)]
        return sorted(found, key=lambda one: (one.segment.start_ns, one.segment.run, one.segment.number))

    def is_old(self, piece: Piece) -> bool:
        """By the days of its Camera."""
        camera = next(one for one in CAMERAS if one.id == piece.segment.stream.camera)
        days = DEFAULT_DAYS if camera.retention_days is None else camera.retention_days
        return piece.segment.end_ns <= self.clock.now_ns() - days * 24 * HOUR_NS

    def scopes(self) -> list[tuple[set[str], int]]:
        """Cameras and bytes of each quota."""
        of_home = {camera.id for camera in CAMERAS if camera.site == SITES[0].id}
        cameras = {
            "home": of_home,
            "sampit": of_home,
            "kapuas": {camera.id for camera in CAMERAS} - of_home,
            "camera": {CAMERAS[0].id},
        }
        return [(cameras[name], most) for name, most in self.quotas.items() if most is not None]

    def excess(self, scope: set[str], most: int) -> int:
        """How much more than a quota allows is stored and not held."""
        counted = [one for one in self.pieces if one.segment.state is SegmentState.STORED and not self.is_held(one)]
        return sum(one.segment.size_bytes for one in counted if one.segment.stream.camera in scope) - most

    def judge(self, key: str) -> None:
        """At a deletion: it is none that is held or unsent, and the oldest of what it is taken from."""
        piece = next(one for one in self.pieces if one.segment.key == key)
        one, could = piece.segment, self.may_go()
        if self.is_held(piece):
            self.faults.append(f"held: {one}")
        elif not piece.sent:
            self.faults.append(f"unsent: {one}")
        else:
            of_camera = [other for other in could if other.segment.stream == one.stream]
            if of_camera[0].segment.start_ns < one.start_ns:
                self.faults.append(f"not the oldest of its camera: {one}")
            if not self.is_old(piece) and not any(
                one.stream.camera in scope
                and (self.excess(scope, most) > 0 or self.meddled)  # held meanwhile, some may be enough by now
                and one.start_ns
                <= next(other.segment.start_ns for other in could if other.segment.stream.camera in scope)
                for scope, most in self.scopes()
            ):
                self.faults.append(f"without a reason, or not the oldest of its quota: {one}")
        piece.segment = replace(one, state=SegmentState.EXPIRED)
        self.deleted += 1

    def _after(self) -> None:
        could = self.may_go()
        old = [one.segment for one in could if self.is_old(one)]
        if old:
            self.faults.append(f"too old, and still there: {old[0]}")
        for scope, most in self.scopes():
            if self.excess(scope, most) > 0 and any(one.segment.stream.camera in scope for one in could):
                self.faults.append(f"more than {most} of {sorted(scope)}")


class _Judge:
    """A Store that asks the model about each deletion."""

    def __init__(self, name: str, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self.name, self._world, self._loop = name, world, loop

    def delete(self, key: str) -> None:
        """On the executor's thread; in between somebody may hold what is to go next."""
        self._world.judge(key)
        if self._world.meddle is None:
            return
        left, camera, hours = self._world.meddle
        if left > 0:
            self._world.meddle = (left - 1, camera, hours)
            return
        self._world.meddle, self._world.meddled = None, True
        asyncio.run_coroutine_threadsafe(self._world._hold(CAMERAS[camera], hours, None), self._loop).result(10)

    def __getattr__(self, name: str) -> Any:
        raise ObjectError(f"{name} is not to be asked here")
