"""How much those who use a feed want its Stream, and what the arbiter of the Site's line says to that. No I/O.

Who wants this Stream and no other claims None, and it is not decided about; else the strongest claim is what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vms.domain.camera import LineClaim

WEIGHTS = tuple(LineClaim)


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """What was decided (ingest/arbiter): `given`, else `why`: full or squeezed. Bytes a second of the Stream, of the
    small one, of what crosses the line and of what may, None: nobody said."""

    given: bool
    why: str = ""
    forced: bool = False
    bytes_s: int = 0
    small_bytes_s: int = 0
    used_bytes_s: int = 0
    line_bytes_s: int | None = None


def verdict_of(value: Mapping[str, object]) -> LineVerdict:
    """Of a message of ingest; what it does not know is passed over."""
    return LineVerdict(
        bool(value.get("given")),
        str(value.get("why", "")),
        bool(value.get("forced")),
        _bytes_s(value, "bytes_s") or 0,
        _bytes_s(value, "small_bytes_s") or 0,
        _bytes_s(value, "used_bytes_s") or 0,
        _bytes_s(value, "line_bytes_s"),
    )


def _bytes_s(value: Mapping[str, object], name: str) -> int | None:
    found = value.get(name)
    return found if isinstance(found, int) else None


class Claims:
    """Of one feed. `changed` is called when another claim than before is to be asked for; `verdict`: None while nobody
    decided, as where no line lies between."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.verdict: LineVerdict | None = None
        self._by: dict[object, LineClaim | None] = {}
        self._asked: LineClaim | None = None
        self._told = False
        self._changed = changed

    def put(self, who: object, weight: LineClaim | None) -> None:
        """`who` uses the feed and wants it so much."""
        self._by[who] = weight
        self._look()

    def drop(self, who: object) -> None:
        """`who` does not use it any more. Of a feed that nobody uses at the moment, it is asked as before."""
        self._by.pop(who, None)
        self._look()

    def _look(self) -> None:
        weights = [weight for weight in self._by.values() if weight is not None]
        if not self._by:
            return
        asked = max(weights, key=WEIGHTS.index) if len(weights) == len(self._by) else None
        if asked != self._asked and self._told:
            self._changed()
        self._asked = asked

    def ask(self) -> LineClaim | None:
        """What is to be asked for now."""
        self._told = True
        return self._asked

    @property
    def refused(self) -> bool:
        """The line has no room for the Stream now."""
        return self.verdict is not None and not self.verdict.given
