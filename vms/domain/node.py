"""Nodes: processes that run services, each with an identity that outlives restarts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A process of the installation. `site` is None in the center."""

    id: str
    name: str
    site: str | None = None
    registered_ns: int = 0
    rev: int = 1


@dataclass(frozen=True, slots=True)
class NodeSigningKey:
    """The public half of a key that a Node signs with (Ed25519, hex), known by the SHA-256 of it. `certificate`: the
    installation's word that it is that Node's, empty while there is none."""

    fingerprint: str
    node: str
    public_key: str
    made_ns: int = 0
    certificate: str = ""
    rev: int = 1
