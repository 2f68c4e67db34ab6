"""Events in the catalogue, and on their way to another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.store.samples import SITE, T0, at
from vms.clock import ManualClock
from vms.domain.camera import StreamName
from vms.domain.event import FAR_KINDS, Event, EventKind, Severity
from vms.domain.ids import new_id
from vms.store.catalogue import Catalogue
from vms.store.events import Wanted
from vms.store.images import RowImage, pack, unpack
from vms.store.notes import OutboxOptions, Role

NODE = "n" * 16
KEY = bytes(range(32))


def event(start_s: float = 0, end_s: float | None = None, **changes: object) -> Event:
    """A camera that is down; seconds count from T0."""
    made = Event(
        new_id(), EventKind.CAMERA_DOWN, NODE, at(start_s), None if end_s is None else at(end_s), Severity.WARNING,
        SITE.id, "c" * 16, StreamName.MAIN, NODE, {"cause": "camera_unreachable"},
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]  # by name


async def test_an_event_comes_back_whole_and_ends_once(catalogue: Catalogue) -> None:
    """A greater rev ends it; an older one never opens it again."""
    begun = event()
    assert await catalogue.events.put(begun)
    assert await catalogue.events.get(begun.id) == begun
    ended = replace(begun, end_ns=at(60), rev=2)
    assert await catalogue.events.put(ended)
    assert not await catalogue.events.put(begun)
    assert await catalogue.events.get(begun.id) == ended
    assert await catalogue.events.get(new_id()) is None
    plain = Event(new_id(), "of_a_newer_version", NODE, T0)
    await catalogue.events.put(plain)
    assert await catalogue.events.get(plain.id) == plain


async def test_what_goes_on_is_found_by_who_tells_it(catalogue: Catalogue) -> None:
    """One's own, and those of far kinds by whomever."""
    mine, others = event(0), event(1, teller="o" * 16)
    far = event(2, teller="o" * 16, kind=EventKind.NODE_LOST, camera=None, stream=None)
    for one in (mine, others, far, event(3, 4)):
        await catalogue.events.put(one)
    assert await catalogue.events.open_of(NODE) == [mine]
    assert await catalogue.events.open_of(NODE, FAR_KINDS) == [mine, far]
    assert await catalogue.events.count_open() == {Severity.WARNING: 3}
    assert await catalogue.events.count_open(["t" * 16]) == {}


async def test_lists_are_newest_first_and_go_on_after_a_place(catalogue: Catalogue) -> None:
    """By interval, Site, Camera, kind and whether it goes on; equal starts are told apart by id."""
    made = [event(i // 2, None if i % 3 == 0 else i // 2 + 5) for i in range(12)]
    for one in made:
        await catalogue.events.put(one)
    wanted = sorted(made, key=lambda one: (one.start_ns, one.id), reverse=True)
    seen: list[Event] = []
    while page := await catalogue.events.find(Wanted(), 5, (seen[-1].start_ns, seen[-1].id) if seen else None):
        seen += page
    assert seen == wanted

    async def found(**asked: object) -> list[Event]:
        return await catalogue.events.find(Wanted(**asked), 100)  # type: ignore[arg-type]  # by name

    assert await found(is_open=True) == [one for one in wanted if one.end_ns is None]
    assert await found(is_open=False) == [one for one in wanted if one.end_ns is not None]
    late = [one for one in wanted if one.start_ns < at(4) and (one.end_ns is None or one.end_ns > at(7))]
    assert await found(from_ns=at(7), to_ns=at(4)) == late
    assert await found(sites=[SITE.id], camera="c" * 16, kinds=[EventKind.CAMERA_DOWN]) == wanted
    assert await found(sites=[]) == await found(camera="d" * 16) == await found(kinds=["disk_error"]) == []


async def test_events_travel_from_a_site(tmp_path: Path) -> None:
    """Noted in the outbox where they are written; applied by rev in another catalogue."""
    clock = ManualClock()
    site = await Catalogue.open(f"sqlite:///{tmp_path}/a.db", key=KEY, clock=clock, outbox=OutboxOptions(Role.SITE))
    center = await Catalogue.open(f"sqlite:///{tmp_path}/b.db", key=KEY, clock=clock, outbox=OutboxOptions(Role.CENTER))
    try:
        begun = event()
        await site.events.put(begun)
        (entry,) = await site.outbox.waiting(10)
        assert (entry.table, entry.site) == ("events", SITE.id)
        images = list((await site.outbox.images([entry])).values())
        await center.replica.apply(unpack(pack(images)), "facts.sampit.n")
        assert await center.events.get(begun.id) == begun
        assert await center.outbox.waiting(10) == []
    finally:
        await site.close()
        await center.close()


async def test_events_that_have_long_been_over_are_forgotten(catalogue: Catalogue) -> None:
    """The oldest first and so many at a time; what goes on stays however old it is."""
    old, older, open_one, new = event(10, 20), event(0, 5), event(1), event(50, 90)
    for one in (old, older, open_one, new):
        await catalogue.events.put(one)
    assert await catalogue.events.forget(at(60), 1) == 1
    assert await catalogue.events.get(older.id) is None
    assert await catalogue.events.forget(at(60), 9) == 1
    assert {one.id for one in await catalogue.events.find(Wanted(), 9)} == {open_one.id, new.id}


async def test_rules_see_each_event_once_whenever_it_came(catalogue: Catalogue) -> None:
    """Written here or sent by another, old or new; again where it changed since; gone with the event."""
    old, new = event(-900_000, -899_000), event()
    await catalogue.events.put(new)
    await catalogue.replica.apply([RowImage("events", dict(_values(old)))])
    assert [one.id for one in await catalogue.events.fresh(9)] == [old.id, new.id]
    assert [one.id for one in await catalogue.events.fresh(1)] == [old.id]
    await catalogue.events.put(replace(new, end_ns=at(5), rev=2))
    await catalogue.events.looked_at([old, new])
    (left,) = await catalogue.events.fresh(9)
    assert (left.id, left.rev) == (new.id, 2)
    await catalogue.events.looked_at([left])
    assert await catalogue.events.fresh(9) == []
    await catalogue.replica.apply([RowImage("events", dict(_values(old)))])
    assert await catalogue.events.fresh(9) == []
    await catalogue.events.put(replace(new, end_ns=at(6), rev=3))
    assert await catalogue.events.forget(at(99), 9) == 2
    assert await catalogue.events.fresh(9) == []


async def test_a_site_keeps_none_for_rules(tmp_path: Path) -> None:
    """Its center does."""
    options = OutboxOptions(Role.SITE)
    site = await Catalogue.open(f"sqlite:///{tmp_path}/vms.db", key=KEY, clock=ManualClock(), outbox=options)
    await site.events.put(event())
    assert await site.events.fresh(9) == []
    await site.close()


def _values(of: Event) -> dict[str, object]:
    return {
        "id": of.id, "kind": str(of.kind), "teller": of.teller, "start_ns": of.start_ns, "end_ns": of.end_ns,
        "severity": of.severity.value, "site": of.site, "camera": of.camera, "stream": "main", "node": of.node,
        "params": dict(of.params), "rev": of.rev,
    }  # fmt: skip
