"""Rows of Persons and their sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from vms.domain.person import Person, Session
from vms.domain.rights import CameraException, Grant, PersonRole, Right
from vms.errors import ConflictError
from vms.store.database import Database
from vms.store.tables import people, sessions


class People:
    """Who has an account."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def list(self) -> list[Person]:
        """All, by user name."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(people).order_by(people.c.username_folded))
        return [_person(row) for row in rows]

    async def get(self, person_id: str) -> Person | None:
        """One by id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(people).where(people.c.id == person_id))).first()
        return None if row is None else _person(row)

    async def by_username(self, username: str) -> Person | None:
        """One by user name, in whatever case it is written."""
        statement = select(people).where(people.c.username_folded == username.casefold())
        async with self._db.read() as connection:
            row = (await connection.execute(statement)).first()
        return None if row is None else _person(row)

    async def put(self, person: Person, beside: Callable[[Person], bool] | None = None) -> bool:
        """Insert, or replace where `rev` is greater; False where it is not. `beside`: only where another Person is
        such, whoever else writes at this moment. ConflictError: the user name is taken, or nobody else is such."""
        values = {
            "id": person.id,
            "username": person.username,
            "username_folded": person.username.casefold(),
            "name": person.name,
            "password_hash": person.password_hash,
            "must_change": person.must_change,
            "enabled": person.enabled,
            "language": person.language,
            "grants": [
                {"role": grant.role.value, "site": grant.site, "until_ns": grant.until_ns} for grant in person.grants
            ],
            "exceptions": [
                {"camera": one.camera, "right": one.right.value, "allow": one.allow, "until_ns": one.until_ns}
                for one in person.exceptions
            ],
            "rev": person.rev,
        }
        try:
            async with self._db.write() as connection:
                if beside is not None:
                    await self._db.alone(connection, "people")
                    rows = await connection.execute(select(people).where(people.c.id != person.id))
                    if not any(beside(_person(row)) for row in rows):
                        raise ConflictError("nobody else is left", reason="last_admin")
                return await self._db.upsert(connection, people, values)
        except IntegrityError as error:
            raise ConflictError(f"the user name {person.username} is taken") from error

    async def count(self) -> int:
        """How many there are."""
        async with self._db.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(people))).scalar_one())


class Sessions:
    """Sign-ins that hold."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, session: Session) -> None:
        """A new sign-in. ConflictError: the Person does not exist."""
        values = {
            "token_sha256": session.token_sha256,
            "person": session.person,
            "csrf": session.csrf,
            "created_ns": session.created_ns,
            "seen_ns": session.seen_ns,
            "expires_ns": session.expires_ns,
        }
        try:
            async with self._db.write() as connection:
                await connection.execute(insert(sessions), values)
        except IntegrityError as error:
            raise ConflictError("the session cannot be kept: the person does not exist") from error

    async def by_token(self, token_sha256: str) -> Session | None:
        """One by the SHA-256 (hex) of its token; whether it has expired is the caller's to see."""
        statement = select(sessions).where(sessions.c.token_sha256 == token_sha256)
        async with self._db.read() as connection:
            row = (await connection.execute(statement)).first()
        if row is None:
            return None
        return Session(row.token_sha256, row.person, row.csrf, row.created_ns, row.seen_ns, row.expires_ns)

    async def touch(self, token_sha256: str, seen_ns: int, expires_ns: int | None = None) -> None:
        """Note a request, and put the end off where `expires_ns` is given."""
        values = {"seen_ns": seen_ns} | ({} if expires_ns is None else {"expires_ns": expires_ns})
        async with self._db.write() as connection:
            await connection.execute(update(sessions).where(sessions.c.token_sha256 == token_sha256).values(values))

    async def delete(self, token_sha256: str) -> None:
        """Sign out."""
        async with self._db.write() as connection:
            await connection.execute(delete(sessions).where(sessions.c.token_sha256 == token_sha256))

    async def of(self, person: str) -> list[Session]:
        """Those of one Person, the newest first; whether one has expired is the caller's to see."""
        statement = select(sessions).where(sessions.c.person == person).order_by(sessions.c.created_ns.desc())
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return [Session(r.token_sha256, r.person, r.csrf, r.created_ns, r.seen_ns, r.expires_ns) for r in rows]

    async def delete_of(self, person: str, but: str = "") -> int:
        """Sign a Person out everywhere, `but` there (a token's SHA-256); says of how many sign-ins."""
        chosen = delete(sessions).where(sessions.c.person == person, sessions.c.token_sha256 != but)
        async with self._db.write() as connection:
            return (await connection.execute(chosen)).rowcount

    async def delete_expired(self, now_ns: int) -> int:
        """Forget what is worth nothing any more; says how many."""
        async with self._db.write() as connection:
            return (await connection.execute(delete(sessions).where(sessions.c.expires_ns <= now_ns))).rowcount


def _person(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        username=row.username,
        name=row.name,
        password_hash=row.password_hash,
        must_change=row.must_change,
        enabled=row.enabled,
        language=row.language,
        rev=row.rev,
        grants=tuple(_grants(row.grants)),
        exceptions=tuple(_exceptions(row.exceptions)),
    )


def _grants(stored: Sequence[Mapping[str, Any]]) -> Iterator[Grant]:
    """What this version knows: a Role that it does not know gives nothing."""
    for one in stored:
        if one["role"] in list(PersonRole):
            yield Grant(PersonRole(one["role"]), one["site"], one["until_ns"])


def _exceptions(stored: Sequence[Mapping[str, Any]]) -> Iterator[CameraException]:
    for one in stored:
        if one["right"] in list(Right):
            yield CameraException(one["camera"], Right(one["right"]), bool(one["allow"]), one["until_ns"])
