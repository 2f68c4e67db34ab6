"""`vms verify`: untouched packages are intact, and whatever is changed in one is found and named (bar D8)."""

from __future__ import annotations

import json
import random
import shutil
import struct
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from recorder.verify import Verdict, verify
from tests.recorder.exporting import Exports, exports
from tests.recorder.synth import START_NS, aac_clip, make_run, packets, video_clip, video_track
from vms.cli import app
from vms.domain.interval import Interval
from vms.domain.media import Codec, Track
from vms.proof import manifest
from vms.proof.certificate import certificate
from vms.proof.checkpoint import canonical
from vms.proof.keys import NodeKey

S = 1_000_000_000
MANIFEST = "manifest.json"
FOOTAGE = "footage/sampit-pasar-01-main.mp4"
OTHER = NodeKey.of_seed(b"x" * 32)
CHANGES = 100


async def recorded(made: Exports) -> None:
    """Two Runs of one picture with sound, a Gap between them, then one of another size."""
    config, aac = aac_clip()
    tracks = (video_track(video_clip()), Track(1, Codec.AAC, config, 0, 0, 48_000, 1))
    for start_s in (0, 20):
        run = make_run(*tracks, start_ns=START_NS + start_s * S)
        await made.shelf.record(run, packets(run, seconds=8, audio=aac), segment_s=3)
    clip = video_clip(size=(192, 112))
    run = make_run(video_track(clip, size=(192, 112)), start_ns=START_NS + 40 * S)
    await made.shelf.record(run, packets(run, clip, seconds=4), segment_s=3)


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Exports]:
    """An exporter over it."""
    async with exports(tmp_path) as found:
        await recorded(found)
        yield found


@pytest.fixture
async def package(made: Exports, tmp_path: Path) -> Path:
    """A package of nearly all of it, unpacked."""
    window = Interval(START_NS + 1_300_000_000, START_NS + 43 * S)
    path = await made.package(window, tmp_path / "package.zip")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "out")
    return tmp_path / "out"


async def test_what_nobody_touched_is_intact(made: Exports, package: Path, tmp_path: Path) -> None:
    """As ZIP under another name, and as a folder; by the installation's key, the node's, another one and none."""
    moved = tmp_path / "bukti 12.zip"
    shutil.copy(tmp_path / "package.zip", moved)
    for path in (moved, package):
        found = verify(path)
        assert (found.verdict, found.changes, found.notes) == (Verdict.COMPARE, [], [])
        assert (found.signer, found.installation) == (made.key.fingerprint, made.installation.fingerprint)
        for key in (made.key.fingerprint, made.installation.fingerprint.upper()):
            assert verify(path, " ".join(key[i : i + 8] for i in range(0, 64, 8))).verdict is Verdict.INTACT
        assert verify(path, OTHER.fingerprint).verdict is Verdict.OTHER_KEY
        assert verify(path, "abc").verdict is Verdict.OTHER_KEY


async def test_random_exports_are_intact(made: Exports, tmp_path: Path) -> None:
    """No false alarm, wherever the interval begins and ends."""
    chance = random.Random(8)
    for n in range(8):
        start = START_NS + round(chance.uniform(-1, 42) * S)
        window = Interval(start, start + round(chance.uniform(2, 30) * S))
        found = verify(await made.package(window, tmp_path / f"{n}.zip"), made.key.fingerprint)
        assert (found.verdict, found.changes) == (Verdict.INTACT, []), n


async def test_every_change_is_found_and_named(made: Exports, package: Path, tmp_path: Path) -> None:
    """Bytes of any member flipped, cut, put in; members removed, added, swapped; statements edited."""
    chance, work = random.Random(19), tmp_path / "work"
    for n in range(CHANGES):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(package, work)
        what, member = change_at_random(work, chance, n)
        found = verify(work, made.key.fingerprint)
        assert found.verdict is Verdict.CHANGED, (n, what)
        assert member in {change.member for change in found.changes}, (n, what, found.changes)


def change_at_random(work: Path, chance: random.Random, n: int) -> tuple[str, str]:
    """One random change; what it was, and in which member it is to be found."""
    names = sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file())
    kinds = [_flip, _flip, _flip, _cut, _insert, _remove, _add, _swap, _edit]
    return kinds[n % len(kinds)](work, names, chance)


def _flip(work: Path, names: list[str], chance: random.Random) -> tuple[str, str]:
    name = chance.choice(names)
    data = bytearray((work / name).read_bytes())
    at = chance.randrange(len(data))
    data[at] ^= 1 << chance.randrange(8)
    (work / name).write_bytes(data)
    return f"a bit of byte {at} of {name}", name


def _cut(work: Path, names: list[str], chance: random.Random) -> tuple[str, str]:
    name = chance.choice(names)
    data = (work / name).read_bytes()
    (work / name).write_bytes(data[: chance.randrange(len(data))])
    return f"{name} cut", name if (work / name).stat().st_size or name != MANIFEST else MANIFEST


