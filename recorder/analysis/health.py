"""Whether a Camera's picture is healthy: black, covered, blurred, moved, frozen. Pure: pictures in, verdicts out.

An illness is told at the second of two key frames that show it, and is over after two that do not. A picture that is
only quite another, and not the usual one from elsewhere, is told of after `UNLIKE` key frames: a truck may stop right
before the lens. Nothing is learnt from ill pictures. A new view that stays for `ACCEPT_S` is the view from then on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recorder.analysis.features import Features, cells
from recorder.analysis.reference import Reference, agreement
from vms.clock import NS_PER_S
from vms.domain.event import EventKind

ACCEPT_S = 900.0
UNLIKE = 6
_BLACK = 32.0
"""Grey level: studio black is 16."""
_LOST = 0.6
_HIDDEN = 0.5
_MOVED = 0.45
_SHIFTED = 0.25
_EMPTY = 0.18
_SOFT = 0.32
"""Squared: 0.57 of the detail. A lens out of focus leaves 0.1 to 0.5 of it, healthy pictures hardly less than 0.6."""
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


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """Of one key frame. Not sure: something stands before the lens, or the camera looks where it never did."""

    kind: EventKind
    is_sure: bool
    at_ns: int


UNSEEN = Verdict(None, None, is_learnt=False)


class Health:
    """The judge of one Camera's pictures, in their order."""

    def __init__(self, accept_s: float = ACCEPT_S) -> None:
        self._accept_ns = int(accept_s * NS_PER_S)
        self._reference = Reference()
        self._before: Features | None = None
        self._open: EventKind | None = None
        self._since_ns = 0
        self._bad: list[_Suspicion] = []
        self._well = 0
        self._alike = 1.0
        self._same = 0
        self._noisy = 0

    def see(self, picture: Features, at_ns: int) -> Verdict:
        """The next key frame, taken at `at_ns`."""
        self._count_same(picture)
        found = self._suspect(picture)
        before, self._before = self._before, picture
        if found is None:
            self._bad, self._well = [], self._well + 1
            if self._well >= 2:
                self._open = None
            if self._open is None:
                self._learn(picture, before)
        else:
            self._well = 0
            self._bad = [*self._bad[1 - UNLIKE :], _Suspicion(*found, at_ns)]
            self._decide(found[0], picture, at_ns)
        return Verdict(self._open, self._since_ns if self._open else None, self._reference.is_learnt)

    def turned(self) -> None:
        """Somebody has turned the Camera: what it sees from now on is learnt anew."""
        self._reference, self._before, self._bad, self._same = Reference(), None, [], 0

    def _learn(self, picture: Features, before: Features | None) -> None:
        self._reference.learn(picture)
        if before is not None:
            self._alike += max(1 / self._reference.count, _SLOW) * (agreement(before, picture) - self._alike)

    def _decide(self, kind: EventKind, picture: Features, at_ns: int) -> None:
        last = self._bad[-2:]
        is_proven = kind is EventKind.PICTURE_FROZEN and self._open is not kind  # it took three of one picture
        is_told = len(self._bad) == UNLIKE or (len(last) == 2 and all(bad.is_sure for bad in last))
        if is_proven or (self._open is None and is_told):
            self._open, self._since_ns = kind, (last if last[-1].is_sure else self._bad)[0].at_ns
        elif self._open is not None and len(last) == 2 and all(bad.kind == kind for bad in last):
            self._open = kind  # it turned out to be another
        if self._open is EventKind.PICTURE_MOVED and at_ns - self._since_ns >= self._accept_ns:
            self._reference = Reference()
            self._reference.learn(picture)
            self._open, self._bad = None, []

    def _suspect(self, picture: Features) -> tuple[EventKind, bool] | None:
        """What this picture alone, and beside the one before, looks like; and whether it can be nothing else."""
        like = self._reference.compare(picture)
        if _is_dark(picture) and (like.lost > _LOST or not (self._reference.is_learnt and like.is_told)):
            return EventKind.PICTURE_BLACK, True
        if self._is_frozen():
            return EventKind.PICTURE_FROZEN, True
        if not self._reference.is_learnt or not like.is_told:
            return None
        if like.lost > _HIDDEN and like.structure < _EMPTY:
            return EventKind.PICTURE_COVERED, True
        fits = like.lost > _SHIFTED and self._reference.fits_elsewhere(picture)
        if (fits or like.lost > _MOVED) and self._is_steady(picture):
            return EventKind.PICTURE_MOVED, fits
        if like.sharpness < _SOFT and like.lost < _MOVED:
            return EventKind.PICTURE_BLURRED, True
        return None

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
