"""`vms verify`: whether a package is what was exported. Needs no server, no settings and no network.

Its exit codes are its own: 0 intact and signed by the given key, 1 changed, 2 not a package or wrong usage, 3 intact
but no key was given to compare with, 4 intact but signed by another key than the given one.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vms.cli.terminal import Progress

if TYPE_CHECKING:
    from recorder.verify_footage import Change

_SHOWN = 20


def verify(
    package: Annotated[Path, typer.Argument(help="The ZIP, or the folder it was unpacked to.")],
    key: Annotated[str, typer.Option("--key", help="Fingerprint on the printed key sheet; blanks do not matter.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Whether a package is as it was exported, and if not, what was changed.

    Exit codes: 0 intact and signed by KEY, 1 changed, 2 no package, 3 intact but compare the key, 4 another key."""
    from recorder import verify as verifying
    from recorder.package_pages import grouped

    progress = Progress()
    found = verifying.verify(package, key, lambda name: progress.say(f"looking at {name}"))
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


def _where(change: Change) -> str:
    parts = []
    if change.from_ns is not None:
        end = "" if change.to_ns is None else f" to {_time(change.to_ns)}"
        parts.append(f"from {_time(change.from_ns)}{end}")
    if change.start is not None and change.end is not None:
        parts.append(f"bytes {change.start} to {change.end}")
    return f" ({', '.join(parts)})" if parts else ""


def _time(ns: int) -> str:
    try:
        return f"{dt.datetime.fromtimestamp(ns // 10**9, dt.UTC):%Y-%m-%d %H:%M:%S}.{ns % 10**9 // 10**6:03d} UTC"
    except (ValueError, OverflowError, OSError):
        return str(ns)
