"""Asks a time-stamping authority (RFC 3161 §3.4, over HTTP) for its word about a manifest. Blocking; executor only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import urllib3

from vms import logs
from vms.proof.timestamp import MAX_BYTES, BadTimestampError, Timestamp, request, roots, verified

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Authority:
    """`url`: http or https; `ca`: PEM file with its root certificate, and those between where it sends none."""

    url: str
    ca: Path


class NoTimestampError(Exception):
    """There is none, in words without secrets."""


def ask(authority: Authority, data: bytes) -> tuple[bytes, Timestamp]:
    """The authority's answer, and what it says; checked as verifying will. NoTimestampError."""
    try:
        certificates = roots(authority.ca.read_bytes())
        answer = _posted(authority.url, request(data))
        return answer, verified(answer, data, certificates)
    except OSError as error:
        raise NoTimestampError(f"{authority.ca.name} cannot be read: {error.strerror}") from error
    except BadTimestampError as error:
        raise NoTimestampError(str(error)) from error


def _posted(url: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    retries = urllib3.Retry(total=2, redirect=0, backoff_factor=0.5, allowed_methods=None)
    with urllib3.PoolManager(timeout=urllib3.Timeout(TIMEOUT_S), retries=retries) as pool:
        try:
            with pool.request("POST", url, body=body, headers=headers, preload_content=False) as found:
                answer = found.read(MAX_BYTES + 1)
                status = found.status
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise NoTimestampError(logs.redact(f"the authority does not answer: {type(error).__name__}")) from error
    if status != 200:
        raise NoTimestampError(f"the authority answers with status {status}")
    return bytes(answer)
