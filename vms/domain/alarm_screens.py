"""Which Alarm's camera a Display shows: the most pressing, of one priority the first that came. Pure.

An Alarm lies over what people pushed and leaves it there, to come again when the Alarm is acknowledged or its time is
over. It never fights a person: what somebody pushed, or took an Alarm away for, is not covered within `HOLD_NS`, a
message not at all, and never by an Alarm that was raised before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from vms.clock import NS_PER_S
from vms.domain.alarm import Alarm
from vms.domain.display import EARLIER_MAX, Display, Kind, Showing

HOLD_NS = 60 * NS_PER_S


def with_alarms(display: Display, wanting: Iterable[Alarm], now_ns: int) -> Display | None:
    """The Display as it should be with these Alarms, which want a screen now; None: as it is."""
    stack = [each for each in (display.showing, *display.earlier) if not each.is_over(now_ns)]
    people = [each for each in stack if each.alarm is None]
    top, under = (stack or [Showing()])[0], (people or [Showing()])[0]
    if top.alarm is None and _is_kept(top, now_ns):
        return None
    mine = [one for one in wanting if display.id in one.displays and one.raised_ns > under.since_ns]
    chosen = min(mine, key=lambda one: (one.priority, one.raised_ns, one.id), default=None)
    if (None if chosen is None else chosen.id) == top.alarm:
        return None
    if chosen is None:
        return replace(display, showing=under, earlier=tuple(people[1:]), rev=display.rev + 1)
    brought = Showing(Kind.CAMERA, chosen.camera, alarm=chosen.id, since_ns=now_ns)
    return replace(display, showing=brought, earlier=tuple(people[:EARLIER_MAX]), rev=display.rev + 1)


def has_alarm(display: Display) -> bool:
    """Whether an Alarm brought something of what it shows, or would show when that is taken back."""
    return any(each.alarm is not None for each in (display.showing, *display.earlier))


def _is_kept(top: Showing, now_ns: int) -> bool:
    """Whether somebody's own push is too fresh, or a message, to be covered."""
    return top.kind is Kind.MESSAGE or (bool(top.by) and now_ns - top.since_ns < HOLD_NS)
