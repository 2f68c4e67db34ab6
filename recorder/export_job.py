"""One Export at work: plans every camera, makes its files one after the other, then proof, pages and manifest.

Event loop. What is finished is noted in `done/` beside the package, so that a restart makes no file twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from recorder.export_file import FileExport, FilePlan, PartLostError
from recorder.export_films import Derived, derive
from recorder.export_leaves import BadGop
from recorder.export_plan import CameraPlan, Planner
from recorder.export_proof import CheckpointSearch, RunExtent
from recorder.export_wait import PatientReads, Place
from recorder.footage import Part
from recorder.package import finish_package
from recorder.playback import Coverage, Playback
from recorder.timestamping import Authority
from vms import logs
from vms.clock import Clock, boot_id
from vms.domain.camera import StreamName
from vms.domain.gap import GapCause, GapState
from vms.domain.interval import Interval
from vms.domain.job import WHOLE_PPM, Job
from vms.domain.node import NodeSigningKey
from vms.errors import NotFoundError, ObjectUnavailableError
from vms.proof.keys import NodeKey
from vms.store import Catalogue
from vms.store.unsigned import key_values

log = logs.get(__name__)

_DONE = "done"
_MOST_TRIES = 17
_MOST_SHOWN = 20
_ROOM_BYTES = 256 << 20


class JobCancelledError(Exception):
    """Nobody wants it any more."""


@dataclass(frozen=True, slots=True)
class ExportParts:
    """What an Export works with. `key`: what this Node signs with; `certificate`: the installation's word for it;
    `reserved`: bytes that each package under way will take, by its folder; `authority`: whose time stamps are asked."""

    catalogue: Catalogue
    playback: Playback
    planner: Planner
    search: CheckpointSearch
    clock: Clock
    key: NodeKey
    node: str
    executor: Executor
    certificate: str = ""
    reserved: dict[Path, int] = field(default_factory=dict)
    authority: Authority | None = None

    async def off_loop(self, work: partial[Any]) -> Any:
        """On the executor."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)


