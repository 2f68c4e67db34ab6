"""HTTP Digest for RTSP (RFC 2617, MD5, with and without qop=auth): the server's. One nonce per connection. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import Enum

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class Verdict(Enum):
    """What the credentials are worth. STALE: right, but for a nonce that is not this connection's."""

    RIGHT = "right"
    WRONG = "wrong"
    STALE = "stale"


@dataclass(slots=True)
class Digest:
    """The challenge of one connection. No user name configured: everybody may."""

    username: str
    password: str = field(repr=False)
    realm: str = "Kamera"
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))

    def challenge(self, *, stale: bool) -> str:
        """Value of WWW-Authenticate."""
        return f'Digest realm="{self.realm}", nonce="{self.nonce}", algorithm="MD5"' + (", stale=TRUE" if stale else "")

    def judge(self, method: str, authorization: str | None) -> Verdict:
        """Judge the Authorization header of a request with that method."""
        if not self.username:
            return Verdict.RIGHT
        scheme, _, rest = (authorization or "").strip().partition(" ")
        if scheme.lower() != "digest":
            return Verdict.WRONG
        given = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
        if given.get("username") != self.username or given.get("realm") != self.realm:
            return Verdict.WRONG
        right = response(method, given, self.username, self.password)
        if not hmac.compare_digest(right.encode(), given.get("response", "").lower().encode()):
            return Verdict.WRONG
        return Verdict.RIGHT if given.get("nonce") == self.nonce else Verdict.STALE


def response(method: str, given: dict[str, str], username: str, password: str) -> str:
    """request-digest of RFC 2617 3.2.2 for the parameters of an Authorization header (realm, nonce, uri, qop, …)."""
    secret = _md5(f"{username}:{given.get('realm', '')}:{password}")
    asked = _md5(f"{method}:{given.get('uri', '')}")
    if given.get("qop"):
        parts = (given.get("nonce", ""), given.get("nc", ""), given.get("cnonce", ""), given["qop"])
        return _md5(":".join((secret, *parts, asked)))
    return _md5(f"{secret}:{given.get('nonce', '')}:{asked}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
