"""Signing in and out, and changing one's own password."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request, Response

from vms.domain.person import Person, Session
from vms.domain.rights import rights_everywhere, rights_somewhere
from vms.errors import ConflictError, InputError, UnauthenticatedError
from web.api.errors import CHANGES, problems
from web.audit import NOBODY
from web.deps import Address, PartsOf, Who
from web.parts import Parts
from web.schemas import PasswordChange, PersonOut, SessionOut, SignIn
from web.security.origin import is_secure
from web.security.sessions import COOKIE, Principal
from web.security.throttle import ThrottledError
from web.text import TextError, check_new_password

router = APIRouter(prefix="/api/session", tags=["session"])


def _answer(who: Principal, parts: Parts) -> SessionOut:
    person, now_ns = who.person, parts.clock.now_ns()
    return SessionOut(
        person=PersonOut(
            id=person.id,
            username=person.username,
            name=person.name,
            language=person.language,
            must_change=person.must_change,
        ),
        csrf=who.session.csrf,
        rights=sorted(rights_somewhere(person.holding, now_ns)),
        everywhere=sorted(rights_everywhere(person.holding, now_ns)),
    )


async def _try(parts: Parts, username: str, address: str, what: str) -> None:
    try:
        parts.throttle.begin(username, address)
    except ThrottledError as error:
        if error.first:
            await parts.audit.refused(NOBODY, address, what, error.code)
        raise


async def _wrong(parts: Parts, person: Person | None, address: str) -> UnauthenticatedError:
    """The name that was typed is not written down: people type passwords there."""
    await parts.audit.refused(person.id if person else NOBODY, address, "sign-in", "wrong_password")
    return UnauthenticatedError(
        "The user name or the password is wrong.", hint="Mind capital letters.", reason="signin_wrong"
    )


@router.post("", operation_id="signIn", responses=problems(*CHANGES))
async def sign_in(body: SignIn, request: Request, response: Response, parts: PartsOf, address: Address) -> SessionOut:
    """Sign in: sets the session cookie and gives the CSRF token. An unknown user and a wrong password look the same."""
    await _try(parts, body.username, address, "sign-in")
    person = await parts.catalogue.people.by_username(body.username)
    stored = person.password_hash if person is not None and person.enabled else None
    if not await parts.passwords.verify(body.password.get_secret_value(), stored) or person is None:
        raise await _wrong(parts, person, address)
    parts.throttle.succeed(body.username, address)
    before = await parts.sessions.find(request.cookies.get(COOKIE))
    if before is not None:
        await _end(parts, before.session)
    token, session = await parts.sessions.open(person)
    now = await parts.catalogue.people.get(person.id)
    if now is None or not now.enabled or now.password_hash != stored:  # it was changed while it was looked at
        await _end(parts, session)
        raise await _wrong(parts, person, address)
    await parts.audit.add(person.id, "session.open", person.username, address=address)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(parts.options.session_longest_s),
        path="/",
        secure=is_secure(request.scope, parts.options.trusted_proxies, https=parts.options.https),
        httponly=True,
        samesite="strict",
    )
    return _answer(Principal(person, session), parts)


@router.get(
    "",
    operation_id="getSession",
    response_model=SessionOut,
    responses=problems() | {204: {"description": "Nobody is signed in."}},
)
async def get_session(request: Request, parts: PartsOf) -> SessionOut | Response:
    """Who is signed in, and their CSRF token; 204 when nobody is: a page may ask before it knows."""
    who = request.state.principal
    return Response(status_code=204) if who is None else _answer(who, parts)


@router.delete("", operation_id="signOut", status_code=204, responses=problems(*CHANGES))
async def sign_out(response: Response, who: Who, parts: PartsOf) -> None:
    """Sign out: the session, and everything open under it, ends."""
    await _end(parts, who.session)
    await parts.audit.add(who.person.id, "session.close", who.person.username)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


async def _end(parts: Parts, session: Session) -> None:
    await parts.sessions.end(session.token_sha256)
    parts.bonds.cut(session.token_sha256)


@router.post("/password", operation_id="changePassword", status_code=204, responses=problems(*CHANGES, 409))
async def change_password(body: PasswordChange, who: Who, parts: PartsOf, address: Address) -> None:
    """Change one's own password; every other session of the person ends."""
    person, new = who.person, body.new.get_secret_value()
    if new == body.old.get_secret_value():
        raise InputError("The new password is the old one.", field="new", reason="password_same")
    try:
        check_new_password(new, person.username)
    except TextError as error:
        words = f"The new password {error}."
        raise InputError(words, field="new", reason=error.reason, params=error.params) from None
    await _try(parts, person.username, address, "password")
    if not await parts.passwords.verify(body.old.get_secret_value(), person.password_hash):
        await parts.audit.refused(person.id, address, "password", "wrong_password")
        raise InputError("The old password is wrong.", field="old", reason="password_old")
    parts.throttle.succeed(person.username, address)
    hashed = await parts.passwords.hash(new)
    changed = replace(person, password_hash=hashed, must_change=False, rev=person.rev + 1)
    if not await parts.catalogue.people.put(changed):
        raise ConflictError("The account has changed meanwhile.", hint="Try again.", reason="account_changed")
    await parts.sessions.end_others(who.session)
    await parts.audit.add(person.id, "person.password", person.username, address=address)
