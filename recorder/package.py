"""An Export's package: its folder of members, the manifest that signs for them, and the ZIP that they are sent as.

A package is a closed list: footage, proof, Checkpoints, a page that plays it, a report, and `manifest.json`, which
names all others with size and SHA-256. `layout.json` beside them is for the ZIP and no member. Blocking: executor only.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recorder.export_file import Member
from recorder.package_pages import player_page, report_page
from recorder.timestamping import Authority, NoTimestampError, ask
from recorder.zip_layout import ZipLayout, ZipMember
from vms import __version__, logs
from vms.errors import NotFoundError, ObjectError
from vms.proof import manifest
from vms.proof.checkpoint import canonical
from vms.proof.keys import NodeKey

log = logs.get(__name__)

PLAYER, REPORT = "index.html", "report.html"
_LAYOUT = "layout.json"
_SETTLED = "settled"


def finish_package(
    folder: Path,
    about: Mapping[str, Any],
    files: Sequence[Mapping[str, Any]],
    checkpoints: Mapping[str, bytes],
    key: NodeKey,
    authority: Authority | None = None,
) -> dict[str, Any]:
    """Write what is left to write: Checkpoints, pages, manifest, time stamp, layout. `about`: the statement without
    `members`; `files`: facts of the members that are there; `authority`: who is asked for a time stamp of the manifest.
    Gives size and SHA-256 of the manifest; `settle` makes it durable."""
    facts = [dict(one) for one in files]
    for name, data in sorted(checkpoints.items()):
        facts.append(_written(folder, name, data))
    facts.append(_written(folder, PLAYER, player_page(about).encode()))
    facts.append(_written(folder, REPORT, report_page(about, facts).encode()))
    facts.sort(key=lambda fact: str(fact["name"]))
    members = [[fact["name"], fact["size"], fact["sha256"]] for fact in facts]
    statement = {
        "version": manifest.VERSION,
        "kind": manifest.KIND,
        "software": f"vms {__version__}",
        **about,
        "members": members,
    }
    data, stamp = (manifest.sealed(statement, key), None) if authority is None else _stamped(statement, key, authority)
    signed = [_written(folder, manifest.NAME, data)]
    signed += [] if stamp is None else [_written(folder, manifest.STAMP, stamp)]
    layout = {
        "made_ns": about["made_ns"],
        "members": [[one["name"], one["size"], one["crc32"]] for one in [*signed, *facts]],
    }
    _written(folder, _LAYOUT, canonical(layout))
    return {"size_bytes": zip_layout(folder).size, "manifest_sha256": signed[0]["sha256"]}


def _stamped(statement: dict[str, Any], key: NodeKey, authority: Authority) -> tuple[bytes, bytes | None]:
    """The manifest and the authority's word about it. The manifest says that there is one, so that it cannot be taken
    out unseen, or why there is none."""
    try:
        certificates = authority.ca.read_bytes().decode("ascii", "replace")
    except OSError:
        certificates = ""  # said below, by who needs them
    data = manifest.sealed({**statement, "timestamp": {"member": manifest.STAMP, "certificates": certificates}}, key)
    try:
        answer, _ = ask(authority, data)
    except NoTimestampError as error:
        log.warning("a package has no outside time stamp", export=statement["id"], why=str(error))
        return manifest.sealed({**statement, "timestamp": {"member": "", "why": str(error)}}, key), None
    return data, answer


def zip_layout(folder: Path) -> ZipLayout:
    """The ZIP of a finished package. NotFoundError where it is gone."""
    try:
        value = json.loads((folder / _LAYOUT).read_bytes())
    except (OSError, ValueError):
        raise NotFoundError("the package is not there any more", reason="export_gone") from None
    return ZipLayout([ZipMember(*one) for one in value["members"]], value["made_ns"])


def read_zip(folder: Path, layout: ZipLayout, offset: int, length: int) -> bytes:
    """Bytes [offset, offset + length) of the ZIP, fewer at its end. ObjectError where a member is gone or short."""
    return b"".join(_pieces(folder, layout, offset, length))


def _pieces(folder: Path, layout: ZipLayout, offset: int, length: int) -> Iterator[bytes]:
    for piece in layout.pieces(offset, length):
        if not piece.member:
            yield piece.data
            continue
        try:
            with (folder / piece.member).open("rb") as file:
                data = os.pread(file.fileno(), piece.size, piece.start)
        except OSError as error:
            raise ObjectError(f"{piece.member} of the package cannot be read: {error.strerror}") from None
        if len(data) != piece.size:
            raise ObjectError(f"{piece.member} of the package is cut off")
        yield data


def _written(folder: Path, name: str, data: bytes) -> dict[str, Any]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        member = Member(file)
        member.write(data)
    return member.fact(name)


def file_fact(folder: Path, name: str) -> dict[str, Any]:
    """What the manifest and the ZIP say of a member that another program wrote."""
    sha, crc, size = hashlib.sha256(), 0, 0
    with (folder / name).open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
            crc, size = zlib.crc32(block, crc), size + len(block)
    return {"name": name, "size": size, "sha256": sha.hexdigest(), "crc32": crc}


def settle(folder: Path) -> None:
    """A power failure costs nothing of a package from here on. It takes as long as the disk, and so comes last."""
    for path in [*folder.rglob("*"), folder]:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    (folder / _SETTLED).touch()


def is_settled(folder: Path) -> bool:
    """Whether `settle` came to its end; what a power failure left otherwise may be anything."""
    return (folder / _SETTLED).exists()
