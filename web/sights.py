"""What a display shows at this moment, and so which cameras it may watch; by the catalogue and the roster of this node.

Its socket and its pictures share one Sight. Event loop only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection

from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera
from vms.domain.display import Display
from vms.store.catalogue import Catalogue
from web.roster import Roster
from web.scenes import Scenes, cameras_of
from web.schemas_displays import SceneOut

_REMEMBER_NS = 2 * NS_PER_S
_MOST = 1_000


class Sights:
    """Of all displays that ask at this node, as far as they are kept."""

    def __init__(self, catalogue: Catalogue, roster: Roster, clock: Clock) -> None:
        self._catalogue, self._roster, self._clock = catalogue, roster, clock
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
        scenes = Scenes(self._catalogue, self._roster)
        scene = await scenes.of(display.now(self._clock.now_ns()))
        known = await scenes.cameras()
        return scene, {camera: known[camera] for camera in cameras_of(scene) if camera in known}

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