class ExportWork:
    """One Job. `folder`: where its package grows; `place`: at which it is made."""

    def __init__(self, job: Job, folder: Path, parts: ExportParts, place: Place) -> None:
        self._job = job
        self._folder = folder
        self._parts = parts
        asked = job.asked
        self._interval = Interval(int(asked["from_ns"]), int(asked["to_ns"]))
        self._stream = StreamName(asked["stream"])
        self._derivative: Mapping[str, Any] = asked.get("derivative") or {}
        self._whole = 1
        self._read = 0
        self._wanted = True
        self._known: dict[str, Coverage] = {}
        self._sites: dict[str, str] = {}
        self._waits = ""
        self._reads = PatientReads(parts.playback.sources, parts.clock, place, self._waiting)

    async def run(self) -> dict[str, Any]:
        """What is kept in the Job's row. JobCancelledError; VmsError, OSError: why it cannot be done."""
        told = asyncio.create_task(self._tell())
        try:
            plans = [await self._plan(camera) for camera in self._job.asked["cameras"]]
            files = [file for plan in plans for file in plan.files]
            if not files:
                raise NotFoundError("nothing of it is recorded", hint="Look at its gaps.", reason="export_empty")
            self._whole = max(1, sum(file.size_bytes for file in files)) * (2 if self._derivative else 1)
            self._parts.reserved[self._folder] = self._whole
            await self._parts.off_loop(partial(self._begin, dict(self._parts.reserved)))
            made = {file.member: await self._file(file) for file in files}
            cameras = [await self._camera_value(plan, made) for plan in plans]
            derived = await self._derived(plans, cameras)
        finally:
            told.cancel()
            await asyncio.gather(told, return_exceptions=True)
            self._parts.reserved.pop(self._folder, None)
        return await self._finish(plans, made, cameras, derived)

    async def _plan(self, camera_id: str) -> CameraPlan:
        camera = await self._parts.catalogue.cameras.get(camera_id)
        if camera is None:
            raise NotFoundError(f"there is no camera {camera_id}", reason="camera_gone")
        site = await self._parts.catalogue.sites.get(camera.site)
        named = ("", "") if site is None else (site.slug, site.name)
        self._sites[camera.site] = named[1]
        planning = partial(self._parts.planner.plan, camera, named, self._stream, self._interval)
        plan = await self._reads.patiently(camera.site, planning)
        # Now, for what comes to be known while the files are made is not in them.
        self._known[camera.id] = await self._parts.playback.coverage(camera.id, self._stream, self._interval)
        return plan

    def _begin(self, reserved: Mapping[Path, int]) -> None:
        (self._folder / _DONE).mkdir(parents=True, exist_ok=True)
        found = os.statvfs(self._folder)
        to_come = sum(max(0, size - _bytes_in(folder)) for folder, size in reserved.items())
        if found.f_bavail * found.f_frsize < to_come + _ROOM_BYTES:
            raise ObjectUnavailableError(
                f"there is no room for {reserved[self._folder] / 1e9:.1f} GB",
                hint="Free space on the disk of the data folder, or ask for less.",
                reason="export_room",
            )

    async def _file(self, file: FilePlan) -> Mapping[str, Any]:
        note = self._folder / _DONE / f"{Path(file.member).stem}.json"
        known = await self._parts.off_loop(partial(_noted, note, file.made_of))
        if known is not None:
            self._add(file.size_bytes)
            return dict(known)
        made = await self._made(file)
        await self._parts.off_loop(partial(_note, note, {**made, "made_of": file.made_of, "boot_id": boot_id()}))
        return made

    async def _made(self, file: FilePlan) -> dict[str, Any]:
        """The file, without what is gone, damaged or changed."""
        left: list[dict[str, Any]] = []
        for _ in range(_MOST_TRIES):
            export = FileExport(file, self._folder, self._reads, self._parts.off_loop, self._add)
            try:
                return {**await export.run(), "left_out": left}
            except PartLostError as error:
                found = left_out(error.part, error.why, error.bad)
                left += found
                for one in found:
                    log.warning("an export leaves footage out", job=self._job.id, **one)
                file = file.without(error.part, error.bad)
                if not file.parts:
                    break
        raise NotFoundError(
            f"too much of it cannot be read: {left[-1]['why']}",
            hint="Look at the Stores with vms index check.",
            reason="export_lost",
        )

    def _waiting(self, site: str) -> None:
        self._waits = site
        if not self._wanted:
            raise JobCancelledError

    def _add(self, count: int) -> None:
        self._read += count
        if not self._wanted:
            raise JobCancelledError

    async def _tell(self) -> None:
        """The row says how far it is, and whether it is wanted still."""
        while self._wanted:
            await self._parts.clock.sleep(0.5)
            share = min(WHOLE_PPM - 1, self._read * WHOLE_PPM // self._whole)
            why = _WAITS.format(self._sites.get(self._waits, self._waits)) if self._waits else ""
            self._wanted = await self._parts.catalogue.jobs.progress(
                self._job.id, share, why, reason="export_waits" if self._waits else ""
            )

    async def _derived(self, plans: Sequence[CameraPlan], cameras: Sequence[Mapping[str, Any]]) -> Derived:
        """Films beside the originals, where they are wanted."""
        if not self._derivative:
            return Derived()
        before, off_loop = self._read, self._parts.off_loop
        masks = {plan.camera.id: plan.camera.masks for plan in plans}

        def told(share: float) -> None:
            self._read = before
            self._add(int(share * self._whole / 2))

        about = self._derivative, self._job.id, cameras, self._interval
        return await derive(*about, masks, self._folder, off_loop, told)

    async def _finish(
        self,
        plans: Sequence[CameraPlan],
        made: Mapping[str, Mapping[str, Any]],
        cameras: Sequence[Mapping[str, Any]],
        derived: Derived,
    ) -> dict[str, Any]:
        if not await self._parts.catalogue.jobs.progress(self._job.id, WHOLE_PPM - 1):
            raise JobCancelledError
        found = await self._parts.search.prove(_extents(plans))
        key = await self._key()
        person = await self._parts.catalogue.people.get(self._job.person)
        about = {
            "id": self._job.id,
            "asked_ns": self._job.created_ns,
            "made_ns": self._parts.clock.now_ns(),
            "person": {"id": self._job.person, "name": "" if person is None else person.name},
            "reason": str(self._job.asked["reason"]),
            "interval": {"from_ns": self._interval.start_ns, "to_ns": self._interval.end_ns},
            "stream": self._stream.value,
            "node": self._parts.node,
            "key": key_values(key),
            "keys": [key_values(one) for one in await self._parts.catalogue.unsigned.keys()],
            "cameras": cameras,
            "runs": found.runs,
        }
        if derived.values:
            about["derivatives"] = derived.values
        facts = [*(fact for one in made.values() for fact in one["members"]), *derived.facts]
        finish = partial(
            finish_package, self._folder, about, facts, found.checkpoints, self._parts.key, self._parts.authority
        )
        result: dict[str, Any] = await self._parts.off_loop(finish)
        await self._parts.off_loop(partial(shutil.rmtree, self._folder / _DONE, ignore_errors=True))
        left = [{"camera": camera["id"], **one} for camera in cameras for one in camera["left_out"]]
        shown = {"left_out": left[:_MOST_SHOWN], "left_out_count": len(left)}
        return {**result, **shown, "files": len(made), "signer": self._parts.key.fingerprint}

    async def _key(self) -> NodeSigningKey:
        """The row of the key that signs; a node that records nothing may have none yet, or one without certificate."""
        key, now_ns = self._parts.key, self._parts.clock.now_ns()
        mine = NodeSigningKey(key.fingerprint, self._parts.node, key.public, now_ns, self._parts.certificate)
        return await self._parts.catalogue.unsigned.own_key(mine)

    async def _camera_value(self, plan: CameraPlan, made: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        camera = plan.camera
        found = self._known[camera.id]
        files = [made[file.member] for file in plan.files]
        gaps = [
            {"from_ns": gap.start_ns, "to_ns": gap.end_ns, "cause": gap.cause.value, "state": gap.state.value}
            for gap in found.gaps
        ]
        left = [one for part in plan.lost for one in left_out(part, "its beginning cannot be read")]
        left += [one for file in files for one in file["left_out"]]
        gaps += [_lost_value(one) for one in left]
        return {
            "id": camera.id,
            "name": camera.name,
            "slug": plan.slug,
            "site": {"id": camera.site, "name": plan.site_name},
            "recorded_ns": found.recorded_ns,
            "files": [{name: value for name, value in one.items() if name not in _NOT_SAID} for one in files],
            "gaps": sorted(gaps, key=lambda gap: int(gap["from_ns"])),
            "left_out": sorted(left, key=lambda one: int(one["from_ns"])),
        }


def _bytes_in(folder: Path) -> int:
    """How many bytes its files have by now; they come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


_NOT_SAID = {"members", "made_of", "boot_id", "left_out"}
_WAITS = "it waits for footage of {} that cannot be reached now, and goes on by itself"


def left_out(part: Part, why: str, bad: Sequence[BadGop] = ()) -> list[dict[str, Any]]:
    """What is not in the package although its row says that it is recorded: a Part, or groups of pictures of it."""
    same = {"run": part.segment.run, "segment": part.segment.number, "why": why}
    if not bad:
        return [{**same, "gop": None, "from_ns": part.start_ns, "to_ns": part.end_ns}]
    return [{**same, "gop": one.number, "from_ns": one.start_ns, "to_ns": one.end_ns} for one in bad]


def _lost_value(left: Mapping[str, Any]) -> dict[str, Any]:
    """A Gap that the catalogue does not know of yet."""
    cause, state = GapCause.LOST.value, GapState.CLOSED.value
    return {"from_ns": left["from_ns"], "to_ns": left["to_ns"], "cause": cause, "state": state}


def _extents(plans: Sequence[CameraPlan]) -> dict[str, RunExtent]:
    extents: dict[str, RunExtent] = {}
    for part in (part for plan in plans for file in plan.files for part in file.parts):
        known = extents.setdefault(part.segment.run, RunExtent(part.segment, part.segment))
        if part.segment.number < known.first.number:
            known.first = part.segment
        if part.segment.number > known.last.number:
            known.last = part.segment
    return extents


def _noted(path: Path, made_of: str) -> Mapping[str, Any] | None:
    """What is known of a file that was finished before a restart; None where it was not, or what it was made of
    has changed since (late footage, a clock that was corrected), or the machine went down, and who knows what of it is
    on the disk."""
    with suppress(OSError, ValueError):
        value: Mapping[str, Any] = json.loads(path.read_bytes())
        same = (value.get("made_of"), value.get("boot_id")) == (made_of, boot_id())
        return value if same and "left_out" in value else None
    return None


def _note(path: Path, value: Mapping[str, Any]) -> None:
    other = path.with_suffix(".new")
    with other.open("wb") as file:
        file.write(json.dumps(value).encode())
        file.flush()
        os.fsync(file.fileno())
    other.rename(path)