def _insert(work: Path, names: list[str], chance: random.Random) -> tuple[str, str]:
    name = chance.choice(names)
    data = (work / name).read_bytes()
    at = chance.randrange(len(data) + 1)
    (work / name).write_bytes(data[:at] + chance.randbytes(chance.randint(1, 40)) + data[at:])
    return f"bytes put into {name} at {at}", name


def _remove(work: Path, names: list[str], chance: random.Random) -> tuple[str, str]:
    name = chance.choice([one for one in names if one != MANIFEST])
    (work / name).unlink()
    return f"{name} removed", name


def _add(work: Path, names: list[str], chance: random.Random) -> tuple[str, str]:
    name = f"footage/more-{chance.randrange(99)}.mp4"
    shutil.copy(work / chance.choice(names), work / name)
    return f"{name} added", name


def _swap(work: Path, names: list[str], chance: random.Random) -> tuple[str, str]:
    one, other = chance.sample([name for name in names if name != MANIFEST], 2)
    (work / one).rename(work / "kept")
    (work / other).rename(work / one)
    (work / "kept").rename(work / other)
    return f"{one} and {other} swapped", one


def _edit(work: Path, names: list[str], chance: random.Random) -> tuple[str, str]:
    value = json.loads((work / MANIFEST).read_bytes())
    statement = value["statement"]
    edits: list[Any] = [
        lambda: statement["interval"].update(to_ns=statement["interval"]["to_ns"] + S),
        lambda: statement.update(reason="Kasus 13"),
        lambda: statement["cameras"][0].update(name="Terminal"),
        statement["cameras"][0]["gaps"].clear,
        statement["members"].pop,
        lambda: statement["runs"][0].update(correction_ns=5 * S),
    ]
    chance.choice(edits)()
    (work / MANIFEST).write_bytes(canonical(value))
    return "the statement edited", MANIFEST


async def test_the_first_changed_group_is_named(made: Exports, package: Path) -> None:
    """With its shown time and its bytes, whatever else is changed behind it."""
    line = json.loads((package / "proof/sampit-pasar-01-main.jsonl").read_bytes().splitlines()[1])
    _, wall_ns, _, _, start, size = line["gops"][1]
    data = bytearray((package / FOOTAGE).read_bytes())
    data[start + size - 10] ^= 1
    data[start + 3 * size] ^= 1
    (package / FOOTAGE).write_bytes(data)
    (change,) = verify(package).changes
    assert (change.member, change.from_ns, change.start, change.end) == (FOOTAGE, wall_ns, start, start + size)
    assert change.to_ns is not None
    assert wall_ns < change.to_ns <= wall_ns + S
    (package / FOOTAGE).write_bytes(data[: start + 5])
    (change,) = verify(package).changes
    assert (change.from_ns, change.start) == (wall_ns, start)


async def test_what_another_key_signs_is_found(made: Exports, package: Path) -> None:
    """Footage, proof and manifest made anew as if by another installation: intact in itself, and not by this key."""
    value = json.loads((package / MANIFEST).read_bytes())
    statement = value["statement"]
    statement["reason"] = "nothing happened"
    statement["key"] |= {"public_key": OTHER.public, "fingerprint": OTHER.fingerprint, "certificate": ""}
    (package / MANIFEST).write_bytes(manifest.sealed(statement, OTHER))
    for key in (made.key, made.installation):
        assert verify(package, key.fingerprint).verdict is Verdict.OTHER_KEY
    found = verify(package)
    assert (found.verdict, found.signer, found.installation) == (Verdict.COMPARE, OTHER.fingerprint, "")


async def test_leaves_that_no_node_stated_are_found(made: Exports, package: Path) -> None:
    """Whoever holds the exporting node's key still cannot change footage that another Checkpoint vouches for."""
    value = json.loads((package / MANIFEST).read_bytes())
    statement = value["statement"]
    statement["runs"][0]["links"][0][1] = "00" * 32
    (package / MANIFEST).write_bytes(manifest.sealed(statement, made.key))
    found = verify(package, made.key.fingerprint)
    assert found.verdict is Verdict.CHANGED
    assert any("is not what its node stated" in change.words for change in found.changes)


async def test_checkpoints_of_another_installation_are_noted(made: Exports, package: Path) -> None:
    """Whoever holds the exporting node's key alone can sign Checkpoints with a key of his own, and certify that."""
    value = json.loads((package / MANIFEST).read_bytes())
    statement = value["statement"]
    (key,) = statement["keys"]
    key["certificate"] = certificate(OTHER, key["node"], key["public_key"])
    (package / MANIFEST).write_bytes(manifest.sealed(statement, made.key))
    (note,) = verify(package, made.installation.fingerprint).notes
    assert "another installation" in note
    assert OTHER.fingerprint in note


