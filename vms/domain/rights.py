"""Who may do what: Roles, Grants on the Site tree, exceptions for single Cameras, and the one decision over them.

Pure. Deny by default: what no Grant gives nobody has, and what is not known (a Site without a place in the tree) is not
given. Sites above a granted one are seen by name alone, so that the tree has its branches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """What a Role gives. `live` to `audio` are about a Camera; `operate`: screens, alarms, what is shared with others;
    `investigate`: holds and cases; `admin`: cameras, sites, rules, people; `audit`: who did what."""

    LIVE = "live"
    REPLAY = "replay"
    EXPORT = "export"
    PTZ = "ptz"
    AUDIO = "audio"
    OPERATE = "operate"
    INVESTIGATE = "investigate"
    ADMIN = "admin"
    AUDIT = "audit"


OF_CAMERAS = frozenset({Right.LIVE, Right.REPLAY, Right.EXPORT, Right.PTZ, Right.AUDIO})
"""Rights that an exception can give or take for one Camera."""
SEEING = frozenset({Right.LIVE, Right.REPLAY, Right.ADMIN})
"""Any of these lets a person know that a Camera is there."""


class PersonRole(StrEnum):
    """A named set of rights."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    INVESTIGATOR = "investigator"
    ADMIN = "admin"
    AUDITOR = "auditor"


GIVES: Mapping[PersonRole, frozenset[Right]] = {
    PersonRole.VIEWER: frozenset({Right.LIVE}),
    PersonRole.OPERATOR: frozenset({Right.LIVE, Right.REPLAY, Right.PTZ, Right.AUDIO, Right.OPERATE}),
    PersonRole.INVESTIGATOR: frozenset({Right.LIVE, Right.REPLAY, Right.AUDIO, Right.EXPORT, Right.INVESTIGATE}),
    PersonRole.ADMIN: frozenset(Right),
    PersonRole.AUDITOR: frozenset({Right.AUDIT}),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A Role on a Site and all below it; `site` None: on the whole tree. `until_ns`: from then on it gives nothing."""

    role: PersonRole
    site: str | None = None
    until_ns: int | None = None

    def holds(self, now_ns: int) -> bool:
        """Whether it has not ended."""
        return self.until_ns is None or now_ns < self.until_ns


@dataclass(frozen=True, slots=True)
class CameraException:
    """One right on one Camera, given or taken whatever the Grants say; taken is stronger."""

    camera: str
    right: Right
    allow: bool
    until_ns: int | None = None

    def holds(self, now_ns: int) -> bool:
        """Whether it has not ended."""
        return self.until_ns is None or now_ns < self.until_ns


STEERS: Mapping[PersonRole, int] = {PersonRole.ADMIN: 80, PersonRole.OPERATOR: 50}
"""How surely somebody of a Role keeps a Camera that they steer, 0 to 100; all others `STEERS_LEAST`."""
STEERS_LEAST = 20


class SiteTree:
    """The Sites and what is above each. `parents`: id -> id of the Site above, None at the top."""

    def __init__(self, parents: Mapping[str, str | None]) -> None:
        self._parents = dict(parents)

    def further(self, parents: Mapping[str, str | None]) -> SiteTree:
        """A tree with these Sites too."""
        return SiteTree(self._parents | dict(parents))

    def __contains__(self, site: str) -> bool:
        return site in self._parents

    def up(self, site: str) -> Iterator[str]:
        """The Site and those above it, nearest first; nothing of a Site that is not known, never twice the same."""
        seen: set[str] = set()
        at: str | None = site
        while at is not None and at in self._parents and at not in seen:
            seen.add(at)
            yield at
            at = self._parents[at]


@dataclass(frozen=True, slots=True)
class Holding:
    """All that one person has been given."""

    grants: tuple[Grant, ...] = ()
    exceptions: tuple[CameraException, ...] = ()


NOTHING = Holding()
EVERYTHING = Holding((Grant(PersonRole.ADMIN),))


def roles_at(holding: Holding, site: str | None, tree: SiteTree, now_ns: int) -> frozenset[PersonRole]:
    """Roles that hold on a Site; `site` None: on the whole tree, or on what belongs to no Site."""
    here = {None} if site is None else ({None, *tree.up(site)} if site in tree else set())
    return frozenset(grant.role for grant in holding.grants if grant.holds(now_ns) and grant.site in here)


def may_at(holding: Holding, right: Right, site: str | None, tree: SiteTree, now_ns: int) -> bool:
    """Whether the person has the right on a Site and all that is below it; None: on everything."""
    return any(right in GIVES[role] for role in roles_at(holding, site, tree, now_ns))


def may_camera(holding: Holding, right: Right, camera: str, site: str, tree: SiteTree, now_ns: int) -> bool:
    """Whether the person has the right on a Camera of a Site."""
    said = [
        one.allow
        for one in holding.exceptions
        if one.camera == camera and one.right is right and right in OF_CAMERAS and one.holds(now_ns)
    ]
    return all(said) if said else may_at(holding, right, site, tree, now_ns)


def steering_priority(holding: Holding, site: str, tree: SiteTree, now_ns: int) -> int:
    """How surely the person keeps a Camera of the Site that they steer: the greater may take it from the lesser. It
    gives no right to steer."""
    return max((STEERS.get(role, STEERS_LEAST) for role in roles_at(holding, site, tree, now_ns)), default=STEERS_LEAST)


def sees_camera(holding: Holding, camera: str, site: str, tree: SiteTree, now_ns: int) -> bool:
    """Whether the person may know that the Camera is there."""
    return any(may_camera(holding, right, camera, site, tree, now_ns) for right in SEEING)


def may_somewhere(holding: Holding, right: Right, now_ns: int) -> bool:
    """Whether there is a Site or a Camera on which the person has the right: what a list of such things asks."""
    given = any(grant.holds(now_ns) and right in GIVES[grant.role] for grant in holding.grants)
    return given or any(one.allow and one.right is right and one.holds(now_ns) for one in holding.exceptions)


def rights_somewhere(holding: Holding, now_ns: int) -> frozenset[Right]:
    """All of them: what a page shows or leaves out."""
    return frozenset(right for right in Right if may_somewhere(holding, right, now_ns))


def rights_everywhere(holding: Holding, now_ns: int) -> frozenset[Right]:
    """Those that the person has on the whole tree: without them what belongs to no Site (people, rules) is refused."""
    return frozenset(right for right in Right if may_at(holding, right, None, SiteTree({}), now_ns))


def seen_sites(
    holding: Holding, tree: SiteTree, sites: Iterable[str], cameras: Mapping[str, str], now_ns: int
) -> frozenset[str]:
    """Sites that the person may know of: those of Grants and below, those with a Camera they see, and all above them.
    `cameras`: id -> Site."""
    seen = {site for site in sites if roles_at(holding, site, tree, now_ns)}
    excepted = {one.camera for one in holding.exceptions if one.allow}
    seen |= {
        cameras[camera]
        for camera in excepted & cameras.keys()
        if sees_camera(holding, camera, cameras[camera], tree, now_ns)
    }
    return frozenset(above for site in seen for above in tree.up(site))
