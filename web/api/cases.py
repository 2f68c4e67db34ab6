"""Cases: open one, change and close it, write notes. What it holds is web/api/holds.py; its bookmarks and exports are
lists of their own, asked for by `case`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from vms.domain.case import Case, CaseNote, CasePerson, CaseRole, CaseState, check_people
from vms.domain.ids import is_id, new_id
from vms.domain.rights import Right, may_somewhere
from vms.errors import ConflictError, InputError
from vms.store.cases import Place
from vms.store.holds import Cost
from web.api.errors import CHANGES, problems
from web.casework import Desk, DeskOf, OneCase, need_open
from web.deps import PartsOf, Who
from web.paging import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor
from web.parts import Parts
from web.schemas import NamedOut
from web.schemas_cases import (
    CaseIn,
    CaseNoteIn,
    CaseNoteOut,
    CaseNotesOut,
    CaseOut,
    CasePatch,
    CasePeopleOut,
    CasePersonIn,
    CasePersonOut,
    CasesOut,
)
from web.times import format_time

router = APIRouter(prefix="/api/cases", tags=["cases"])

NOTES_MAX = 1000


@router.get("", operation_id="listCases", responses=problems())
async def list_cases(
    desk: DeskOf,
    parts: PartsOf,
    state: Annotated[CaseState | None, Query(description="Open or closed ones alone.")] = None,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> CasesOut:
    """Cases that are yours, the newest first."""
    is_open = None if state is None else state is CaseState.OPEN
    found = await parts.catalogue.cases.find(limit + 1, _place(cursor), is_open=is_open)
    shown = found[:limit]
    following = encode_cursor((str(shown[-1].created_ns), shown[-1].id)) if len(found) > limit else None
    return CasesOut(items=await _out(desk, [case for case in shown if desk.sees(case)]), next=following)


@router.post("", operation_id="addCase", status_code=201, responses=problems(*CHANGES))
async def add_case(body: CaseIn, response: Response, who: Who, desk: DeskOf, parts: PartsOf) -> CaseOut:
    """Open a case; it gets the next number of the year."""
    me = CasePerson(who.person.id, CaseRole.OWNER)
    people = await _people(parts, [one for one in body.people if one.person != me.person])
    case = Case(new_id(), body.title, body.description, check_people([me, *people]), me.person, parts.clock.now_ns())
    case = await parts.catalogue.cases.add(case)
    others = [one.person for one in case.people if one.person != me.person]
    await parts.audit.add(me.person, "case.add", case.id, number=case.number, title=case.title, people=others)
    _told(parts, case)
    response.headers["Location"] = f"/api/cases/{case.id}"
    return (await _out(desk, [case]))[0]


@router.get("/people", operation_id="listCasePeople", responses=problems())
async def list_case_people(parts: PartsOf) -> CasePeopleOut:
    """Who can be given a case."""
    now_ns = parts.clock.now_ns()
    return CasePeopleOut(
        items=[
            NamedOut(id=person.id, name=person.name)
            for person in await parts.catalogue.people.list()
            if may_somewhere(person.holding, Right.INVESTIGATE, now_ns)
        ]
    )


@router.get("/{case_id}", operation_id="getCase", responses=problems(404))
async def get_case(case: OneCase, desk: DeskOf) -> CaseOut:
    """One case."""
    return (await _out(desk, [case]))[0]


@router.patch("/{case_id}", operation_id="changeCase", responses=problems(*CHANGES, 404, 409))
async def change_case(body: CasePatch, case: OneCase, who: Who, desk: DeskOf, parts: PartsOf) -> CaseOut:
    """Change title, description or people, close it or open it again. What it holds stays held."""
    desk.need_owner(case)
    if body.rev != case.rev:
        raise ConflictError(
            "Somebody else has changed this case meanwhile.", hint="Look at it again.", reason="case_changed"
        )
    changed = await _changed(parts, case, body)
    fields = [name for name in ("title", "description", "people", "closed_ns") if _differs(case, changed, name)]
    if fields:
        changed = replace(changed, rev=case.rev + 1)
        await parts.catalogue.cases.change(changed)
        detail = {"number": case.number, "fields": ["state" if one == "closed_ns" else one for one in fields]}
        if "people" in fields:
            detail["people"] = [f"{one.person} {one.role}" for one in changed.people]
        await parts.audit.add(who.person.id, "case.change", case.id, state=changed.state.value, **detail)
        _told(parts, case)
    return (await _out(desk, [changed]))[0]


@router.get("/{case_id}/notes", operation_id="listCaseNotes", responses=problems(404))
async def list_case_notes(case: OneCase, parts: PartsOf) -> CaseNotesOut:
    """What was noted."""
    notes = await parts.catalogue.cases.notes(case.id, NOTES_MAX)
    return CaseNotesOut(items=await _notes_out(parts, notes))


@router.post("/{case_id}/notes", operation_id="addCaseNote", status_code=201, responses=problems(*CHANGES, 404, 409))
async def add_case_note(body: CaseNoteIn, case: OneCase, who: Who, parts: PartsOf) -> CaseNoteOut:
    """Note something; it stays as it is."""
    need_open(case)
    note = CaseNote(new_id(), case.id, body.text, who.person.id, parts.clock.now_ns())
    await parts.catalogue.cases.note(note)
    await parts.audit.add(who.person.id, "case.note", case.id, number=case.number, note=note.id)
    _told(parts, case)
    return (await _notes_out(parts, [note]))[0]


async def _changed(parts: Parts, case: Case, body: CasePatch) -> Case:
    people = case.people
    if body.people is not None:
        people = check_people(await _people(parts, body.people, known=case.people))
    closed_ns = case.closed_ns
    if body.state is not None and body.state is not case.state:
        closed_ns = parts.clock.now_ns() if body.state is CaseState.CLOSED else None
    return replace(
        case,
        title=case.title if body.title is None else body.title,
        description=case.description if body.description is None else body.description,
        people=people,
        closed_ns=closed_ns,
    )


def _differs(before: Case, after: Case, name: str) -> bool:
    return bool(getattr(before, name) != getattr(after, name))


async def _people(parts: Parts, named: Sequence[CasePersonIn], known: Sequence[CasePerson] = ()) -> list[CasePerson]:
    """InputError where somebody is new and has no account that is open."""
    there = {one.person for one in known}
    for one in named:
        found = await parts.catalogue.people.get(one.person)
        if found is None or (one.person not in there and not found.enabled):
            raise InputError("There is no such person.", field="people", reason="person_gone")
    return [CasePerson(one.person, one.role) for one in named]


def _told(parts: Parts, case: Case) -> None:
    parts.bus.publish("case.changed", {"case": case.id})


def _place(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    at, case_id = decode_cursor(cursor, 2)
    if not (at.isascii() and at.isdigit() and len(at) < 20 and is_id(case_id)):
        raise InputError("the cursor is not one that was given", hint="Begin without one.", field="cursor")
    return int(at), case_id


async def _out(desk: Desk, cases: Sequence[Case]) -> list[CaseOut]:
    catalogue = desk.parts.catalogue
    names = {person.id: person.name for person in await catalogue.people.list()}
    costs = await catalogue.holds.costs([case.id for case in cases])
    counts = await catalogue.holds.counts()
    return [
        CaseOut(
            id=case.id,
            number=case.number,
            title=case.title,
            description=case.description,
            state=case.state,
            people=[CasePersonOut(id=one.person, name=names.get(one.person), role=one.role) for one in case.people],
            person=NamedOut(id=case.person, name=names.get(case.person)),
            created_at=format_time(case.created_ns),
            closed_at=None if case.closed_ns is None else format_time(case.closed_ns),
            may_change=desk.owns(case),
            holds=counts.get(case.id, 0),
            held_bytes=costs.get(case.id, Cost()).bytes,
            held_segments=costs.get(case.id, Cost()).segments,
            rev=case.rev,
        )
        for case in cases
    ]


async def _notes_out(parts: Parts, notes: Sequence[CaseNote]) -> list[CaseNoteOut]:
    names = {person.id: person.name for person in await parts.catalogue.people.list()}
    return [
        CaseNoteOut(
            id=note.id,
            text=note.text,
            person=NamedOut(id=note.person, name=names.get(note.person)),
            at=format_time(note.at_ns),
        )
        for note in notes
    ]
