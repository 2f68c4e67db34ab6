"""A week of a site hour by hour: shares of what should have been, the cause of what is missing, rights."""

from __future__ import annotations

import httpx
import pytest

from recorder.strips import Lack, Strip
from tests.web.conftest import OTHER_SITE, SITE, World
from tests.web.test_rights import camera_at, signed_in
from vms.domain.gap import GapCause, GapState
from vms.domain.interval import Interval
from vms.domain.rights import Grant, PersonRole
from vms.errors import IntervalError
from web.hours import HOUR_NS, hours_of, week_of
from web.report import DAY_NS

WEEK = week_of("2026-09-21")


def lack(start_h: float, end_h: float, cause: GapCause, missing: float = 1.0) -> Lack:
    """Gaps from hour to hour of the week."""
    start_ns, end_ns = (WEEK.start_ns + round(hour * HOUR_NS) for hour in (start_h, end_h))
    return Lack(start_ns, end_ns, cause, GapState.CLOSED, 1, round((end_ns - start_ns) * missing))


def test_a_week_begins_at_midnight_in_wib() -> None:
    """Seven days, whichever day it begins with."""
    assert (WEEK.duration_ns, WEEK.start_ns % DAY_NS) == (7 * DAY_NS, 17 * HOUR_NS)


@pytest.mark.parametrize("text", ["", "2026-9-1", "2026-02-30", "1999-01-01", "2026-11", "二〇二六", "2026-01-01T00"])
def test_what_is_no_day_is_refused(text: str) -> None:
    """By its field."""
    with pytest.raises(IntervalError) as refused:
        week_of(text)
    assert refused.value.field == "week"


def test_hours_of_a_camera() -> None:
    """Registered in the second hour; a fault over one and a half hours; what is nobody's fault counts for nothing."""
    window = Interval(WEEK.start_ns + HOUR_NS, WEEK.start_ns + 10 * HOUR_NS)
    lacks = (
        lack(2, 3.5, GapCause.NODE_DOWN),
        lack(4, 5, GapCause.DISABLED),
        lack(5.5, 6, GapCause.SCHEDULE),
        lack(7, 8, GapCause.STREAM_STALLED, 0.25),
    )
    hours = hours_of(Strip("c", window, (), lacks), WEEK)
    assert len(hours) == 168
    assert [hour.share for hour in hours[:11]] == [None, 1.0, 0.0, 0.5, None, 1.0, 1.0, 0.75, 1.0, 1.0, None]
    assert [hour.cause for hour in hours[2:5]] == [GapCause.NODE_DOWN, GapCause.NODE_DOWN, GapCause.DISABLED]
    assert hours_of(Strip("c", None), WEEK)[0].share is None


async def test_the_week_of_a_site(world: World, admin: httpx.AsyncClient) -> None:
    """Its cameras that may be replayed, by name; other sites are not there; bad weeks are refused."""
    await camera_at(admin, SITE.id, "Pasar"), await camera_at(admin, SITE.id, "Dermaga")
    address = f"/api/sites/{SITE.id}/hours"
    body = (await admin.get(address, params={"week": "2026-09-21"})).json()
    assert (body["from"], body["to"]) == ("2026-09-20T17:00:00.000Z", "2026-09-27T17:00:00.000Z")
    assert [camera["name"] for camera in body["cameras"]] == ["Dermaga", "Pasar"]
    assert (len(body["cameras"][0]["hours"]), set(body["cameras"][0]["hours"])) == (168, {None})
    assert (await admin.get(address, params={"week": "soon"})).json()["field"] == "week"
    async with signed_in(world, Grant(PersonRole.OPERATOR, OTHER_SITE.id)) as operator:
        assert (await operator.get(address, params={"week": "2026-09-21"})).status_code == 404
