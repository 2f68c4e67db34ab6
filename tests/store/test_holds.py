"""Cases and Holds in the catalogue: numbers, what is claimed, what it costs, what goes with a Case."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.store import samples
from tests.store.samples import SITE, STREAM, T0, at, camera
from vms.clock import NS_PER_S
from vms.domain.bookmark import Bookmark
from vms.domain.case import EXPORTS_KEPT_NS, Case, CaseNote, CasePerson, CaseRole
from vms.domain.footage import Copy, CopyState, Segment
from vms.domain.hold import MARGIN_NS, Hold
from vms.domain.job import Job, JobKind
from vms.domain.media import Run
from vms.domain.person import Person
from vms.errors import ConflictError, NotFoundError
from vms.store.catalogue import Catalogue
from vms.store.holds import Cost

OWNER = "p" * 16
MINUTE_NS = 60 * NS_PER_S


def segment(number: int) -> Segment:
    """One of a minute, of the Run `r…`."""
    return replace(samples.segment(60 * number, 60 * number + 60, number=number), size_bytes=100)


def run() -> Run:
    """Theirs."""
    return samples.run(run_id="r" * 16)


async def filled(catalogue: Catalogue) -> str:
    """A person, a camera (its id), and twenty stored Segments of another in one Run."""
    await catalogue.people.put(Person(OWNER, "budi", "Budi", "$argon2id$x"))
    await catalogue.sites.put(SITE)
    await catalogue.runs.put(run())
    for number in range(20):
        await catalogue.segments.put(segment(number))
        await catalogue.copies.put(Copy("r" * 16, number, "home", CopyState.VERIFIED, T0))
    return (await catalogue.cameras.add(camera())).id


def case(ident: str = "c" * 16, created_ns: int = T0) -> Case:
    """Of one owner."""
    return Case(ident, "Pasar", "", (CasePerson(OWNER, CaseRole.OWNER),), OWNER, created_ns)


def hold(start_ns: int, end_ns: int | None, *, ident: str = "h" * 16, of: str = "c" * 16) -> Hold:
    """On the camera of the samples."""
    return Hold(ident, of, STREAM.camera, SITE.id, start_ns, end_ns, "Polres", OWNER, T0)


async def numbers(catalogue: Catalogue, let_go_ns: int = 0) -> list[int]:
    """Of the Segments that may expire."""
    return [one.number for one in await catalogue.segments.expirable(STREAM.camera, 1 << 62, 99, let_go_ns)]


async def test_numbers_are_given_once_each_in_their_year(catalogue: Catalogue) -> None:
    """However many open one at the same time; the next year begins anew; changes need the newest version."""
    await catalogue.people.put(Person(OWNER, "budi", "Budi", "$argon2id$x"))
    made = await asyncio.gather(*(catalogue.cases.add(case(str(n) * 16)) for n in range(8)))
    assert sorted(one.serial for one in made) == list(range(1, 9))
    later = await catalogue.cases.add(case("z" * 16, T0 + 400 * 86_400 * 10**9))
    assert (later.serial, later.year) == (1, made[0].year + 1)
    assert await catalogue.cases.get(later.id) == later
    changed = replace(later, title="Pelabuhan", closed_ns=T0 + 1, rev=2)
    await catalogue.cases.change(changed)
    with pytest.raises(ConflictError):
        await catalogue.cases.change(changed)
    with pytest.raises(NotFoundError):
        await catalogue.cases.change(replace(changed, id="y" * 16))
    assert [one.id for one in await catalogue.cases.find(99, is_open=False)] == [later.id]
    newest = await catalogue.cases.find(3)
    assert newest[0] == changed
    assert len(await catalogue.cases.find(99, (newest[-1].created_ns, newest[-1].id))) == 6


async def test_what_is_claimed_does_not_expire(catalogue: Catalogue) -> None:
    """By an interval, without an end, by the corrected time, until the hour after it was taken off is over."""
    await filled(catalogue)
    first, last = segment(5).start_ns + MARGIN_NS, segment(8).end_ns - MARGIN_NS
    assert await numbers(catalogue) == list(range(20))
    await catalogue.holds.put(hold(first, last))
    assert await numbers(catalogue) == [*range(5), *range(9, 20)]
    assert not await catalogue.segments.may_expire(segment(5))
    assert await catalogue.segments.may_expire(segment(4))
    assert await catalogue.holds.held_bytes(STREAM.camera, 0) == 400
    await catalogue.holds.put(hold(segment(18).start_ns + MARGIN_NS, None, ident="i" * 16))
    assert await numbers(catalogue) == [*range(5), *range(9, 18)]
    lifted = replace(hold(first, last), removed_ns=T0 + 7, rev=2)
    await catalogue.holds.put(lifted)
    assert await numbers(catalogue, T0 + 6) == [*range(5), *range(9, 18)]
    assert await numbers(catalogue, T0 + 7) == [*range(18)]
    await catalogue.holds.put(replace(lifted, removed_ns=None, rev=3))
    await catalogue.runs.put(replace(run(), correction_ns=10 * MINUTE_NS, rev=9))
    assert await numbers(catalogue) == [*range(5)]  # what is shown from 18 on was stamped from 8 on
    assert await catalogue.holds.in_force(0, cameras=[STREAM.camera], from_ns=last, to_ns=last + 1) == []


async def test_what_holds_cost(catalogue: Catalogue) -> None:
    """Each Segment once a Case, however many of its Holds claim it; none of Holds that were taken off."""
    await filled(catalogue)
    await catalogue.holds.put(
        hold(segment(2).start_ns + MARGIN_NS, segment(4).end_ns - MARGIN_NS),
        hold(segment(4).start_ns + MARGIN_NS, segment(5).end_ns - MARGIN_NS, ident="i" * 16),
        hold(segment(4).start_ns + MARGIN_NS, None, ident="j" * 16, of="d" * 16),
        replace(hold(0, None, ident="k" * 16), removed_ns=5),
    )
    assert await catalogue.holds.costs(["c" * 16, "d" * 16, "e" * 16]) == {
        "c" * 16: Cost(400, 4),
        "d" * 16: Cost(1600, 16),
    }
    assert await catalogue.holds.counts() == {"c" * 16: 2, "d" * 16: 1}


async def test_doomed_copies_that_are_claimed_stay(catalogue: Catalogue) -> None:
    """A Site that had yet to hear of the Hold took its own away; the others are cleared."""
    await filled(catalogue)
    for number in range(3):
        await catalogue.copies.put(Copy("r" * 16, number, "home", CopyState.DOOMED, T0, rev=2))
    await catalogue.holds.put(hold(segment(1).start_ns + MARGIN_NS, segment(1).end_ns - MARGIN_NS))
    assert [one.number for one in await catalogue.due_copies.of("home", CopyState.DOOMED, 9)] == [0, 2]


async def test_legal_holds_that_are_due(catalogue: Catalogue) -> None:
    """What is claimed and has none; what has one and is not claimed."""
    await filled(catalogue)
    one = hold(segment(1).start_ns + MARGIN_NS, segment(3).end_ns - MARGIN_NS)
    await catalogue.holds.put(one)
    assert [found.number for found in await catalogue.holds.to_lock("home", one, 0, 99)] == [1, 2, 3]
    assert await catalogue.holds.to_lock("elsewhere", one, 0, 99) == []
    for number in (2, 9):
        await catalogue.copies.put(Copy("r" * 16, number, "home", CopyState.VERIFIED, T0, 2, locked=True))
    assert [found.number for found in await catalogue.holds.to_lock("home", one, 0, 99)] == [1, 3]
    assert [found.number for found in await catalogue.holds.to_unlock("home", 0, 99)] == [9]
    assert (await catalogue.copies.of("r" * 16, 2))[0].locked


async def test_what_belongs_to_a_case(catalogue: Catalogue) -> None:
    """Notes, bookmarks and exports; packages are kept while it is open and for a month after."""
    marked = await filled(catalogue)
    made = await catalogue.cases.add(case())
    for n in range(3):
        await catalogue.cases.note(CaseNote(str(n) * 16, made.id, f"catatan {n}", OWNER, T0 + n))
    assert [note.text for note in await catalogue.cases.notes(made.id, 2)] == ["catatan 2", "catatan 1"]
    mark = Bookmark("b" * 16, marked, at(5), "", OWNER, T0)
    await catalogue.bookmarks.add(mark)
    await catalogue.bookmarks.change(replace(mark, case=made.id))
    assert (await catalogue.bookmarks.get(mark.id)) == replace(mark, case=made.id)
    job = Job("j" * 16, JobKind.EXPORT, OWNER, {"cameras": []}, T0, case=made.id)
    for one in (job, replace(job, id="k" * 16, case=None)):
        await catalogue.jobs.add(one)
        await catalogue.jobs.take(JobKind.EXPORT, "n" * 16, T0)
        await catalogue.jobs.done(one.id, {"size_bytes": 1}, T0, T0 + 10)
    assert [one.id for one in await catalogue.jobs.newest(JobKind.EXPORT, 9, case=made.id)] == [job.id]

    async def expired(now_ns: int) -> list[str]:
        found = await catalogue.jobs.expired(JobKind.EXPORT, "n" * 16, now_ns)
        return sorted(one.id for one in found)

    assert await expired(T0 + 11) == ["k" * 16]
    await catalogue.cases.change(replace(made, closed_ns=T0 + 20, rev=2))
    assert await expired(T0 + 30) == ["k" * 16]
    assert await expired(T0 + 20 + EXPORTS_KEPT_NS) == [job.id, "k" * 16]
    assert await catalogue.jobs.forget(JobKind.EXPORT, T0 + 11) == 1
