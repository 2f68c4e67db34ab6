"""From the leaves of a package to what the recording Nodes signed: Segment roots, the chain of each Run, Checkpoints.

Segments that no Checkpoint vouches for are said, and are no change: the package's own signature is for them too. Pure
but for reading members.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recorder.package_read import Package
from recorder.verify_footage import Change, ProofLines
from vms.errors import FootageError
from vms.proof import chain
from vms.proof.certificate import certified_by
from vms.proof.checkpoint import BadCheckpointError, Checkpoint, opened

_MAX_CHECKPOINT_BYTES = 64 << 20
_MANIFEST = "manifest.json"


def check_runs(package: Package, statement: Mapping[str, Any], changes: list[Change], notes: list[str]) -> None:
    """Adds what does not fit to `changes`, and to `notes` what is not vouched for."""
    segments = _segments(package, statement)
    keys = {str(key["fingerprint"]): key for key in statement["keys"]}
    checkpoints: dict[str, Checkpoint | None] = {}
    unsure, uncertified, others = 0, set(), set()
    mine = certified_by(*(str(statement["key"][name]) for name in ("certificate", "node", "public_key")))
    for run in statement["runs"]:
        theirs = segments.pop(str(run["id"]), {})
        name = str(run["checkpoint"])
        if not name:
            unsure += 1
            continue
        if name not in checkpoints:
            checkpoints[name] = _checkpoint(package, name, changes)
        one = checkpoints[name]
        if one is None:
            continue
        if one.node != run["node"] or one.site != run["site"]:
            changes.append(Change(name, f"it is not of the node that recorded {run['id']}"))
        elif (why := _chained(run, theirs, one)) is not None:
            changes.append(Change(name, why))
        known = keys.get(one.fingerprint, one.key)
        by = certified_by(str(known["certificate"]), one.node, str(one.key["public_key"]))
        if by is None:
            uncertified.add(one.fingerprint)
        elif by != mine:
            others.add((one.fingerprint, by))
    unsaid = (f"it says nothing of the Run {run_id}, of which there is footage" for run_id in segments)
    changes.extend(Change(_MANIFEST, words) for words in unsaid)
    if unsure:
        notes.append(f"{unsure} of {len(statement['runs'])} recording runs are in no Checkpoint of their node yet")
    notes.extend(
        f"the key {key} of a recording node is not certified by an installation" for key in sorted(uncertified)
    )
    notes.extend(
        f"the key {key} of a recording node is certified by another installation, {by}: compare with an older key sheet"
        for key, by in sorted(others)
    )


def _chained(run: Mapping[str, Any], segments: Mapping[int, tuple[str, str]], one: Checkpoint) -> str | None:
    """None where the Segments' roots lead to the head that the Checkpoint signs."""
    run_id, at_head, seen = str(run["id"]), str(run["previous_root"]), set()
    for number, root in run["links"]:
        said = segments.get(int(number))
        if said is not None:
            seen.add(int(number))
            if said != (at_head, str(root)):
                return f"the footage of the Run {run_id} is not what its node stated (Segment {number})"
        at_head = chain.head(run_id, int(number), at_head, str(root))
    heads = {(str(named), str(head)) for named, _, head in one.heads}
    if (run_id, at_head) not in heads:
        return f"it does not state the footage of the Run {run_id}"
    if seen != set(segments):
        return f"it does not reach all footage of the Run {run_id}"
    return None


def _segments(package: Package, statement: Mapping[str, Any]) -> dict[str, dict[int, tuple[str, str]]]:
    """By Run and number: previous root and root, of all footage that is there."""
    found: dict[str, dict[int, tuple[str, str]]] = {}
    for camera in statement["cameras"]:
        for file in camera["files"]:
            proof = package.members.get(str(file["proof"]))
            if proof is None:
                continue
            try:
                for line in ProofLines(proof):
                    roots = str(line["previous_root"]), str(line["leaf_root"])
                    found.setdefault(str(line["run"]), {})[int(line["number"])] = roots
            except (FootageError, KeyError, TypeError, ValueError):
                continue  # said already: that member is not as it was
    return found


def _checkpoint(package: Package, name: str, changes: list[Change]) -> Checkpoint | None:
    member = package.members.get(name)
    if member is None or member.size > _MAX_CHECKPOINT_BYTES:
        return None  # said already
    try:
        return opened(member.read(0, member.size))
    except BadCheckpointError as error:
        changes.append(Change(name, str(error)))
        return None
