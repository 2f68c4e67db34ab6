"""Secrets at rest: AES-256-GCM (NIST SP 800-38D) under the installation's key, bound to what they belong to. Pure."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vms.errors import CatalogueError

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12


class Sealer:
    """Seals and opens short texts. A sealed value is version 1, a random nonce of 12 bytes, then the ciphertext."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise CatalogueError(
                f"the key of the installation has {len(key)} bytes instead of {KEY_BYTES}",
                hint="Restore the key file from a backup.",
            )
        self._cipher = AESGCM(key)

    def seal(self, text: str, owner: str) -> bytes:
        """Encrypt, bound to `owner`: moved to another row it does not open. Empty text stays empty."""
        if not text:
            return b""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, text.encode(), owner.encode())

    def open(self, sealed: bytes, owner: str) -> str:
        """Decrypt; CatalogueError where it was sealed under another key or for another owner, or is damaged."""
        if not sealed:
            return ""
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _VERSION:
                raise InvalidTag
            return self._cipher.decrypt(nonce, body, owner.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise CatalogueError(
                f"a secret of {owner} does not open with this key", hint="Is it the key file of this catalogue?"
            ) from error
