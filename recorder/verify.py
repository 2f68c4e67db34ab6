"""Verifies a package of an Export, on a machine that never saw the server: no catalogue, Store, bus or settings.

Four questions, each with its own answer: is the manifest as it was signed; are the members just those that it lists;
do the samples of the footage, as a player reads them, give the leaves that were hashed when they were recorded; and do
these leaves lead to a Checkpoint that the recording Node signed. What is changed is named. Blocking.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from recorder.package_read import BadPackageError, OpenMember, Package, opened
from recorder.verify_footage import Change, ProofLines, check_footage
from recorder.verify_notes import notes_of, undeclared, utc
from recorder.verify_runs import check_runs
from recorder.verify_timestamp import check_timestamp, is_stamp
from vms.errors import FootageError
from vms.proof import manifest
from vms.proof.manifest import BadManifestError, Manifest
from vms.proof.timestamp import Timestamp

_BLOCK_BYTES = 1 << 20
_SHOWN = 200


class Verdict(IntEnum):
    """What comes of it; the numbers are the exit codes of `vms verify`."""

    INTACT = 0
    CHANGED = 1
    UNREADABLE = 2
    COMPARE = 3
    OTHER_KEY = 4


@dataclass
class Verified:
    """`changes`: what is not as it was signed; `notes`: what a judge should know besides; `signer`: fingerprint of the
    key that signed, `installation`: of the one that certifies it, empty where none does; `about`: what is said of the
    package in its manifest; `timestamp`: what an outside authority says of when, where one was asked."""

    verdict: Verdict
    why: str = ""
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    signer: str = ""
    installation: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    timestamp: Timestamp | None = None


def verify(path: Path, key: str = "", told: Callable[[str], None] = lambda _: None, *, tsa: bytes = b"") -> Verified:
    """`key`: the fingerprint that the printed key sheet shows, of the installation or of the Node; blanks and case do
    not matter. `told`: what is being looked at. `tsa`: PEM of the time-stamping authority's root certificate."""
    try:
        with opened(path) as package:
            return _verified(package, "".join(key.split()).replace(":", "").lower(), told, tsa)
    except BadPackageError as error:
        return Verified(Verdict.UNREADABLE, str(error))
    except OSError as error:
        return Verified(Verdict.UNREADABLE, f"{path} cannot be read: {error.strerror}")


def _verified(package: Package, key: str, told: Callable[[str], None], tsa: bytes) -> Verified:
    member = package.members.get(manifest.NAME)
    if member is None:
        return Verified(Verdict.UNREADABLE, "there is no manifest.json in it: it is no package, or that was removed")
    if member.size > manifest.MAX_BYTES:
        return Verified(Verdict.UNREADABLE, "its manifest.json is too large")
    try:
        read = manifest.read(member.read(0, member.size))
    except BadManifestError as error:
        return Verified(Verdict.CHANGED, changes=[Change(manifest.NAME, str(error))])
    found = Verified(Verdict.CHANGED, signer=read.signer, installation=read.installation or "", about=read.statement)
    if not read.whole:
        found.changes.append(Change(manifest.NAME, "it is not as it was signed"))
    try:
        _members(package, read, found, told)
        _footage(package, read, found, told)
        check_runs(package, read.statement, found.changes, found.notes)
        found.notes.extend(notes_of(read.statement))
        words = "it lies among the derivatives, and is not said to be one of a footage that is there"
        found.changes.extend(Change(name, words) for name in undeclared(read.statement))
        found.timestamp = check_timestamp(package, read.statement, tsa, found.changes, found.notes)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError):
        # What a Node signs has all that is looked for.
        found.changes.append(Change(manifest.NAME, "it does not say what a manifest says"))
    del found.changes[_SHOWN:]
    found.verdict = _verdict(found, key)
    return found


def _verdict(found: Verified, key: str) -> Verdict:
    known = {print_ for print_ in (found.signer, found.installation) if print_}
    if found.changes:
        return Verdict.CHANGED
    if not key:
        return Verdict.COMPARE
    return Verdict.INTACT if key in known else Verdict.OTHER_KEY


def _members(package: Package, read: Manifest, found: Verified, told: Callable[[str], None]) -> None:
    """The closed list: nothing missing, nothing more, nothing changed."""
    listed = {str(name): (int(size), str(sha256)) for name, size, sha256 in read.statement["members"]}
    if len(listed) != len(read.statement["members"]):
        found.changes.append(Change(manifest.NAME, "it names a member twice"))
    for name in sorted(package.members.keys() - listed.keys() - {manifest.NAME}):
        if is_stamp(read.statement, name):
            continue
        found.changes.append(Change(name, "it does not belong to the package: it was added"))
    for name, (size, sha256) in sorted(listed.items()):
        member = package.members.get(name)
        if member is None:
            found.changes.append(Change(name, "it is missing: it was removed or renamed"))
            continue
        told(name)
        if member.size != size:
            found.changes.append(Change(name, f"it has {member.size} bytes and had {size}"))
        elif _sha256(member) != sha256:
            found.changes.append(Change(name, "its bytes were changed"))


def _footage(package: Package, read: Manifest, found: Verified, told: Callable[[str], None]) -> None:
    """Samples against leaves, file by file; where a file was changed, which group of pictures."""
    corrections = {str(run["id"]): int(run.get("correction_ns", 0)) for run in read.statement["runs"]}
    for camera in read.statement["cameras"]:
        for file in camera["files"]:
            name, proof = str(file["member"]), package.members.get(str(file["proof"]))
            video = package.members.get(name)
            if video is None or proof is None:
                continue
            told(name)
            known = next((one for one in found.changes if one.member == name), None)
            try:
                change = check_footage(video.read, video.size, file, ProofLines(proof), corrections, known is not None)
            except FootageError as error:
                change = Change(name, f"its samples do not fit its proof: {error.message}")
            if change is not None and known is not None:
                found.changes[found.changes.index(known)] = change.joined(known)
            elif change is not None:
                found.changes.append(change)


def _sha256(member: OpenMember) -> str:
    digest, at = hashlib.sha256(), 0
    while block := member.read(at, _BLOCK_BYTES):
        digest.update(block)
        at += len(block)
    return digest.hexdigest()


def as_json(found: Verified) -> str:
    """For a program that asks."""
    stamp = found.timestamp
    return json.dumps(
        {
            "verdict": found.verdict.name.lower(),
            "why": found.why,
            "signer": found.signer,
            "installation": found.installation,
            "changes": [change.value() for change in found.changes],
            "notes": found.notes,
            "timestamp": None if stamp is None else {**asdict(stamp), "at": utc(stamp.at_ns)},
        },
        indent=2,
    )
