"""Who may do what on this node: the pure decision (vms/domain/rights.py) over the Site tree as the catalogue has it.

`Eyes` are one person's at one moment, made per request; whoever goes on (a wall, a WHEP session) asks again every two
seconds, so that what is taken away ends within five. Event loop only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from vms.clock import Clock
from vms.domain import rights
from vms.domain.camera import Camera, Site
from vms.domain.rights import Holding, Right, SiteTree
from vms.errors import ForbiddenError, NotFoundError
from vms.store.catalogue import Catalogue
from vms.store.scope import Scope
from web.roster import Roster

LOOK_AGAIN_S = 2.0


class NoRightError(ForbiddenError):
    """Somebody asked for what nobody gave them."""

    code = "no_right"


def no_right(right: Right) -> NoRightError:
    """What is said of a right that is missing."""
    return NoRightError(
        f"You do not have the right for this ({right}).", hint="An admin can give it.", reason="no_right"
    )


def no_camera() -> NotFoundError:
    """What is said of a camera that is not there, or that this person may not know of: the same words."""
    return NotFoundError("There is no such camera.", hint="It may have been removed.", reason="camera_gone")


@dataclass(frozen=True)
class Eyes:
    """What one person may see and do now. `need…` raise NoRightError, or NotFoundError of what they may not know of."""

    holding: Holding
    tree: SiteTree
    now_ns: int

    @property
    def everywhere(self) -> bool:
        """Whether nothing is hidden from this person, so that lists need no sieve."""
        return not self.holding.exceptions and self.at(Right.ADMIN, None)

    def somewhere(self, right: Right) -> bool:
        """Whether there is anything on which the person has the right."""
        return rights.may_somewhere(self.holding, right, self.now_ns)

    def at(self, right: Right, site: str | None) -> bool:
        """On a Site and all below it; None: on everything."""
        return rights.may_at(self.holding, right, site, self.tree, self.now_ns)

    def camera(self, right: Right, camera: Camera) -> bool:
        """On a Camera."""
        return rights.may_camera(self.holding, right, camera.id, camera.site, self.tree, self.now_ns)

    def steering(self, camera: Camera) -> int:
        """With which priority they steer a Camera."""
        return rights.steering_priority(self.holding, camera.site, self.tree, self.now_ns)

    def sees(self, camera: Camera) -> bool:
        """Whether they may know of a Camera."""
        return rights.sees_camera(self.holding, camera.id, camera.site, self.tree, self.now_ns)

    def seen(self, cameras: Iterable[Camera]) -> list[Camera]:
        """Those they may know of."""
        return [camera for camera in cameras if self.sees(camera)]

    def sites(self, sites: Sequence[Site], cameras: Iterable[Camera]) -> frozenset[str]:
        """Ids of the Sites they may know of."""
        homes = {camera.id: camera.site for camera in cameras}
        return rights.seen_sites(self.holding, self.tree, [site.id for site in sites], homes, self.now_ns)

    def scope(self, sites: Iterable[Site], cameras: Iterable[Camera], right: Right | None = None) -> Scope | None:
        """What of lists about Cameras and Sites they may see: of Cameras they know of, or on which they have `right`.
        None: all. `cameras`: removed ones too."""
        if self.everywhere:
            return None
        seen = [c.id for c in cameras if (self.sees(c) if right is None else self.camera(right, c))]
        wanted = rights.SEEING if right is None else {right}
        return Scope(seen, [site.id for site in sites if any(self.at(each, site.id) for each in wanted)])

    def need(self, right: Right, site: str | None) -> None:
        """Refuse unless they have it on a Site; None: on everything."""
        if not self.at(right, site):
            raise no_right(right)

    def need_somewhere(self, right: Right) -> None:
        """Refuse who has it nowhere."""
        if not self.somewhere(right):
            raise no_right(right)

    def need_camera(self, right: Right, camera: Camera) -> None:
        """Refuse unless they have it on a Camera."""
        if not self.sees(camera):
            raise no_camera()
        if not self.camera(right, camera):
            raise no_right(right)

    def need_cameras(self, right: Right, cameras: Iterable[Camera]) -> None:
        """The same for several: all or none."""
        for camera in cameras:
            self.need_camera(right, camera)


class Authority:
    """Makes Eyes."""

    def __init__(self, catalogue: Catalogue, roster: Roster, clock: Clock) -> None:
        self._catalogue = catalogue
        self._roster = roster
        self._clock = clock

    async def eyes(self, holding: Holding) -> Eyes:
        """Of somebody, with the tree as it is."""
        tree = SiteTree({site.id: site.parent for site in await self._catalogue.sites.list()})
        return Eyes(holding, tree, self._clock.now_ns())

    async def scope(self, eyes: Eyes, right: Right | None = None) -> Scope | None:
        """`Eyes.scope` over what is in the catalogue."""
        if eyes.everywhere:
            return None
        cameras = await self._catalogue.cameras.list(include_deleted=True)
        return eyes.scope(await self._catalogue.sites.list(), cameras, right)

    async def allowed(self, person: str, right: Right, cameras: Collection[str], *, removed: bool = False) -> set[str]:
        """On which of these cameras (id), with `removed` also of those that were removed, a person has the right now;
        none once the account is closed or gone."""
        found = await self._catalogue.people.get(person)
        if found is None:
            return set()
        eyes = await self.eyes(found.holding)
        known = await self._named(cameras)
        return {one.id for one in known if (removed or one.deleted_ns is None) and eyes.camera(right, one)}

    async def _named(self, cameras: Collection[str]) -> list[Camera]:
        """Every wall asks every two seconds: one reading for all, and one row for what it does not know (yet)."""
        known = await self._roster.cameras()
        others = [await self._catalogue.cameras.get(id_) for id_ in set(cameras) - known.keys()]
        return [known[id_] for id_ in cameras if id_ in known] + [one for one in others if one is not None]
