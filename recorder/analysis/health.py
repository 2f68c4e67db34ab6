"""Whether a Camera's picture is healthy: black, covered, blurred, moved, frozen. Pure: pictures in, verdicts out.

An illness is told at the second of two key frames that show it, and is over after two that do not; a truck that passes
close is gone by then, or looks different. Nothing is learnt from ill pictures. A new view that stays for `ACCEPT_S` is
the view from then on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recorder.analysis.features import Features, cells
from recorder.analysis.reference import Likeness, Reference, agreement
from vms.clock import NS_PER_S
from vms.domain.event import EventKind

ACCEPT_S = 900.0
_BLACK = 32.0
"""Grey level: studio black is 16."""
_LOST = 0.6
_HIDDEN = 0.5
_MOVED = 0.45
_SHIFTED = 0.25
_EMPTY = 0.4
_SOFT = 0.5
_ALIKE = 0.6
"""Of what two pictures one after the other usually have in common."""
_SLOW = 1 / 60
_SAME_TWICE = 2
_ALIVE = 20
_NOISY = 0.6


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with the picture, None: nothing; since when (wall time), None while nothing is."""

    kind: EventKind | None
    since_ns: int | None
    is_learnt: bool


UNSEEN = Verdict(None, None, is_learnt=False)


class Health:
    """The judge of one Camera's pictures, in their order."""

    def __init__(self, accept_s: float = ACCEPT_S) -> None:
        self._accept_ns = int(accept_s * NS_PER_S)
        self._reference = Reference()
        self._before: Features | None = None
        self._open: EventKind | None = None
        self._since_ns = 0
        self._bad: list[tuple[EventKind, int]] = []
        self._well = 0
        self._alike = 1.0
        self._same = 0
        self._noisy = 0

    def see(self, picture: Features, at_ns: int) -> Verdict:
        """The next key frame, taken at `at_ns`."""
        self._count_same(picture)
        kind = self._suspect(picture)
        before, self._before = self._before, picture
        if kind is None:
            self._bad, self._well = [], self._well + 1
            if self._well >= 2:
                self._open = None
            if self._open is None:
                self._learn(picture, before)
        else:
            self._well = 0
            self._bad = [*self._bad[-1:], (kind, at_ns)]
            self._decide(kind, picture, at_ns)
        return Verdict(self._open, self._since_ns if self._open else None, self._reference.is_learnt)

    def turned(self) -> None:
        """Somebody has turned the Camera: what it sees from now on is learnt anew."""
        self._reference, self._before, self._bad, self._same = Reference(), None, [], 0

    def _learn(self, picture: Features, before: Features | None) -> None:
        self._reference.learn(picture)
        if before is not None:
            self._alike += max(1 / self._reference.count, _SLOW) * (agreement(before, picture) - self._alike)

    def _decide(self, kind: EventKind, picture: Features, at_ns: int) -> None:
        is_proven = kind is EventKind.PICTURE_FROZEN and self._open is not kind  # it took three of one picture
        if is_proven or (self._open is None and len(self._bad) > 1):
            self._open, self._since_ns = kind, self._bad[0][1]
        elif self._open is not None and len(self._bad) > 1 and all(bad == kind for bad, _ in self._bad):
            self._open = kind  # it turned out to be another
        if self._open is EventKind.PICTURE_MOVED and at_ns - self._since_ns >= self._accept_ns:
            self._reference = Reference()
            self._reference.learn(picture)
            self._open, self._bad = None, []

    def _suspect(self, picture: Features) -> EventKind | None:
        """What this picture alone, and beside the one before, looks like."""
        like = self._reference.compare(picture)
        if _is_dark(picture) and (like.lost > _LOST or not (self._reference.is_learnt and like.is_told)):
            return EventKind.PICTURE_BLACK
        if self._is_frozen():
            return EventKind.PICTURE_FROZEN
        if not self._reference.is_learnt:
            return None
        if not like.is_told:
            return None
        if like.lost > _HIDDEN and like.structure < _EMPTY:
            return EventKind.PICTURE_COVERED
        if like.sharpness < _SOFT:
            return EventKind.PICTURE_BLURRED
        if self._is_elsewhere(picture, like) and self._is_steady(picture):
            return EventKind.PICTURE_MOVED
        return None

    def _is_elsewhere(self, picture: Features, like: Likeness) -> bool:
        """Most of what lasts is not where it was, or much of it is and all fits better at another place."""
        return like.lost > _MOVED or (like.lost > _SHIFTED and self._reference.fits_better_elsewhere(picture))

    def _is_steady(self, picture: Features) -> bool:
        """Whether the new view is a view. The first picture of it has nothing to be like."""
        before = self._before
        if self._same and self._open is not EventKind.PICTURE_MOVED:
            return False  # the very same picture again is no second one
        if before is None or not self._bad:
            return True
        return agreement(before, picture) > _ALIKE * self._alike

    def _count_same(self, picture: Features) -> None:
        if self._before is None:
            return
        if self._before.mark == picture.mark:
            self._same += 1
            return
        self._same = 0
        differs = cells(np.abs(self._before.small - picture.small)) > 0.5
        self._noisy = self._noisy + 1 if float(differs.mean()) >= _NOISY else 0

    def _is_frozen(self) -> bool:
        """Identical pictures where so far noise let each differ from the one before, also where nothing moved."""
        if self._same and self._noisy < _ALIVE:
            self._noisy = 0  # a source without noise
        return self._same >= _SAME_TWICE and self._noisy >= _ALIVE


def _is_dark(picture: Features) -> bool:
    seen = picture.small[picture.open > 0]
    return seen.size > 0 and float(np.percentile(seen, 95)) < _BLACK
