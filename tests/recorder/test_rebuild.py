"""The bucket is the truth: a catalogue made anew from Segment and Checkpoint objects is the one that was lost."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from recorder.checkpoints import CheckpointOptions, Checkpoints
from recorder.compare import Comparison, compare
from recorder.rebuild import Rebuild, RebuildOptions
from recorder.retention import Retention, RetentionOptions
from recorder.uploader import Uploader, UploaderOptions
from tests.recorder.rig import Rig, rig, until, until_async
from tests.recorder.synth import NODE, START_NS, STREAM, make_run, packets
from tests.s3_fixture import minio, s3_store
from vms.clock import NS_PER_S, ManualClock, SystemClock
from vms.domain.footage import SegmentState
from vms.domain.media import EndReason, Run, StreamCondition, StreamState
from vms.errors import ObjectUnavailableError
from vms.objects.base import ObjectStore
from vms.objects.folder import FolderStore
from vms.objects.s3 import S3Store
from vms.proof import chain
from vms.proof.checkpoint import Checkpoint, broken_links, opened
from vms.proof.keys import NodeKey
from vms.store import Catalogue

__all__ = ["minio", "s3_store"]

KEY = NodeKey.of_seed(bytes(range(32)))
_ROWS = {
    "runs": "SELECT * FROM runs ORDER BY id",
    "gaps": "SELECT * FROM gaps ORDER BY id",
    "grants": "SELECT * FROM grants ORDER BY camera, stream, epoch",
    "segments": "SELECT * FROM segments WHERE state = 'stored' ORDER BY run, number",
    "indexes": "SELECT f.* FROM fragment_indexes f JOIN segments s USING (run, number) WHERE s.state = 'stored'"
    " ORDER BY run, number",
    "copies": "SELECT k.run, k.number, k.store, k.state FROM copies k JOIN segments s USING (run, number)"
    " WHERE s.state = 'stored' ORDER BY run, number, store",
}


@dataclass
class Node:
    """A recorder with its uploader and its Checkpoints."""

    r: Rig
    store: ObjectStore
    uploader: Uploader
    checkpoints: Checkpoints

    async def stored(self, run: Run, *, goes_on: bool = False) -> None:
        """Wait until a Run is known and over, but for one that goes on, all of it is in the Store, and every row is
        written."""
        catalogue = self.r.catalogue

        async def there() -> bool:
            known = await catalogue.runs.get(run.id)
            left_open = await catalogue.segments.by_state(SegmentState.OPEN)
            over = known is not None and known.end_ns is not None
            return (goes_on or over) and len(left_open) == goes_on

        async def empty() -> bool:
            return not await catalogue.segments.by_state(SegmentState.SPOOLED)

        await until_async(there)
        await until_async(empty)
        await self.r.recording.written()


@asynccontextmanager
async def node(folder: Path, store: ObjectStore) -> AsyncIterator[Node]:
    """One that runs."""
    async with rig(folder, segment_s=1.0, start=False) as r:
        r.catalogue.unsigned.keep(NODE)
        uploader = Uploader(
            SystemClock(),
            catalogue=r.catalogue,
            bus=r.bus,
            spool=r.spool,
            stores={"home": store},
            options=UploaderOptions(NODE, poll_s=0.05),
        )
        options = CheckpointOptions(NODE, folder / "checkpoints", retry_s=0.05)
        checkpoints = Checkpoints(
            SystemClock(), catalogue=r.catalogue, bus=r.bus, stores={"home": store}, key=KEY, options=options
        )
        r.start()
        await r.ready()
        tasks = [asyncio.create_task(uploader.run()), asyncio.create_task(checkpoints.run())]
        await until(lambda: checkpoints.health().ok)
        try:
            yield Node(r, store, uploader, checkpoints)
        finally:
            for service in (uploader, checkpoints):
                service.stop()
            await asyncio.gather(*tasks)


def rows_of(folder: Path) -> dict[str, list[Any]]:
    """What must be equal, row for row."""
    with closing(sqlite3.connect(folder / "vms.db")) as connection:
        return {
            name: [tuple(map(plain, row)) for row in connection.execute(statement)] for name, statement in _ROWS.items()
        }


def plain(value: Any) -> Any:
    """JSON columns by their value: the order of names in them is nobody's business."""
    return json.loads(value) if isinstance(value, str) and value.startswith("[") else value


