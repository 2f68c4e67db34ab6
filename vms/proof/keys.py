"""A Node's key: Ed25519 (RFC 8032), what it signs and how others check it. Pure; the file is vms/datadir.py's business.

A public key is known by its fingerprint, the SHA-256 of its 32 bytes in hex: what a printed key sheet shows.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class NodeKey:
    """The private key. Nothing of it is in its repr."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public = public.hex()
        self.fingerprint = fingerprint(self.public)

    @classmethod
    def new(cls) -> NodeKey:
        """A random one."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of_seed(cls, seed: bytes) -> NodeKey:
        """Of the 32 bytes that RFC 8032 calls the private key."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def of_pem(cls, pem: bytes) -> NodeKey:
        """Of PKCS #8 in PEM, not encrypted. ValueError or TypeError for anything else."""
        key = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("not an Ed25519 key")
        return cls(key)

    def pem(self) -> bytes:
        """PKCS #8 in PEM, not encrypted: for a file that nobody else may read."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, data: bytes) -> str:
        """The signature, 64 bytes in hex."""
        return self._key.sign(data).hex()


def fingerprint(public: str) -> str:
    """Of a public key in hex."""
    return hashlib.sha256(bytes.fromhex(public)).hexdigest()


def verifies(public: str, signature: str, data: bytes) -> bool:
    """Whether the owner of a public key signed this; False too for what is no key or no signature. Both in hex."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True
