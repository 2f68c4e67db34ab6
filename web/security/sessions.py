"""Sessions of people: a random token in a cookie, of which only the SHA-256 is stored, and a CSRF token beside it.

A session ends after `ttl_s` without use, after `longest_s` in any case, on sign-out, and with the person's account.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, replace

from vms.clock import NS_PER_S, Clock
from vms.domain.person import Person, Session
from vms.store.catalogue import Catalogue
from web.security.viewer import Viewer

COOKIE = "vms_session"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_TOUCH_NS = 60 * NS_PER_S


@dataclass(frozen=True)
class Principal:
    """Who a request comes from."""

    person: Person
    session: Session

    @property
    def viewer(self) -> Viewer:
        """As who holds something open."""
        return Viewer(self.person.id, self.session.token_sha256)


def token_sha256(token: str) -> str:
    """What is stored of a token (hex). A random token of 256 bits needs no slow hash."""
    return hashlib.sha256(token.encode("ascii")).hexdigest()


class Sessions:
    """Opens, finds and ends sessions in the catalogue."""

    def __init__(self, catalogue: Catalogue, clock: Clock, *, ttl_s: float, longest_s: float) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._ttl_ns = int(ttl_s * NS_PER_S)
        self._longest_ns = int(longest_s * NS_PER_S)

    async def open(self, person: Person) -> tuple[str, Session]:
        """Sign a person in: the token for the cookie, and the session."""
        token, now_ns = secrets.token_urlsafe(32), self._clock.now_ns()
        session = Session(
            token_sha256(token), person.id, secrets.token_urlsafe(32), now_ns, now_ns, now_ns + self._ttl_ns
        )
        await self._catalogue.sessions.delete_expired(now_ns)
        await self._catalogue.sessions.put(session)
        return token, session

    async def find(self, token: str | None) -> Principal | None:
        """Who the cookie's token stands for; what does not look like a token costs no query."""
        if token is None or not _TOKEN.fullmatch(token):
            return None
        return await self.of(token_sha256(token))

    async def of(self, sha256: str) -> Principal | None:
        """The same by the stored hash; counts as use, at most once a minute."""
        session = await self._catalogue.sessions.by_token(sha256)
        now_ns = self._clock.now_ns()
        if session is None or session.expires_ns <= now_ns:
            return None
        person = await self._catalogue.people.get(session.person)
        if person is None or not person.enabled:
            return None
        if now_ns - session.seen_ns > _TOUCH_NS:
            session = replace(
                session, seen_ns=now_ns, expires_ns=min(now_ns + self._ttl_ns, session.created_ns + self._longest_ns)
            )
            await self._catalogue.sessions.touch(sha256, session.seen_ns, session.expires_ns)
        return Principal(person, session)

    async def end(self, sha256: str) -> None:
        """Sign out; harmless where it is over already."""
        await self._catalogue.sessions.delete(sha256)

    async def end_others(self, kept: Session) -> None:
        """End every other session of the same person, as after a change of password. One that was ended meanwhile is
        not there again."""
        await self._catalogue.sessions.delete_of(kept.person, but=kept.token_sha256)
