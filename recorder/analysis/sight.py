"""One Camera as analysis sees it, key frame by key frame: what changed, where it moves, whether the picture is healthy.
Pure but for the decoding; called from one thread at a time."""

from __future__ import annotations

from dataclasses import dataclass

from recorder.analysis.change import change_grid, changed_pixels, motion_scores
from recorder.analysis.features import Features, features
from recorder.analysis.health import Health, Verdict
from recorder.analysis.picture import decoded, luma_of
from recorder.analysis.regions import Regions, regions
from recorder.analysis.thumbnail import thumbnail
from vms.domain.camera import Camera
from vms.domain.media import Codec


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one key frame. `grid`: change against the one before, None at the first; `scores` by Area; `thumbnail`: a
    small JPEG of it, where one was asked for."""

    at_ns: int
    grid: bytes | None
    scores: dict[str, float]
    verdict: Verdict
    thumbnail: bytes | None = None


class Sight:
    """Of the Stream of one Camera that is looked at."""

    def __init__(self, camera: Camera) -> None:
        self._health = Health()
        self._before: Features | None = None
        self._regions = _regions(camera)

    def set(self, camera: Camera) -> None:
        """Areas and masks as they are from now on."""
        self._regions, self._before = _regions(camera), None

    def turned(self) -> None:
        """Somebody has turned the Camera: that is no change, no motion and no illness."""
        self._before = None
        self._health.turned()

    def look(self, codec: Codec, key_frame: bytes, at_ns: int, *, small: bool = False) -> Seen:
        """The next key frame; `small`: a thumbnail of it is wanted. CameraCorruptError where it cannot be decoded:
        nothing has changed then."""
        drawn = self._regions
        frame = decoded(codec, key_frame)
        picture = features(*luma_of(frame), drawn.open)
        jpeg = thumbnail(frame) if small else None
        before, self._before = self._before, picture
        verdict = self._health.see(picture, at_ns)
        if before is None:
            return Seen(at_ns, None, {}, verdict, jpeg)
        changed = changed_pixels(before, picture)
        # What an ill picture shows is not motion.
        scores = {} if verdict.kind is not None else motion_scores(changed, drawn)
        return Seen(at_ns, change_grid(changed), scores, verdict, jpeg)


def _regions(camera: Camera) -> Regions:
    return regions(camera.areas, camera.masks)
