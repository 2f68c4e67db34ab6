"""A WHEP session: one camera to any standard player (draft-ietf-wish-whep). The HTTP around it is the web's.

One video is sent; whatever else the player offers, as audio, is refused in the answer. Trickled candidates are
accepted and not needed (see negotiation); an ICE restart is refused, as the draft allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from streamer.negotiation import Offer
from streamer.session import Kit, ViewerSession
from vms.domain.camera import StreamRef
from vms.errors import InputError

_FRAGMENT_BYTES = 16_384
_UFRAG = re.compile(r"^a=ice-ufrag:(.*)$", re.MULTILINE)


class WhepSession(ViewerSession):
    """The first video of the offer that can be served gets the Stream."""

    def __init__(
        self,
        ident: str,
        person: str,
        offer: Offer,
        stream: StreamRef,
        *,
        kit: Kit,
        ended: Callable[[str], None],
    ) -> None:
        super().__init__(ident, person, offer, offer.videos()[:1], kit=kit, say=None, ended=ended)
        self.tiles[0].show(stream)

    def patch(self, fragment: object) -> None:
        """Take a trickle-ICE SDP fragment (RFC 8840). InputError where it is none, or wants an ICE restart."""
        if not isinstance(fragment, str) or len(fragment) > _FRAGMENT_BYTES or "a=" not in fragment:
            raise InputError("the body is not an SDP fragment (trickle-ice-sdpfrag)", field="fragment")
        ufrags = {ufrag.strip() for ufrag in _UFRAG.findall(fragment)}
        if ufrags - {self.offer.ufrag}:
            raise InputError("an ICE restart is not served: open a new session", field="fragment")
