"""Keys of displays: a random token in a cookie of the screen's own path, of which only the SHA-256 is stored.

The browser has its key before it is paired; until then it opens nothing but the question whether it is.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from vms.clock import Clock
from vms.domain.display import Display, Pairing
from vms.store.catalogue import Catalogue
from web.security.sessions import token_sha256
from web.security.viewer import Viewer

COOKIE = "vms_display"
BOND = "display:"
KEY_MAX_AGE_S = 400 * 24 * 3600
"""Browsers keep no cookie longer; it is set anew whenever the page opens."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class DisplayPrincipal:
    """Which display a request comes from; never taken for a Person."""

    display: Display

    @property
    def viewer(self) -> Viewer:
        """As who holds something open."""
        return Viewer(self.display.id, BOND + self.display.key_sha256)


class DisplayKeys:
    """Finds displays and waiting browsers by what their cookie holds."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock

    @staticmethod
    def new() -> tuple[str, str]:
        """A key and its SHA-256."""
        token = secrets.token_urlsafe(32)
        return token, token_sha256(token)

    async def find(self, token: str | None) -> DisplayPrincipal | None:
        """The display of a key; what does not look like a key costs no query."""
        if token is None or not _TOKEN.fullmatch(token):
            return None
        display = await self._catalogue.displays.by_key(token_sha256(token))
        return None if display is None else DisplayPrincipal(display)

    async def waiting(self, token: str | None) -> Pairing | None:
        """The pairing of a key that waits for somebody to type its code."""
        if token is None or not _TOKEN.fullmatch(token):
            return None
        return await self._catalogue.pairings.by_key(token_sha256(token), self._clock.now_ns())

    async def holds(self, bond: str) -> bool:
        """Whether the display of a bond is still there."""
        return await self._catalogue.displays.by_key(bond.removeprefix(BOND)) is not None