async def faulted(folder: Path, store: ObjectStore) -> Path:
    """A node that loses its camera, is killed in the middle of a Segment, finds its spool damaged, has its clock
    corrected, expires footage and gets another lease; then one Checkpoint. The folder of its catalogue in the end."""
    first, second = folder / "first", folder / "second"
    async with node(first, store) as n:
        grant = await n.r.catalogue.grants.next(STREAM, NODE, START_NS)
        run = make_run()
        end_ns = n.r.play(run, packets(run, seconds=3), reason=EndReason.CAMERA_UNREACHABLE)
        n.r.publish([StreamState(STREAM, StreamCondition.UNREACHABLE, end_ns, "gone", "camera_unreachable")])
        await n.stored(run)
        await n.r.bus.request(f"recorder.checkpoint.{NODE}", {}, timeout_s=5.0)
        killed = make_run(start_ns=START_NS + 20 * NS_PER_S)
        n.r.play(killed, packets(killed, seconds=2.5))
        await until_async(lambda: n.r.catalogue.segments.by_state(SegmentState.OPEN))
        await until_async(lambda: n.r.catalogue.runs.get(killed.id))
        await n.stored(killed, goes_on=True)
        assert grant.epoch == 1
        shutil.copytree(first, second)  # all that a SIGKILL leaves: what is in files
    async with node(second, store) as n:
        await n.r.catalogue.grants.next(STREAM, NODE, START_NS + 60 * NS_PER_S)
        again = make_run(start_ns=START_NS + 60 * NS_PER_S)
        end_ns = n.r.play(again, packets(again, seconds=4), reason=EndReason.CLOCK_STEP)
        await n.stored(again)
        await n.r.recording.written()
        found = await n.r.catalogue.runs.get(run.id)
        assert found is not None
        await n.r.catalogue.runs.put(replace(found, correction_ns=-3_600 * NS_PER_S, rev=found.rev + 1))
        await expire_first(n)
        n.r.play(
            later := make_run(start_ns=end_ns + 5 * NS_PER_S), packets(later, seconds=2), reason=EndReason.DISABLED
        )
        await n.stored(later)
        await n.r.recording.written()
        answer = await n.r.bus.request(f"recorder.checkpoint.{NODE}", {}, timeout_s=5.0)
        assert answer["waiting"] == 0
    return second


async def expire_first(n: Node) -> None:
    """The oldest Segment goes by retention."""
    segments = await n.r.catalogue.segments.by_state(SegmentState.STORED)
    size = sum(one.size_bytes for one in segments)
    keep = RetentionOptions(NODE, days=36_500, store_bytes={"home": size - 1}, batch=1)
    retention = Retention(ManualClock(), catalogue=n.r.catalogue, stores={"home": n.store}, options=keep)
    with ThreadPoolExecutor(1) as executor:
        assert await retention.sweep(executor) == 1


async def rebuilt(folder: Path, store: ObjectStore, options: RebuildOptions | None = None) -> Rebuild:
    """A new catalogue from the Store."""
    folder.mkdir(exist_ok=True)
    catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=bytes(32))
    try:
        rebuild = Rebuild(catalogue, {"home": store}, options)
        await rebuild.run()
        return rebuild
    finally:
        await catalogue.close()


async def judged(folder: Path, store: ObjectStore) -> None:
    """Row for row, quickly and deep."""
    lost = await faulted(folder, store)
    truth = rows_of(lost)
    assert len(truth["runs"]) == 4
    assert len(truth["gaps"]) >= 4
    assert len(truth["grants"]) == 2
    assert len(truth["segments"]) >= 10
    for name, options in (("quick", RebuildOptions(batch=3)), ("deep", RebuildOptions(deep=True))):
        done = (await rebuilt(folder / name, store, options)).done
        assert done.bad == []
        assert done.signers == {NODE: {KEY.fingerprint}}
        found = rows_of(folder / name)
        for table, rows in truth.items():
            assert found[table] == rows, table


