"""The audit log against the Checkpoints that state it: what `vms audit verify` finds, on both databases."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.audit_check import AuditFound, check_audit
from recorder.checkpoints import CheckpointOptions, Checkpoints
from recorder.verify import Verdict
from tests.store.conftest import Sql
from tests.store.samples import SITE
from vms.bus.memory import MemoryBus
from vms.clock import ManualClock
from vms.domain.audit import AuditEntry, ChainWalk, entry_hash
from vms.objects.folder import FolderStore
from vms.proof.certificate import certificate
from vms.proof.keys import NodeKey
from vms.store import Catalogue

NODE = "n" * 16
KEY, INSTALLATION = NodeKey.of_seed(b"n" * 32), NodeKey.of_seed(b"i" * 32)
DAY_NS = 86_400 * 10**9


@pytest.fixture
async def signed(catalogue: Catalogue, tmp_path: Path) -> Path:
    """Eight entries, of which two Checkpoints state three and five, in a Store below the folder."""
    await catalogue.sites.put(SITE)
    store, clock = FolderStore("home", tmp_path / "store"), ManualClock()
    word = certificate(INSTALLATION, NODE, KEY.public)
    options = CheckpointOptions(NODE, tmp_path / "waiting", certificate=word)
    made = Checkpoints(clock, catalogue=catalogue, bus=MemoryBus(), stores={"home": store}, key=KEY, options=options)
    with ThreadPoolExecutor(1) as made._executor:
        for count in (3, 2):
            for n in range(count):
                await catalogue.audit.add("ani", "export.add", f"job-{n}", {"reason": "Kasus é", "n": n})
            assert await made.once() == 0
            assert await made.once() == 0  # nothing new: no further one
            await clock.advance(60)
    for n in range(3):
        await catalogue.audit.add("budi", "footage.replay", f"camera-{n}")
    return tmp_path


async def _checked(catalogue: Catalogue, folder: Path, *, own: str = NODE, later_ns: int = 0) -> AuditFound:
    store, now_ns = FolderStore("home", folder / "store"), ManualClock().now_ns() + later_ns
    return await check_audit(catalogue, {"home": store}, own=own, now_ns=now_ns, folder=folder / "waiting", deep=True)


async def test_what_nobody_touched_is_as_it_was_written(catalogue: Catalogue, signed: Path) -> None:
    """By the installation's key, the node's, another one and none; what came since the last Checkpoint is said."""
    found = await _checked(catalogue, signed)
    (chain,) = found.chains
    assert (chain.count, chain.vouched, chain.fault, found.bad, found.checkpoints) == (8, 5, None, [], 2)
    for key in (KEY.fingerprint, INSTALLATION.fingerprint.upper()):
        assert found.verdict(" ".join(key[i : i + 8] for i in range(0, 64, 8))) is Verdict.INTACT
    assert found.verdict("") is Verdict.COMPARE
    assert found.verdict(NodeKey.of_seed(b"x" * 32).fingerprint) is Verdict.OTHER_KEY


@pytest.mark.parametrize(
    ("tamper", "number", "words"),
    [
        ("UPDATE audit SET subject = 'other' WHERE number = 4", 4, "entry 4 was edited"),
        ("DELETE FROM audit WHERE number IN (2, 3)", 2, "entries 2 to 3 are missing"),
        ("DELETE FROM audit WHERE number >= 5", 5, "entry 5 is missing, which a signed Checkpoint states"),
        ("DELETE FROM audit", 1, "entries 1 to 5 are missing, which a signed Checkpoint states"),
    ],
)
async def test_tampering_is_named(
    catalogue: Catalogue, signed: Path, sql: Sql, tamper: str, number: int, words: str
) -> None:
    """The first entry that was edited or is missing; whatever key is given."""
    sql(tamper)
    found = await _checked(catalogue, signed)
    (chain,) = found.chains
    assert chain.fault is not None
    assert (chain.fault.number, chain.fault.words) == (number, words)
    assert found.verdict(KEY.fingerprint) is Verdict.CHANGED


async def test_a_log_that_was_made_anew_is_found(catalogue: Catalogue, signed: Path, sql: Sql, engine: str) -> None:
    """Whoever changes an entry and all hashes behind it cannot change what was signed of them."""
    blob = "x'{}'" if engine == "sqlite" else "decode('{}', 'hex')"
    entries = [entry async for entry in catalogue.audit.entries(NODE)]
    previous = entries[2].hash
    for entry in entries[3:]:
        made = replace(entry, person="eko" if entry.number == 4 else entry.person, previous=previous)
        previous = entry_hash(made)
        sql(
            f"UPDATE audit SET person = '{made.person}', previous = {blob.format(made.previous)}, "
            f"hash = {blob.format(previous)} WHERE number = {made.number}"
        )
    found = await _checked(catalogue, signed)
    (chain,) = found.chains
    assert chain.fault is not None
    assert (chain.fault.number, chain.fault.upto) == (4, 5)
    assert "another hash of entry 5" in chain.fault.words


async def test_what_has_not_come_from_its_site_is_no_tampering(catalogue: Catalogue, signed: Path, sql: Sql) -> None:
    """For a day; at the node itself nothing is on its way."""
    sql("DELETE FROM audit WHERE number >= 4")
    found = await _checked(catalogue, signed, own="center")
    assert found.chains[0].fault is None
    assert found.chains[0].waits is not None
    assert found.verdict("") is Verdict.COMPARE
    late = await _checked(catalogue, signed, own="center", later_ns=2 * DAY_NS)
    assert late.verdict("") is Verdict.CHANGED


async def test_a_damaged_checkpoint_is_said(catalogue: Catalogue, signed: Path) -> None:
    """It vouches for nothing any more."""
    path = max((signed / "store").rglob("*.json"))
    value = json.loads(path.read_bytes())
    value["statement"]["audit"][1] = "ab" * 32
    path.write_text(json.dumps(value))
    found = await _checked(catalogue, signed)
    assert len(found.bad) == 1
    assert found.verdict(KEY.fingerprint) is Verdict.CHANGED
    assert found.chains[0].vouched == 3


def test_an_entry_that_was_put_in_does_not_fit() -> None:
    """Its neighbours were chained without it."""
    entries, previous = [], ""
    for number in (1, 2, 3):
        entry = AuditEntry("node", number, number, "ani", "a", "b", {}, previous)
        entries.append(replace(entry, hash=entry_hash(entry)))
        previous = entries[-1].hash
    other = AuditEntry("node", 2, 2, "eko", "a", "b", {}, entries[0].hash)
    walk = ChainWalk()
    for entry in (entries[0], replace(other, hash=entry_hash(other)), entries[2]):
        walk.add(entry)
    assert walk.fault is not None
    assert (walk.fault.number, walk.fault.upto) == (2, 3)
