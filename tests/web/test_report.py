"""The coverage report of a Site and month: days in WIB, shares of what should have been, causes, CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from tests.web.conftest import World
from tests.web.fakes import FakeCoverage, FakeGap
from tests.web.test_cameras import add
from vms.domain.gap import GapCause, GapState
from vms.domain.interval import Interval
from vms.errors import IntervalError
from web.report import DAY_NS, month_of

SECOND = 1_000_000_000
MONTH = "2026-09"
# 2026-09-01T00:00 in WIB
FIRST_NS = 1_788_195_600 * SECOND


def half_recorded() -> FakeCoverage:
    """Two days: the first all there, of the second a quarter unreachable and a quarter switched off."""
    quarter, second = DAY_NS // 4, FIRST_NS + DAY_NS
    return FakeCoverage(
        Interval(FIRST_NS, second + DAY_NS),
        [Interval(FIRST_NS, second + 2 * quarter)],
        [
            FakeGap(second + 2 * quarter, second + 3 * quarter, GapCause.CAMERA_UNREACHABLE, GapState.CLOSED),
            FakeGap(second + 3 * quarter, second + DAY_NS, GapCause.DISABLED, GapState.CLOSED),
        ],
    )


async def asked(client: httpx.AsyncClient, site: str, path: str = "coverage", **params: str) -> httpx.Response:
    """The report of the site."""
    return await client.get(f"/api/sites/{site}/{path}", params={"month": MONTH} | params)


@pytest.mark.parametrize(("text", "days"), [("2026-09", 30), ("2026-12", 31), ("2028-02", 29), ("2026-02", 28)])
def test_a_month_begins_at_midnight_in_wib(text: str, days: int) -> None:
    """Its length is that of the calendar, its start seven hours before midnight UTC."""
    interval, found = month_of(text)
    assert (found, interval.duration_ns) == (days, days * DAY_NS)
    assert interval.start_ns % DAY_NS == 17 * 3600 * SECOND


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-00", "26-09", "2026-09-01", "1999-01", "२०२६-०९"])
def test_what_is_no_month_is_refused(text: str) -> None:
    """In plain words, by its field."""
    with pytest.raises(IntervalError) as refused:
        month_of(text)
    assert refused.value.field == "month"


async def test_a_camera_is_judged_by_what_it_should_have_recorded(world: World, admin: httpx.AsyncClient) -> None:
    """Time that is nobody's fault counts neither for nor against it; days that are not over yet are not there."""
    camera = await add(admin)
    world.playback.covered = half_recorded()
    answer = await asked(admin, camera["site"]["id"])
    assert answer.status_code == 200
    body = answer.json()
    assert (body["from"], body["month"]) == ("2026-08-31T17:00:00.000Z", MONTH)
    (found,) = body["cameras"]
    assert found["days"][:3] == [1.0, pytest.approx(2 / 3), None]
    assert len(found["days"]) == 30
    assert found["recorded_s"] / found["due_s"] == pytest.approx(6 / 7)
    assert {cause["cause"]: (cause["count"], cause["total_s"]) for cause in found["causes"]} == {
        "camera_unreachable": (1, 21_600.0),
        "disabled": (1, 21_600.0),
    }


async def test_the_table_for_a_spreadsheet(world: World, admin: httpx.AsyncClient) -> None:
    """Byte order mark, a line per cause, heads in the language asked for; a name is never taken for a formula."""
    camera = await add(admin, name="=1+1")
    world.playback.covered = half_recorded()
    answer = await asked(admin, camera["site"]["id"], "coverage.csv", language="en")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"-{MONTH}-main.csv" in answer.headers["content-disposition"]
    assert answer.text.startswith("\ufeff")
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["cause"] for row in rows] == ["camera_unreachable", "disabled"]
    assert rows[0]["name"] == "'=1+1"
    assert (rows[0]["count"], float(rows[0]["total_h"])) == ("1", 6.0)
    assert (await asked(admin, camera["site"]["id"], "coverage.csv")).text.startswith("\ufefflokasi,")


async def test_errors_say_what_is_wrong(world: World, admin: httpx.AsyncClient) -> None:
    """An unknown site, a month that is none, a stream that is none; and nobody reads it without signing in."""
    camera = await add(admin)
    site = camera["site"]["id"]
    assert (await asked(admin, "nowhere")).status_code == 404
    assert (await asked(admin, site, month="2026-13")).json()["field"] == "month"
    assert (await asked(admin, site, stream="third")).status_code == 422
    async with world.client() as stranger:
        assert (await asked(stranger, site)).status_code == 401


async def test_a_site_without_cameras_is_empty(world: World, admin: httpx.AsyncClient) -> None:
    """Not an error."""
    sites = (await admin.get("/api/sites")).json()["items"]
    empty = next(site for site in sites if site["cameras"] == 0)
    assert (await asked(admin, empty["id"])).json()["cameras"] == []
