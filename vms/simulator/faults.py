"""What a stream can be told to do wrong, and the request that tells it. Pure.

{"camera": slug|"*", "stream": "main"|"sub"|"*", "fault": kind, …}: `refuse` ("how": "503"|"close"; new sessions only),
`stall`, `drop` (once, at once), `resolution` ("size": "640x480"), `no_key`, `password`, `loss` ("rate": 0..1),
`close_every` ("seconds"), `none` ends them; `status` changes nothing and tells who is connected. A standing fault
replaces the one before, except that `drop` leaves it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vms.errors import InputError
from vms.simulator.options import parse_size

_KINDS = frozenset(
    {"refuse", "stall", "drop", "resolution", "no_key", "password", "loss", "close_every", "none", "status"}
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A standing fault of a stream; the default is none."""

    kind: str = "none"
    how: str = "503"
    size: tuple[int, int] | None = None
    rate: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Order:
    """A fault and the streams it is meant for; `*` is any."""

    camera: str
    stream: str
    fault: Fault

    def meets(self, camera: str, stream: str) -> bool:
        """Whether that stream is meant."""
        return self.camera in {"*", camera} and self.stream in {"*", stream}


def parse(line: bytes) -> Order:
    """An order out of a JSON line; InputError where it is none."""
    try:
        given = json.loads(line)
    except ValueError as error:
        raise InputError("not a JSON line") from error
    if not isinstance(given, dict):
        raise InputError("not a JSON object")
    kind = str(given.get("fault", ""))
    if kind not in _KINDS:
        raise InputError(f"unknown fault: {kind}", hint=f"one of {', '.join(sorted(_KINDS))}", field="fault")
    return Order(str(given.get("camera", "*")), str(given.get("stream", "*")), _fault(kind, given))


def _fault(kind: str, given: Mapping[str, Any]) -> Fault:
    try:
        if kind == "loss":
            rate = float(given.get("rate", 0.02))
            if not 0 <= rate <= 1:
                raise InputError("rate must be from 0 to 1", field="rate")
            return Fault(kind, rate=rate)
        if kind == "close_every":
            seconds = float(given.get("seconds", 30))
            if seconds <= 0:
                raise InputError("seconds must be positive", field="seconds")
            return Fault(kind, seconds=seconds)
        if kind == "resolution":
            return Fault(kind, size=parse_size(str(given["size"])) if "size" in given else None)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error
    how = str(given.get("how", "503"))
    if how not in {"503", "close"}:
        raise InputError("how must be 503 or close", field="how")
    return Fault(kind, how=how)