async def test_row_for_row_from_a_folder(tmp_path: Path) -> None:
    """Runs, Gaps, grants and stored Segments with their index, after kills and losses, out of a folder."""
    await judged(tmp_path, FolderStore("home", tmp_path / "store"))


@pytest.mark.servers
async def test_row_for_row_from_s3(tmp_path: Path, s3_store: S3Store) -> None:
    """The same out of a bucket of a real server; its Checkpoints cannot be taken away with the node's rights."""
    await judged(tmp_path, s3_store)
    keys = [info.key for info in s3_store.list("checkpoints/")]
    assert keys
    locked = s3_store._client.get_object_retention(s3_store._options.bucket, keys[0])
    assert locked is not None
    assert locked.mode == "GOVERNANCE"


def statements(store: ObjectStore) -> list[Checkpoint]:
    """All Checkpoints, in order."""
    found = [opened(store.get(info.key)) for info in store.list("checkpoints/")]
    return sorted(found, key=lambda one: one.number)


async def test_checkpoints_are_a_chain_that_vouches_for_runs(tmp_path: Path) -> None:
    """Each names the one before, each head is that of the Run's chain, and the audit's head is in it."""
    store = FolderStore("home", tmp_path / "store")
    async with node(tmp_path / "node", store) as n:
        await n.r.catalogue.audit.add("local", "camera.add", "x")
        for start_s in (0, 30, 60):
            run = make_run(start_ns=START_NS + start_s * NS_PER_S)
            n.r.play(run, packets(run, seconds=2), reason=EndReason.STREAM_STALLED)
            await n.stored(run)
            await n.r.bus.request(f"recorder.checkpoint.{NODE}", {}, timeout_s=5.0)
        made = statements(store)
        assert broken_links(made) == []
        assert len(made) >= 3
        heads = {run: (number, head) for one in made for run, number, head in one.heads}
        for run_id, (number, head) in heads.items():
            last = await n.r.catalogue.segments.get(run_id, number)
            assert last is not None
            assert head == chain.head(run_id, number, last.previous_root, last.leaf_root)
        (key,) = await n.r.catalogue.unsigned.keys(NODE)
        assert (key.fingerprint, key.public_key) == (KEY.fingerprint, KEY.public)
        await n.r.bus.request(f"recorder.checkpoint.{NODE}", {}, timeout_s=5.0)  # with it all that came late is stated
        before = statements(store)
        answer = await n.r.bus.request(f"recorder.checkpoint.{NODE}", {}, timeout_s=5.0)
        assert len(statements(store)) == len(before)  # nothing new, nothing stated
        assert answer["checkpoints"][0]["sha256"] == before[-1].sha256


class Away(FolderStore):
    """A Store that can be away."""

    away = False

    def put_bytes(self, key: str, data: bytes, **rest: Any) -> Any:
        """Fails, or puts."""
        if self.away:
            raise ObjectUnavailableError("the Store is away")
        return super().put_bytes(key, data, **rest)


async def test_a_checkpoint_waits_for_its_store(tmp_path: Path) -> None:
    """While the Store is away it lies on the node's disk, also over a restart, and the chain goes on."""
    store = Away("home", tmp_path / "store")
    async with node(tmp_path / "node", store) as n:
        await n.r.recording.written()
        store.away = True
        run = make_run()
        n.r.play(run, packets(run, seconds=1), reason=EndReason.DISABLED)
        await n.r.recording.written()
        answer = await n.r.bus.request(f"recorder.checkpoint.{NODE}", {}, timeout_s=5.0)
        assert answer["waiting"] >= 1
    store.away = False
    async with node(tmp_path / "node", store) as n:
        await until(lambda: not list((tmp_path / "node" / "checkpoints" / "checkpoints").rglob("*.json")))
        await n.r.bus.request(f"recorder.checkpoint.{NODE}", {}, timeout_s=5.0)
    assert broken_links(statements(store)) == []


