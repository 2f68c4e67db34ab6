"""SRTP over one DTLS connection: keys from its exporter (RFC 5764), the cipher by what was negotiated, RTCP both ways.

AES-128-GCM is asked for before SHA1_80: AES-256 is dearer and protects nothing that lasts here. Event loop only.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiortc import RTCDtlsTransport
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, SRTP_PROFILES
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from streamer import rtcp
from streamer.ice import HostConnection
from streamer.srtp import Seal, SrtpError, gcm_seal, libsrtp_seal, sending_session, session_keys
from streamer.wire import Wire
from vms.errors import VmsError

# libsrtp may have been built without GCM.
PROFILES = [p for p in (SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80) if p in SRTP_PROFILES]
_EXPORT = b"EXTRACTOR-dtls_srtp"
_MTU = 1200
_BYES = 31
_RTCP_MAX = 1500


class MediaTransport:
    """Of a DTLS transport that is connected."""

    def __init__(self, dtls: RTCDtlsTransport, connection: HostConnection) -> None:
        ssl = dtls._ssl  # noqa: SLF001  aiortc keeps what the exporter gave to itself
        if ssl is None:
            raise VmsError("the connection is gone already")
        negotiated = ssl.get_selected_srtp_profile()
        profile = next(p for p in PROFILES if p.openssl_profile == negotiated)
        exported = ssl.export_keying_material(_EXPORT, 2 * (profile.key_length + profile.salt_length))
        mine = profile.get_key_and_salt(exported, 1 if dtls._role == "server" else 0)  # noqa: SLF001  aiortc has no public name for it
        self.wire = Wire(connection)
        self._rx = dtls._rx_srtp  # noqa: SLF001  made by aiortc for the other direction
        self._tx = sending_session(profile.libsrtp_profile, mine)
        self._reports: list[bytes] = []
        self._gcm: tuple[AESGCM, bytes] | None = None
        if profile is not SRTP_AES128_CM_SHA1_80:
            key, salt = session_keys(mine[: profile.key_length], mine[profile.key_length :])
            self._gcm = AESGCM(key), salt

    def seal(self, ssrc: int) -> Seal:
        """The encryption of RTP with this SSRC."""
        return libsrtp_seal(self._tx) if self._gcm is None else gcm_seal(*self._gcm, ssrc)

    def opened(self, data: bytes) -> bytes | None:
        """The plain text of SRTCP from the viewer; None for RTP, and for what is not authentic or longer than libsrtp's
        binding takes: anybody can send that to the port."""
        if not 192 <= data[1] <= 223 or len(data) > _RTCP_MAX:
            return None
        try:
            plain: bytes = self._rx.unprotect_rtcp(data)
        except SrtpError:
            return None
        return plain

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet with others, or at the next `flush`."""
        if sum(map(len, self._reports)) + len(packet) > _MTU:
            self.flush()
        if packet:
            self._reports.append(packet)

    def flush(self) -> None:
        """Send what waits as one compound packet."""
        if self._reports:
            self.wire.send((self._tx.protect_rtcp(b"".join(self._reports)), b""), 1)
            self._reports.clear()

    def goodbye(self, ssrcs: Sequence[int]) -> None:
        """BYE for all of them."""
        self.flush()
        for at in range(0, len(ssrcs), _BYES):
            self.wire.send((self._tx.protect_rtcp(rtcp.goodbye(ssrcs[at : at + _BYES])), b""), 1)
