"""RFC 3161: the word of an outside time-stamping authority that some bytes existed at a time. Pure; who asks it over
HTTP is recorder/timestamping.py.

What a package carries is the authority's whole answer (TimeStampResp, DER) over the bytes of its manifest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

MAX_BYTES = 1 << 20
_PEM_END = b"-----END CERTIFICATE-----"


class BadTimestampError(ValueError):
    """Not an answer of an authority, not over these bytes, or not certified by a given root; in words."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """`at_ns`: when; `authority`: the name that signs; `root`: SHA-256 (hex) of the root certificate above it."""

    at_ns: int
    authority: str
    root: str


def request(data: bytes) -> bytes:
    """What an authority is sent (TimeStampReq, DER): SHA-256 of the bytes, a nonce, and that its certificate be in the
    answer."""
    return bytes(TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build().as_bytes())


def roots(pem: bytes) -> list[x509.Certificate]:
    """Certificates of a PEM file. BadTimestampError where there is none, or one is damaged."""
    if _PEM_END not in pem or len(pem) > MAX_BYTES:
        raise BadTimestampError("there is no certificate in it")
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise BadTimestampError("a certificate in it is damaged") from error


def verified(answer: bytes, data: bytes, certificates: Sequence[x509.Certificate]) -> Timestamp:
    """What an answer proves of the bytes, by one of the root certificates. BadTimestampError."""
    found = _decoded(answer)
    digest = hashlib.sha256(data).digest()
    why = "no root certificate is known for it"
    for one in certificates:
        builder = VerifierBuilder().add_root_certificate(one)
        for other in certificates:
            if other != one:
                builder = builder.add_intermediate_certificate(other)
        try:
            builder.build().verify(found, digest)
        except (VerificationError, ValueError, OverflowError) as error:
            why = str(error)
            continue
        return Timestamp(_ns(found), _authority(found), one.fingerprint(hashes.SHA256()).hex())
    raise BadTimestampError(f"it does not hold: {why}")


def _decoded(answer: bytes) -> TimeStampResponse:
    if len(answer) > MAX_BYTES:
        raise BadTimestampError("it is too large")
    try:
        found = decode_timestamp_response(answer)
        if found.status != 0:
            raise BadTimestampError(f"the authority refused: {' '.join(found.status_string) or found.status}"[:200])
    except BadTimestampError:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise BadTimestampError("it is no time stamp, or it is damaged") from error
    return found


def _ns(found: TimeStampResponse) -> int:
    return int(found.tst_info.gen_time.timestamp()) * 10**9


def _authority(found: TimeStampResponse) -> str:
    """Who signed, by the certificate in the answer; the signature covers which one that is."""
    signers = {(one.issuer.rfc4514_string(), one.serial_number) for one in found.signed_data.signer_infos}
    for data in found.signed_data.certificates:
        one = x509.load_der_x509_certificate(data)
        if (one.issuer.rfc4514_string(), one.serial_number) in signers:
            return one.subject.rfc4514_string()[:200]
    return "an authority without a name"