async def test_what_is_damaged_is_said_and_left_out(tmp_path: Path) -> None:
    """A Segment that is none, one whose name lies, a Checkpoint that was changed: listed; the rest is entered."""
    store = FolderStore("home", tmp_path / "store")
    await faulted(tmp_path, store)
    keys = [info.key for info in store.list("footage/")]
    good = store.get(keys[1])
    store.put_bytes(keys[0], b"none" * 100, metadata={}, content_type="video/mp4")
    store.put_bytes(keys[2].replace("footage/", "footage/other"), good, metadata={}, content_type="video/mp4")
    checkpoint = next(iter(store.list("checkpoints/"))).key
    value = json.loads(store.get(checkpoint))
    value["statement"]["node"] = "someoneelse23456"
    store.put_bytes(checkpoint, json.dumps(value).encode(), metadata={}, content_type="application/json")
    done = (await rebuilt(tmp_path / "new", store)).done
    assert {bad.key for bad in done.bad} == {keys[0], keys[2].replace("footage/", "footage/other"), checkpoint}
    assert done.segments == len(keys) - 1
    assert "signature" in next(bad.why for bad in done.bad if bad.key == checkpoint)


async def test_deep_finds_what_a_glance_does_not(tmp_path: Path) -> None:
    """One byte of one picture changed: only a rebuild that reads everything tells."""
    store = FolderStore("home", tmp_path / "store")
    await faulted(tmp_path, store)
    key = next(iter(store.list("footage/"))).key
    path = tmp_path / "store" / key
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)
    assert (await rebuilt(tmp_path / "quick", store)).done.bad == []
    assert [bad.key for bad in (await rebuilt(tmp_path / "deep", store, RebuildOptions(deep=True))).done.bad] == [key]


async def test_an_interrupted_rebuild_goes_on(tmp_path: Path) -> None:
    """Stopped after its first batch, it begins behind it the next time, and ends with the same rows."""
    store = FolderStore("home", tmp_path / "store")
    truth = rows_of(await faulted(tmp_path, store))
    folder = tmp_path / "new"
    folder.mkdir()
    catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=bytes(32))

    def stop(done: Any) -> None:
        if done.segments:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await Rebuild(catalogue, {"home": store}, RebuildOptions(batch=4), stop).run()
    second = Rebuild(catalogue, {"home": store}, RebuildOptions(batch=4))
    assert await second.begun()
    done = await second.run()
    assert done.segments == len(truth["segments"]) - 4
    assert not await second.begun()
    await catalogue.close()
    assert rows_of(folder) == truth


async def compared(folder: Path, store: ObjectStore) -> Comparison:
    """The catalogue of a folder against the Store."""
    catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=bytes(32))
    try:
        return await compare(catalogue, {"home": store})
    finally:
        await catalogue.close()


async def test_check_sees_both_ways(tmp_path: Path) -> None:
    """What a row says and no object has, what no row says, and what is cut off."""
    store = FolderStore("home", tmp_path / "store")
    lost = await faulted(tmp_path, store)
    whole = await compared(lost, store)
    assert (whole.lost, whole.unknown, whole.damaged) == ([], [], [])
    assert whole.agree == len(rows_of(lost)["segments"])
    keys = [info.key for info in store.list("footage/")]
    path = tmp_path / "store" / keys[1]
    data = path.read_bytes()
    store.put_bytes(keys[0].replace("-", "-z"), data, metadata={}, content_type="video/mp4")
    store.delete(keys[0])
    path.unlink()
    path.write_bytes(data[:-1])
    found = await compared(lost, store)
    assert [bad.key for bad in found.lost] == [keys[0]]
    assert [bad.key for bad in found.unknown] == [keys[0].replace("-", "-z")]
    assert [bad.key for bad in found.damaged] == [keys[1]]
