"""What a display shows at this moment, and so which cameras it may watch; by the catalogue and the roster of this node.

A screen shows what whoever pushed it may watch, for as long as they may: what a view or tour is given later counts too.
What an alarm brought is by a rule of the whole system. Its socket and its pictures share one Sight. Event loop only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection

from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera
from vms.domain.display import Display, Showing
from vms.domain.rights import Right
from vms.store.catalogue import Catalogue
from web.roster import Roster
from web.scenes import Scenes, cameras_of, veiled
from web.schemas_displays import SceneOut
from web.security.authority import Authority

_REMEMBER_NS = 2 * NS_PER_S
_MOST = 1_000


class Sights:
    """Of all displays that ask at this node, as far as they are kept."""

    def __init__(self, catalogue: Catalogue, roster: Roster, authority: Authority, clock: Clock) -> None:
        self._catalogue, self._roster, self._authority, self._clock = catalogue, roster, authority, clock
        self._of: OrderedDict[str, Sight] = OrderedDict()

    def of(self, display_id: str) -> Sight:
        """The one of a display."""
        sight = self._of.pop(display_id, None) or Sight(self, display_id, self._clock)
        self._of[display_id] = sight
        while len(self._of) > _MOST:
            self._of.popitem(last=False)
        return sight

    async def scene_of(self, display: Display) -> tuple[SceneOut, dict[str, Camera]]:
        """What it shows now, and the cameras of it that are registered: the only ones it may watch."""
        scenes, showing = Scenes(self._catalogue, self._roster), display.now(self._clock.now_ns())
        scene = await scenes.of(showing)
        known = await scenes.cameras()
        there = cameras_of(scene) & known.keys()
        allowed = await self._allowed(showing, Right.LIVE, there)
        return veiled(scene, there - allowed), {camera: known[camera] for camera in allowed}

    async def _allowed(self, showing: Showing, right: Right, cameras: Collection[str]) -> set[str]:
        return await self._authority.allowed(showing.by, right, cameras) if showing.by else set(cameras)

    async def heard_of(self, display_id: str, cameras: Collection[str]) -> set[str]:
        """Which of these cameras it may sound."""
        display = await self._catalogue.displays.get(display_id)
        if display is None:
            return set()
        return await self._allowed(display.now(self._clock.now_ns()), Right.AUDIO, cameras)

    async def cameras_of(self, display_id: str) -> frozenset[str]:
        """Ids of those that it may watch; none of a display that was removed."""
        display = await self._catalogue.displays.get(display_id)
        return frozenset() if display is None else frozenset((await self.scene_of(display))[1])


class Sight:
    """Which cameras a display may watch at this moment. A yes is remembered for a second or two, a no is not: what was
    pushed just now may be watched at once."""

    def __init__(self, sights: Sights, display_id: str, clock: Clock) -> None:
        self._sights, self._id, self._clock = sights, display_id, clock
        self._known: frozenset[str] = frozenset()
        self._read_ns = 0

    async def may(self, cameras: Collection[str]) -> set[str]:
        """Which of these it may watch."""
        now_ns = self._clock.mono_ns()
        if not self._known.issuperset(cameras) or now_ns - self._read_ns > _REMEMBER_NS:
            self._known, self._read_ns = await self._sights.cameras_of(self._id), now_ns
        return set(cameras) & self._known

    async def hear(self, cameras: Collection[str]) -> set[str]:
        """Which of these it may sound."""
        return await self._sights.heard_of(self._id, cameras)
