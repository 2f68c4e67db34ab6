"""SRTP of what is sent: AES-GCM by `cryptography` (RFC 7714), AES-CM with SHA-1 by libsrtp (RFC 3711); keys from DTLS.

RTCP, rare, goes through libsrtp both ways. The index of a packet (rollover counter and sequence number, 48 bits) is the
sender's to count. Pure but for the random of nobody: no I/O.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

__all__ = ["Seal", "SrtpError", "gcm_seal", "libsrtp_seal", "session_keys"]

# (index, RTP header, payload) to what follows the header on the wire: the payload, encrypted, and its tag.
Seal = Callable[[int, bytes, bytes], bytes]
_SALT_BYTES = 12
_WINDOW = 8_192


def session_keys(key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Session key and salt of RTP from master key and salt (12 bytes): RFC 3711 §4.3 with labels 0 and 2, key
    derivation rate 0; the salt fills the first 96 of 112 bits (RFC 7714 §11)."""
    counter = salt + bytes(4)

    def derive(label: int, size: int) -> bytes:
        block = bytearray(counter)
        block[7] ^= label
        encryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(block))).encryptor()
        return encryptor.update(bytes(size))

    return derive(0, len(key)), derive(2, _SALT_BYTES)


def gcm_seal(cipher: AESGCM, salt: bytes, ssrc: int) -> Seal:
    """For one SSRC. Nonce: salt XOR (two zero bytes, SSRC, index), RFC 7714 §8.1; additional data: the header."""
    encrypt = cipher.encrypt
    base = int.from_bytes(salt, "big") ^ ssrc << 48

    def seal(index: int, header: bytes, payload: bytes) -> bytes:
        return encrypt((base ^ index).to_bytes(12, "big"), payload, header)

    return seal


def libsrtp_seal(session: Session) -> Seal:
    """For all SSRCs of a session, which counts rollovers itself."""
    protect = session.protect

    def seal(_index: int, header: bytes, payload: bytes) -> bytes:
        packet: bytes = protect(header + payload)
        return packet[len(header) :]

    return seal


def sending_session(profile: int, key_and_salt: bytes) -> Session:
    """A libsrtp session that sends, and sends again (`profile`: of pylibsrtp's Policy)."""
    policy = Policy(key=key_and_salt, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
    policy.allow_repeat_tx = True
    policy.window_size = _WINDOW
    return Session(policy)
