"""`vms verify`: whether a package is what was exported. Needs no server, no settings and no network.

Its exit codes are its own: 0 intact and signed by the given key, 1 changed, 2 not a package or wrong usage, 3 intact
but no key was given to compare with, 4 intact but signed by another key than the given one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vms.cli.terminal import Progress
from vms.errors import InputError

if TYPE_CHECKING:
    from recorder.verify_footage import Change

_SHOWN = 20


def verify(
    package: Annotated[Path, typer.Argument(help="The ZIP, or the folder it was unpacked to.")],
    key: Annotated[str, typer.Option("--key", help="Fingerprint on the printed key sheet; blanks do not matter.")] = "",
    tsa: Annotated[
        Path | None, typer.Option("--tsa", help="PEM file with the root certificate of the time-stamping authority.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Whether a package is as it was exported, and if not, what was changed.

    Exit codes: 0 intact and signed by KEY, 1 changed, 2 no package, 3 intact but compare the key, 4 another key."""
    from recorder import verify as verifying
    from recorder.package_pages import grouped
    from recorder.verify_notes import utc

    progress = Progress()
    found = verifying.verify(
        package, key, lambda name: progress.say(f"looking at {name}"), tsa=b"" if tsa is None else _roots(tsa)
    )
    progress.end()
    if as_json:
        print(verifying.as_json(found))
        raise typer.Exit(int(found.verdict))
    signed_by = grouped(found.installation or found.signer)
    whose = "the installation" if found.installation else "a node that no installation certifies,"
    for change in found.changes[:_SHOWN]:
        print(f"CHANGED {change.member}: {change.words}{_where(change)}")
    if len(found.changes) > _SHOWN:
        print(f"… and {len(found.changes) - _SHOWN} more")
    for note in found.notes:
        print(f"note: {note}")
    if found.timestamp is not None:
        at, root = utc(found.timestamp.at_ns), grouped(found.timestamp.root)
        compare = "the given one" if tsa else "which came with the package: compare it with the authority's own"
        print(f"time stamp: {found.timestamp.authority} says that it was there at {at}; root {root}, {compare}")
    if found.verdict is verifying.Verdict.UNREADABLE:
        print(f"not a package: {found.why}")
    elif found.verdict is verifying.Verdict.CHANGED:
        print("NOT INTACT: this is not what was exported")
    elif found.verdict is verifying.Verdict.OTHER_KEY:
        print(f"WRONG KEY: intact, but not signed by the key that was given; it is signed by {whose} {signed_by}")
    elif found.verdict is verifying.Verdict.COMPARE:
        print(f"intact, signed by {whose} {signed_by}; compare with the printed key sheet")
    else:
        print(f"INTACT, and signed by the given key: {signed_by}")
    raise typer.Exit(int(found.verdict))


def _roots(file: Path) -> bytes:
    from vms.proof.timestamp import BadTimestampError, roots

    try:
        pem = file.read_bytes()
        roots(pem)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    except BadTimestampError as error:
        raise InputError(f"{file}: {error}", hint="Give the authority's root certificate as PEM.") from None
    return pem


def _where(change: Change) -> str:
    from recorder.verify_notes import utc

    parts = []
    if change.from_ns is not None:
        end = "" if change.to_ns is None else f" to {utc(change.to_ns)}"
        parts.append(f"from {utc(change.from_ns)}{end}")
    if change.start is not None and change.end is not None:
        parts.append(f"bytes {change.start} to {change.end}")
    return f" ({', '.join(parts)})" if parts else ""
