"""People: list, open an account, change what they may do, close it, give another password, end sign-ins.

Accounts are closed, never deleted: the audit log names them. The last admin of everything stays one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from vms.domain.ids import is_id, new_id
from vms.domain.person import Person, Session
from vms.domain.rights import CameraException, Grant, PersonRole
from vms.errors import ConflictError, InputError, NotFoundError
from web.api.errors import CHANGES, problems
from web.deps import PartsOf, Who
from web.paging import LIMIT_DEFAULT, LIMIT_MAX, page
from web.parts import Parts
from web.schemas_people import (
    AccountOut,
    AccountsOut,
    ExceptionBody,
    GrantBody,
    PasswordReset,
    PersonIn,
    PersonPatch,
    SignInOut,
    SignInsOut,
    exceptions_out,
    grants_out,
)
from web.security.passwords import generated_password
from web.text import TextError, check_new_password
from web.times import format_time

router = APIRouter(prefix="/api/people", tags=["people"])

CHANGED = "person.changed"
PEOPLE_MAX = 2_000
_NAMED = 16


async def person_of(person_id: str, parts: PartsOf) -> Person:
    """The person named in the address."""
    person = await parts.catalogue.people.get(person_id) if is_id(person_id) else None
    if person is None:
        raise NotFoundError("There is no such account.", reason="person_gone")
    return person


OnePerson = Annotated[Person, Depends(person_of)]


def _holding(sessions: list[Session], now_ns: int) -> list[Session]:
    return [session for session in sessions if session.expires_ns > now_ns]


async def _out(parts: Parts, *people: Person, password: str | None = None) -> list[AccountOut]:
    now_ns, counts = parts.clock.now_ns(), Counter[str]()
    for person in people:
        counts[person.id] = len(_holding(await parts.catalogue.sessions.of(person.id), now_ns))
    return [
        AccountOut(
            id=person.id,
            username=person.username,
            name=person.name,
            language=person.language,
            enabled=person.enabled,
            must_change=person.must_change,
            grants=grants_out(person.grants),
            exceptions=exceptions_out(person.exceptions),
            signed_in=counts[person.id],
            rev=person.rev,
            password=password,
        )
        for person in people
    ]


@router.get("", operation_id="listPeople", responses=problems())
async def list_people(
    parts: PartsOf,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
) -> AccountsOut:
    """Accounts by user name, closed ones too."""
    people = await parts.catalogue.people.list()
    shown, following = page(people, lambda person: (person.username.casefold(), person.id), cursor, limit, parts=2)
    return AccountsOut(items=await _out(parts, *shown), next=following)


@router.post("", operation_id="addPerson", status_code=201, responses=problems(*CHANGES, 409))
async def add_person(body: PersonIn, response: Response, who: Who, parts: PartsOf) -> AccountOut:
    """Open an account. Without a grant the person signs in and sees nothing."""
    if not body.username.strip():
        raise InputError("The user name is empty.", field="username", reason="text_empty")
    if await parts.catalogue.people.count() >= PEOPLE_MAX:
        raise ConflictError(
            f"There are {PEOPLE_MAX} accounts already.", reason="people_full", params={"limit": str(PEOPLE_MAX)}
        )
    if await parts.catalogue.people.by_username(body.username) is not None:
        raise ConflictError(f"The user name {body.username} is taken.", hint="Choose another.", reason="username_taken")
    grants, exceptions = await _checked(parts, body.grants, body.exceptions)
    given = None if body.password is None else body.password.get_secret_value()
    password = given or generated_password()
    person = Person(
        new_id(),
        body.username,
        body.name,
        await _hashed(parts, password, body.username),
        must_change=True,
        language=body.language,
        grants=grants,
        exceptions=exceptions,
    )
    await parts.catalogue.people.put(person)
    _told(parts, person)
    await parts.audit.add(who.person.id, "person.add", person.id, username=person.username, grants=_words(grants))
    response.headers["Location"] = f"/api/people/{person.id}"
    return (await _out(parts, person, password=None if given else password))[0]


@router.get("/{person_id}", operation_id="getPerson", responses=problems(404))
async def get_person(person: OnePerson, parts: PartsOf) -> AccountOut:
    """One account."""
    return (await _out(parts, person))[0]


@router.patch("/{person_id}", operation_id="changePerson", responses=problems(*CHANGES, 404, 409))
async def change_person(body: PersonPatch, person: OnePerson, who: Who, parts: PartsOf) -> AccountOut:
    """Change what is given. What is taken away ends within five seconds, open things too; `rev` must be that of now."""
    if body.rev != person.rev:
        raise ConflictError(
            "Somebody else has changed the account meanwhile.", hint="Load it again.", reason="account_changed"
        )
    grants, exceptions = await _checked(parts, body.grants or [], body.exceptions or [], person)
    changed = replace(
        person,
        name=person.name if body.name is None else body.name,
        language=person.language if body.language is None else body.language,
        enabled=person.enabled if body.enabled is None else body.enabled,
        grants=person.grants if body.grants is None else grants,
        exceptions=person.exceptions if body.exceptions is None else exceptions,
        rev=person.rev + 1,
    )
    fields = [
        name for name in ("name", "language", "enabled", "grants", "exceptions")
        if getattr(changed, name) != getattr(person, name)
    ]  # fmt: skip
    if fields:
        await _put(parts, changed, keeps_admin=_rules_all(person) and not _rules_all(changed))
        if not changed.enabled:
            await _end_all(parts, person)
        await parts.audit.add(
            who.person.id,
            "person.change",
            person.id,
            username=person.username,
            fields=fields,
            grants=_words(changed.grants),
        )
    return (await _out(parts, changed if fields else person))[0]


@router.post("/{person_id}/password", operation_id="resetPassword", responses=problems(*CHANGES, 404, 409))
async def reset_password(body: PasswordReset, person: OnePerson, who: Who, parts: PartsOf) -> AccountOut:
    """Give another password: the person changes it at the next sign-in, and all sign-ins so far end."""
    given = None if body.password is None else body.password.get_secret_value()
    password = given or generated_password()
    hashed = await _hashed(parts, password, person.username)
    changed = replace(person, password_hash=hashed, must_change=True, rev=person.rev + 1)
    await _put(parts, changed)
    await _end_all(parts, person)
    await parts.audit.add(who.person.id, "person.password", person.id, username=person.username)
    return (await _out(parts, changed, password=None if given else password))[0]


@router.get("/{person_id}/sessions", operation_id="listSessions", responses=problems(404))
async def list_sessions(person: OnePerson, who: Who, parts: PartsOf) -> SignInsOut:
    """Where a person is signed in."""
    found = _holding(await parts.catalogue.sessions.of(person.id), parts.clock.now_ns())
    items = [
        SignInOut(
            id=session.token_sha256[:_NAMED],
            begun_at=format_time(session.created_ns),
            seen_at=format_time(session.seen_ns),
            ends_at=format_time(session.expires_ns),
            here=session.token_sha256 == who.session.token_sha256,
        )
        for session in found
    ]
    return SignInsOut(items=items, next=None)


@router.delete("/{person_id}/sessions", operation_id="endSessions", status_code=204, responses=problems(*CHANGES, 404))
async def end_sessions(person: OnePerson, who: Who, parts: PartsOf) -> None:
    """Sign a person out everywhere; what they have open ends."""
    await _end_all(parts, person)
    await parts.audit.add(who.person.id, "session.end", person.id, username=person.username, all=True)


@router.delete(
    "/{person_id}/sessions/{session_id}", operation_id="endSession", status_code=204, responses=problems(*CHANGES, 404)
)
async def end_session(
    person: OnePerson, session_id: Annotated[str, Path(max_length=64)], who: Who, parts: PartsOf
) -> None:
    """End one sign-in."""
    for session in await parts.catalogue.sessions.of(person.id):
        if session.token_sha256[:_NAMED] == session_id:
            await parts.sessions.end(session.token_sha256)
            parts.bonds.cut(session.token_sha256)
            await parts.audit.add(who.person.id, "session.end", person.id, username=person.username, all=False)
            return
    raise NotFoundError("There is no such sign-in.", hint="It may be over.", reason="session_gone")


async def _checked(
    parts: Parts, grants: list[GrantBody], exceptions: list[ExceptionBody], before: Person | None = None
) -> tuple[tuple[Grant, ...], tuple[CameraException, ...]]:
    """As the domain has them. InputError where they name a site or camera that is not there; what was named before may
    have gone since."""
    sites = {site.id for site in await parts.catalogue.sites.list()}
    cameras = {camera.id for camera in await parts.catalogue.cameras.list()}
    if before is not None:
        cameras |= {one.camera for one in before.exceptions}
    for number, grant in enumerate(grants):
        if grant.site is not None and grant.site not in sites:
            raise InputError("There is no such site.", field=f"grants.{number}.site", reason="site_gone")
    for number, one in enumerate(exceptions):
        if one.camera not in cameras:
            raise InputError("There is no such camera.", field=f"exceptions.{number}.camera", reason="camera_gone")
    made = dict.fromkeys(grant.grant(f"grants.{number}") for number, grant in enumerate(grants))
    excepted = dict.fromkeys(one.exception(f"exceptions.{number}") for number, one in enumerate(exceptions))
    return tuple(made), tuple(excepted)


async def _hashed(parts: Parts, password: str, username: str) -> str:
    try:
        check_new_password(password, username)
    except TextError as error:
        words = f"The password {error}."
        raise InputError(words, field="password", reason=error.reason, params=error.params) from None
    return await parts.passwords.hash(password)


def _rules_all(person: Person) -> bool:
    return person.enabled and Grant(PersonRole.ADMIN) in person.grants


async def _put(parts: Parts, person: Person, *, keeps_admin: bool = False) -> None:
    try:
        is_put = await parts.catalogue.people.put(person, _rules_all if keeps_admin else None)
    except ConflictError as error:
        if error.reason != "last_admin":
            raise
        words = "This is the last admin of everything."
        raise ConflictError(words, hint="Make somebody else one first.", reason="last_admin") from None
    if not is_put:
        raise ConflictError("The account has changed meanwhile.", hint="Load it again.", reason="account_changed")
    _told(parts, person)


def _told(parts: Parts, person: Person) -> None:
    parts.bus.publish(CHANGED, {"person": person.id})


async def _end_all(parts: Parts, person: Person) -> None:
    """End all sign-ins, and what is open under them."""
    sessions = await parts.catalogue.sessions.of(person.id)
    await parts.catalogue.sessions.delete_of(person.id)
    for session in sessions:
        parts.bonds.cut(session.token_sha256)


def _words(grants: tuple[Grant, ...]) -> list[str]:
    """For the log: `operator at <site>`, at most fifty."""
    return [f"{grant.role} at {grant.site or 'everything'}" for grant in grants[:50]]
