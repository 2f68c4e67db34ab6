"""The outside time stamp of a package: that it is there where the manifest says so, and what it proves. Pure but for
reading members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recorder.package_read import Package
from recorder.verify_footage import Change
from vms.proof import manifest
from vms.proof.timestamp import MAX_BYTES, BadTimestampError, Timestamp, roots, verified


def check_timestamp(
    package: Package, statement: Mapping[str, Any], trusted: bytes, changes: list[Change], notes: list[str]
) -> Timestamp | None:
    """What an authority says, None where none was asked. `trusted`: PEM of the root certificate that whoever verifies
    has by another way; empty: that of the package is used, and is to be compared."""
    said = statement.get("timestamp")
    if said is None:
        return None
    if not said["member"]:
        notes.append(f"an outside time stamp was asked for and not given: {said['why']}")
        return None
    member, signed = package.members.get(manifest.STAMP), package.members[manifest.NAME]
    if member is None:
        changes.append(Change(manifest.STAMP, "it is missing: it was removed or renamed"))
        return None
    try:
        certificates = roots(trusted or str(said["certificates"]).encode("ascii", "replace"))
        found = verified(member.read(0, MAX_BYTES + 1), signed.read(0, signed.size), certificates)
    except BadTimestampError as error:
        words = "it is no time stamp of this manifest by the authority that was given" if trusted else str(error)
        changes.append(Change(manifest.STAMP, words))
    else:
        return found
    return None


def is_stamp(statement: Mapping[str, Any], name: str) -> bool:
    """Whether a member is the time stamp, which no list in the manifest can name."""
    said = statement.get("timestamp")
    return name == manifest.STAMP and isinstance(said, Mapping) and said.get("member") == manifest.STAMP
