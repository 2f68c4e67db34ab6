"""Ties what is sent for long (a download, a large part of a recording) to the right with which it was begun: it is cut
within seconds when that is taken away. Event loop only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vms.domain.rights import Right
from web.security.authority import Authority


@dataclass(frozen=True, eq=False)
class _Permit:
    person: str
    right: Right
    cameras: frozenset[str]
    cut: Callable[[], None]


class Permits:
    """Those in use; `look` is to be called every few seconds."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._held: set[_Permit] = set()

    @contextmanager
    def held(self, person: str, right: Right, cameras: Collection[str], cut: Callable[[], None]) -> Iterator[None]:
        """For the length of a block: `cut` is called when the person has the right no more on one of the cameras,
        which may have been removed."""
        permit = _Permit(person, right, frozenset(cameras), cut)
        self._held.add(permit)
        try:
            yield
        finally:
            self._held.discard(permit)

    async def look(self) -> None:
        """Cut what is not allowed any more. CatalogueError: nobody lost a right by that."""
        for one in list(self._held):
            if one.cameras != await self._authority.allowed(one.person, one.right, one.cameras, removed=True):
                one.cut()
