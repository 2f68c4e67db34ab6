"""Moments by what is told of them: events, bookmarks and alarms raised by hand, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.store.samples import SITE, T0, at, camera
from tests.store.test_events import event
from vms.domain.alarm import BY_HAND, Alarm
from vms.domain.bookmark import Bookmark
from vms.domain.camera import Site
from vms.domain.event import EventKind
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.schedule import Schedule
from vms.store.catalogue import Catalogue
from vms.store.scope import Scope
from vms.store.search import Source, Term, WantedMoments

PERSON = Person("p" * 16, "rina", "Rina", "x")
OTHER = Site("t" * 16, "kapuas", "Kapuas")
T0_MINUTE = 21 * 60 + 13
"""T0 is 2026-09-21 14:13:20 UTC, a Monday, 21:13 WIB."""


@pytest.fixture
async def told(catalogue: Catalogue) -> dict[str, str]:
    """Six moments, by a name of ours."""
    await catalogue.sites.put(SITE)
    await catalogue.sites.put(OTHER)
    await catalogue.people.put(PERSON)
    market, gate = camera(), replace(camera("kapuas-gerbang"), site=OTHER.id)
    await catalogue.cameras.add(market)
    await catalogue.cameras.add(gate)
    motion = event(10, 20, kind=EventKind.MOTION, camera=market.id, params={"area": "a1", "name": "Pintu 100%"})
    down = event(3600, None, camera=gate.id, site=OTHER.id)
    lost = event(7200, 7300, kind=EventKind.SITE_CUT_OFF, camera=None, stream=None)
    for one in (motion, down, lost):
        await catalogue.events.put(one)
    marks = [
        Bookmark(new_id(), market.id, at(15), "Tas MERAH di pasar", PERSON.id, T0),
        Bookmark(new_id(), gate.id, at(3600), "truk_kuning", PERSON.id, T0),
    ]
    for mark in marks:
        await catalogue.bookmarks.add(mark)
    alarm = Alarm(
        id=new_id(), kind=BY_HAND, priority=1, raised_ns=at(40), again_ns=at(40), subject=market.id, site=SITE.id,
        camera=market.id, raised_by=PERSON.id, note="orang mencurigakan",
    )  # fmt: skip
    await catalogue.alarms.add(alarm)
    return {
        "motion": motion.id, "down": down.id, "lost": lost.id, "bag": marks[0].id, "truck": marks[1].id,
        "alarm": alarm.id, "market": market.id, "gate": gate.id,
    }  # fmt: skip


async def found(catalogue: Catalogue, told: dict[str, str], wanted: WantedMoments) -> list[str]:
    """Our names, the newest first."""
    names = {ident: name for name, ident in told.items()}
    return [names[one.id] for one in await catalogue.search.find(wanted, 100)]


async def test_all_is_in_one_list_newest_first(catalogue: Catalogue, told: dict[str, str]) -> None:
    """It goes on after any place, whatever tells of the same instant, and is narrowed."""
    whole = ["lost", "down", "truck", "alarm", "bag", "motion"]
    assert await found(catalogue, told, WantedMoments()) == whole
    read, after = [], None
    while page := await catalogue.search.find(WantedMoments(), 1, after):
        read += [one.id for one in page]
        after = page[-1].place
    assert read == [told[name] for name in whole]
    moment = (await catalogue.search.find(WantedMoments(sources=[Source.BOOKMARK]), 1))[0]
    assert (moment.note, moment.person, moment.at_ns) == ("truk_kuning", PERSON.id, at(3600))
    await _narrowed(catalogue, told)


async def _narrowed(catalogue: Catalogue, told: dict[str, str]) -> None:
    """By time, camera, site, kind, source and what may be seen."""
    narrowed = {
        "motion bag": WantedMoments(to_ns=at(16)),
        "lost": WantedMoments(from_ns=at(3601)),
        "alarm bag motion": WantedMoments(cameras=[told["market"]]),
        "down truck": WantedMoments(sites=[OTHER.id]),
        "motion": WantedMoments(kinds=[EventKind.MOTION.value]),
        "alarm": WantedMoments(sources=[Source.ALARM]),
        "down truck lost": WantedMoments(scope=Scope([told["gate"]], [SITE.id])),
        "": WantedMoments(kinds=[EventKind.MOTION.value], sources=[Source.BOOKMARK]),
    }
    for names, wanted in narrowed.items():
        assert sorted(await found(catalogue, told, wanted)) == sorted(names.split()), wanted


async def test_all_words_must_be_told(catalogue: Catalogue, told: dict[str, str]) -> None:
    """In notes and names, in any case; signs of patterns are themselves; and hours and days are those of WIB."""

    async def says(*terms: Term) -> list[str]:
        return await found(catalogue, told, WantedMoments(terms=terms))

    assert await says(Term("merah")) == ["bag"]
    assert await says(Term("merah"), Term("truk")) == []
    assert await says(Term("100%")) == ["motion"]
    assert await says(Term("k_k")) == ["truck"]
    assert await says(Term("gerak", kinds=["motion"])) == ["motion"]
    assert await says(Term("x", cameras=[told["gate"]])) == ["down", "truck"]
    assert await says(Term("x", sites=[OTHER.id])) == ["down", "truck"]
    assert await says(Term("x", people=[PERSON.id])) == ["truck", "alarm", "bag"]
    await _in_hours(catalogue, told)


async def _in_hours(catalogue: Catalogue, told: dict[str, str]) -> None:
    """WIB; over midnight with the day it began on."""

    async def when(**schedule: object) -> list[str]:
        wanted = WantedMoments(schedule=Schedule(**schedule))  # type: ignore[arg-type]  # by name
        return await found(catalogue, told, wanted)

    early = ["alarm", "bag", "motion"]
    assert await when(from_min=T0_MINUTE, to_min=T0_MINUTE + 2) == early
    assert await when(from_min=T0_MINUTE + 5, to_min=T0_MINUTE) == ["lost", "down", "truck"]
    assert await when(days=frozenset({1})) == []
    assert await when(days=frozenset({0}), from_min=23 * 60, to_min=60) == ["lost"]
    assert await when(days=frozenset({6}), from_min=23 * 60, to_min=22 * 60) == early
