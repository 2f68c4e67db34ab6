"""Carrying out a Plan: Sites, then all cameras in one transaction; and taking it back for a while.

What is taken back is kept in memory, since it holds passwords: ten minutes, on the node that was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera
from vms.domain.ids import new_id
from vms.errors import NotFoundError
from vms.store.catalogue import Catalogue
from web.sheet.plan import Fate, Judged, Plan

KEPT_NS = 600 * NS_PER_S
_KEPT_MAX = 8
AUDITED_AT_ONCE = 60


@dataclass(frozen=True)
class Done:
    """What was carried out: the rows that were, with cameras as they are now."""

    judged: tuple[Judged, ...]

    @property
    def cameras(self) -> list[Camera]:
        """All that are new or changed."""
        return [one.camera for one in self.judged if one.camera is not None]


async def carry_out(plan: Plan, catalogue: Catalogue) -> Done:
    """ConflictError where somebody else was quicker: no camera is registered or changed then; look again."""
    for site in plan.sites:
        await catalogue.sites.put(site)
    new = plan.of(Fate.NEW)
    changed = plan.of(Fate.CHANGED)
    added = await catalogue.cameras.put_all(
        [one.camera for one in new if one.camera], [one.camera for one in changed if one.camera]
    )
    numbered = [replace(one, camera=camera) for one, camera in zip(new, added, strict=True)]
    return Done((*numbered, *changed))


async def write_down(
    catalogue: Catalogue, person: str, action: str, cameras: Sequence[Camera], **detail: object
) -> None:
    """Into the audit log, some dozens of cameras an entry: each by its short name, none of its values."""
    subject = new_id()
    for start in range(0, max(1, len(cameras)), AUDITED_AT_ONCE):
        slugs = [camera.slug for camera in cameras[start : start + AUDITED_AT_ONCE]]
        await catalogue.audit.add(person, action, subject, {**detail, "cameras": slugs, "of": len(cameras)})


@dataclass(frozen=True)
class _Kept:
    person: str
    done: Done
    until_ns: int


class Sheets:
    """What was carried out lately, for who did it; and one after the other, since a file is judged and carried out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self.one_at_a_time = asyncio.Lock()

    def keep(self, person: str, done: Done) -> str:
        """Under a name for `take`."""
        self._forget()
        while len(self._kept) >= _KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        name = new_id()
        self._kept[name] = _Kept(person, done, self._clock.mono_ns() + KEPT_NS)
        return name

    def take(self, person: str, name: str) -> Done:
        """Once. NotFoundError: it is too long ago, was somebody else's, or another node was asked."""
        self._forget()
        kept = self._kept.get(name)
        if kept is None or kept.person != person:
            raise NotFoundError(
                "This can no longer be undone.", hint="Change the cameras themselves.", reason="sheet_undo_gone"
            )
        del self._kept[name]
        return kept.done

    def _forget(self) -> None:
        now_ns = self._clock.mono_ns()
        self._kept = {name: kept for name, kept in self._kept.items() if kept.until_ns > now_ns}


async def take_back(done: Done, catalogue: Catalogue, at_ns: int) -> tuple[list[Camera], int]:
    """Remove what was new, and put back what was changed, all in one transaction. Whatever somebody changed since stays
    as it is: gives the cameras that were taken back, and how many were not."""
    now = {camera.id: camera for camera in await catalogue.cameras.list()}
    removed: list[str] = []
    restored: list[Camera] = []
    for one in done.judged:
        camera = one.camera
        if camera is None or camera.id not in now or now[camera.id].rev != camera.rev:
            continue
        if one.before is None:
            removed.append(camera.id)
        else:
            restored.append(replace(one.before, rev=camera.rev + 1))
    await catalogue.cameras.put_all([], restored, removed, at_ns)
    back = [now[camera_id] for camera_id in removed] + restored
    return back, len(done.cameras) - len(back)