def test_hostile_packages_are_refused(tmp_path: Path) -> None:
    """Names that leave the package, links, compression, what is there twice, what is none: in words, and at once."""
    path = tmp_path / "bad.zip"
    for name in ("../x", "/etc/x", "a/../../x", "C:\\x", "a\x1b[31m", "a//b"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo(name), b"x")
        assert verify(path).verdict is Verdict.UNREADABLE
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, bytes(10_000_000))
    assert "compressed" in verify(path).why
    for data in (b"", b"PK", b"PK\x05\x06" + bytes(18), bytes(100_000), b"\xff" * 70_000):
        path.write_bytes(data)
        assert verify(path).verdict is Verdict.UNREADABLE
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / MANIFEST).symlink_to("/etc/passwd")
    assert verify(folder).verdict is Verdict.UNREADABLE
    (folder / MANIFEST).unlink()
    for text in (
        b"{}",
        b"[" * 100_000,
        b'{"statement":{"kind":"export","version":1},"signature":"x"}',
        b"\xff",
        b"1e999",
    ):
        (folder / MANIFEST).write_bytes(text)
        assert verify(folder).verdict is Verdict.CHANGED
    assert verify(tmp_path / "nowhere").verdict is Verdict.UNREADABLE


def zipped(path: Path, names: tuple[str, ...] = (MANIFEST, "b.txt")) -> bytes:
    """A ZIP of these members; its bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name * 9)
    return path.read_bytes()


def test_zips_that_lie_are_refused(tmp_path: Path) -> None:
    """Offsets beyond everything, another name where the bytes lie, something before and behind, members in members."""
    path = tmp_path / "bad.zip"
    plain = zipped(path)
    listed = plain.rindex(b"PK\x01\x02")
    far = struct.pack("<HHQ", 1, 8, (1 << 64) - 99)
    entry = bytearray(plain[listed : plain.index(b"PK\x05\x06")] + far)
    entry[30:32], entry[42:46] = len(far).to_bytes(2, "little"), b"\xff" * 4
    end = bytearray(plain[plain.index(b"PK\x05\x06") :])
    end[8:12] = b"\x01\x00\x01\x00"
    end[12:20] = struct.pack("<II", len(entry), listed)
    inside = bytearray(plain)
    inside[listed + 42 : listed + 46] = bytes(4)  # both names, one place
    inside = inside.replace(b"b.txt", MANIFEST[:5].encode())
    larger = bytearray(plain)
    first = plain.index(b"PK\x01\x02")
    larger[first + 20 : first + 28] = struct.pack("<II", 300, 300)
    for data in (
        plain[:listed] + entry + end,
        plain.replace(b"b.txt", b"c.txt", 1),
        b"before" + plain,
        plain + b"behind",
        bytes(inside),
        bytes(larger),
    ):
        path.write_bytes(data)
        assert verify(path).verdict is Verdict.UNREADABLE, data
    path.write_bytes(plain)
    assert verify(path).verdict is Verdict.CHANGED  # and opened


def test_a_list_of_members_without_end_is_not_read(tmp_path: Path) -> None:
    """Of a file that is nothing else, at once and in little memory."""
    path, count = tmp_path / "many.zip", 1_000_000
    with path.open("wb") as file:
        file.truncate(46 * count)
        file.seek(46 * count)
        file.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 46 * count, 0, 0))
    found = verify(path)
    assert (found.verdict, found.why) == (Verdict.UNREADABLE, "its list of members is too long")


async def test_samples_that_are_all_one_place_are_not_held(package: Path) -> None:
    """Tables that point at the same bytes again and again would fill any memory."""
    data = bytearray((package / FOOTAGE).read_bytes())
    line = json.loads((package / "proof/sampit-pasar-01-main.jsonl").read_bytes().splitlines()[0])
    gop = line["gops"][0]
    at = data.index(b"stsz")
    count = int.from_bytes(data[at + 12 : at + 16], "big")
    for n in range(count):
        data[at + 16 + 4 * n : at + 20 + 4 * n] = (gop[5] // 25).to_bytes(4, "big")
    at = data.index(b"co64")
    count = int.from_bytes(data[at + 8 : at + 12], "big")
    for n in range(count):
        data[at + 12 + 8 * n : at + 20 + 8 * n] = gop[4].to_bytes(8, "big")
    (package / FOOTAGE).write_bytes(data)
    (change,) = verify(package).changes
    assert "more than the bytes" in change.words


async def test_the_command_says_it_in_words_and_by_its_exit_code(made: Exports, package: Path, tmp_path: Path) -> None:
    """Without settings and without a server."""

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["verify", *arguments])
        return done.exit_code, done.output

    code, said = run(str(tmp_path / "package.zip"))
    assert (code, "compare with the printed key sheet" in said) == (3, True), said
    code, said = run(str(tmp_path / "package.zip"), "--key", made.installation.fingerprint)
    assert (code, "INTACT" in said) == (0, True), said
    (package / FOOTAGE).write_bytes((package / FOOTAGE).read_bytes()[:-1])
    code, said = run(str(package), "--json")
    assert (code, json.loads(said)["changes"][0]["member"]) == (1, FOOTAGE), said
