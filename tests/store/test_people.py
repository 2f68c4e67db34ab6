"""People, their sessions, and the audit log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.store.conftest import Sql
from tests.store.samples import T0
from vms.clock import ManualClock
from vms.domain.person import Person, Session
from vms.errors import ConflictError
from vms.store.catalogue import Catalogue

ADMIN = Person("p" * 16, "Admin", "Administrator", "$argon2id$x", must_change=True)
TOKEN = "ab" * 32


async def test_people_are_found_by_name_in_any_case(catalogue: Catalogue) -> None:
    """A user name is taken in every spelling of its letters."""
    assert await catalogue.people.count() == 0
    assert await catalogue.people.put(ADMIN)
    assert await catalogue.people.by_username("aDMIN") == ADMIN
    assert await catalogue.people.get(ADMIN.id) == ADMIN
    assert await catalogue.people.get("x" * 16) is None
    assert await catalogue.people.by_username("nobody") is None
    with pytest.raises(ConflictError):
        await catalogue.people.put(replace(ADMIN, id="q" * 16, username="ADMIN"))
    changed = replace(ADMIN, password_hash="$argon2id$y", must_change=False, rev=2)
    assert await catalogue.people.put(changed)
    assert not await catalogue.people.put(ADMIN)
    assert await catalogue.people.list() == [changed]
    assert await catalogue.people.count() == 1


async def test_sessions(catalogue: Catalogue) -> None:
    """Kept by the hash of their token, touched, ended one by one, all of a person, or by time."""
    await catalogue.people.put(ADMIN)
    session = Session(TOKEN, ADMIN.id, "csrf", T0, T0, T0 + 100)
    await catalogue.sessions.put(session)
    assert await catalogue.sessions.by_token(TOKEN) == session
    await catalogue.sessions.touch(TOKEN, T0 + 5)
    await catalogue.sessions.touch(TOKEN, T0 + 6, T0 + 200)
    assert await catalogue.sessions.by_token(TOKEN) == replace(session, seen_ns=T0 + 6, expires_ns=T0 + 200)
    await catalogue.sessions.put(replace(session, token_sha256="cd" * 32))
    assert await catalogue.sessions.delete_expired(T0 + 100) == 1
    await catalogue.sessions.delete(TOKEN)
    assert await catalogue.sessions.by_token(TOKEN) is None
    await catalogue.sessions.put(session)
    assert await catalogue.sessions.delete_of(ADMIN.id) == 1
    with pytest.raises(ConflictError):
        await catalogue.sessions.put(replace(session, person="x" * 16))


async def test_audit_is_a_chain(catalogue: Catalogue) -> None:
    """Entries are numbered and chained, and come newest first, page by page."""
    for i in range(5):
        await catalogue.audit.add(ADMIN.id, "camera.add", f"cam-{i}", {"name": "Pasar é", "i": i})
    assert await catalogue.audit.first_broken() is None
    page, cursor = await catalogue.audit.list(2)
    assert [entry.subject for entry in page] == ["cam-4", "cam-3"]
    page, cursor = await catalogue.audit.list(2, cursor)
    assert [entry.subject for entry in page] == ["cam-2", "cam-1"]
    page, cursor = await catalogue.audit.list(2, cursor)
    assert [entry.subject for entry in page] == ["cam-0"]
    assert cursor is None
    assert page[0].at_ns == ManualClock().now_ns()


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        ("UPDATE audit SET subject = 'other' WHERE number = 3", 3),
        ("UPDATE audit SET detail = '{\"a\":2}' WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 1", 1),
    ],
)
async def test_tampering_with_the_audit_shows(catalogue: Catalogue, sql: Sql, tamper: str, broken: int) -> None:
    """A changed or removed entry breaks the chain where it was."""
    for i in range(4):
        await catalogue.audit.add("", "sign_in.refused", f"name-{i}", {"a": 1})
    sql(tamper)
    assert await catalogue.audit.first_broken() == broken


async def test_audit_takes_anything(catalogue: Catalogue) -> None:
    """What attackers send as names is cut to size and kept, lone surrogates too."""
    await catalogue.audit.add("x" * 5000, "y" * 5000, "\x00\u202e" * 5000, {"name": "\ud800"})
    await catalogue.audit.add("\ud800", "sign_in.refused", "\udfff")
    (entry, _), _ = await catalogue.audit.list(2)
    assert (entry.person, entry.subject) == ("?", "?")
    assert await catalogue.audit.first_broken() is None
