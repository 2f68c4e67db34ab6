"""What analysis saw, for the Events of its node (vms/sync/troubles.py): pictures that are ill, motion in Areas. Event
loop; answers at once from what was seen last."""

from __future__ import annotations

from recorder.analysis.motion import Motion
from recorder.analysis.service import Analysis, Looked
from vms.clock import NS_PER_S
from vms.domain.event import EventKind, Severity, event_subject
from vms.domain.event_book import Look, Trouble

SILENT_S = 30.0
_SEVERITY = {
    EventKind.PICTURE_BLACK: Severity.ALARM,
    EventKind.PICTURE_BLURRED: Severity.WARNING,
    EventKind.PICTURE_COVERED: Severity.ALARM,
    EventKind.PICTURE_MOVED: Severity.WARNING,
    EventKind.PICTURE_FROZEN: Severity.ALARM,
}


class AnalysisTroubles:
    """Of the Cameras that this node looks at. One of which no key frame came for a while is neither well nor ill."""

    def __init__(self, analysis: Analysis, node: str) -> None:
        self._analysis, self._node = analysis, node

    def look(self) -> Look:
        """One trouble at most for the picture of a Camera, one for each Area with motion."""
        mono_ns = self._analysis.clock.mono_ns()
        troubles: list[Trouble] = []
        well: set[str] = set()
        for looked in self._analysis.cameras():
            if mono_ns - looked.mono_ns < SILENT_S * NS_PER_S:
                self._health(looked, troubles, well)
            moving = looked.motions.current(mono_ns)
            troubles += [self._motion(looked, motion) for motion in moving.values()]
            camera = looked.camera
            quiet = [area.id for area in camera.areas if area.id not in moving]
            well |= {event_subject(EventKind.MOTION, camera.site, camera.id, None, area) for area in quiet}
        return Look(tuple(troubles), frozenset(well))

    def _health(self, looked: Looked, troubles: list[Trouble], well: set[str]) -> None:
        camera, verdict = looked.camera, looked.verdict
        well |= {event_subject(kind, camera.site, camera.id, None) for kind in _SEVERITY if kind is not verdict.kind}
        if verdict.kind is None or verdict.since_ns is None:
            # Until the scene is learnt, what was wrong before a restart may still be.
            if not verdict.is_learnt:
                well -= {event_subject(kind, camera.site, camera.id, None) for kind in _SEVERITY}
            return
        severity = _SEVERITY[verdict.kind]
        troubles.append(Trouble(verdict.kind, verdict.since_ns, severity, camera.site, camera.id, None, self._node, {}))

    def _motion(self, looked: Looked, motion: Motion) -> Trouble:
        camera = looked.camera
        params = {"area": motion.area.id, "name": motion.area.name, "score": round(motion.score, 2)}
        return Trouble(
            EventKind.MOTION, motion.since_ns, Severity.NOTICE, camera.site, camera.id, None, self._node, params
        )
