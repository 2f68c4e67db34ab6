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
