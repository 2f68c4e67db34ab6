"""What a manifest says that whoever verifies its package should read, beside what is proved. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

_NAMED = 5


def notes_of(statement: Mapping[str, Any]) -> Iterator[str]:
    """In words; KeyError, TypeError or ValueError where it does not say what a manifest says."""
    for camera in statement["cameras"]:
        left = camera.get("left_out", [])
        if left:
            spans = ", ".join(f"{utc(int(one['from_ns']))} to {utc(int(one['to_ns']))}" for one in left[:_NAMED])
            more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
            yield f"of {camera['name']} was left out, for it was gone or changed in its Store: {spans}{more}"
    for film in statement.get("derivatives", []):
        masked = ", masks applied" if film["masked"] else ""
        yield (
            f"{film['member']} is a derivative of {', '.join(film['of'])}: {film['how']}{masked}. "
            "It is unchanged since the export; what was recorded is proved of the originals alone"
        )


def undeclared(statement: Mapping[str, Any]) -> list[str]:
    """Members that lie where derivatives are, and that the manifest does not call such; or derivatives of nothing."""
    members = {str(member[0]) for member in statement["members"]}
    films = {str(film["member"]): film for film in statement.get("derivatives", [])}
    stray = {name for name in members if name.startswith("derivatives/")} - films.keys()
    return sorted(stray | {name for name, film in films.items() if not members.issuperset([name, *film["of"]])})


def utc(ns: int) -> str:
    """A time for people, whatever a manifest says it is."""
    try:
        return f"{dt.datetime.fromtimestamp(ns // 10**9, dt.UTC):%Y-%m-%d %H:%M:%S}.{ns % 10**9 // 10**6:03d} UTC"
    except (ValueError, OverflowError, OSError):
        return str(ns)
