"""Derivatives of an Export: films made from its footage by re-encoding it, beside the originals. Pure."""

from __future__ import annotations

from enum import StrEnum

COMPOSITE_MAX = 16
"""Cameras in one film."""
LONGEST_S = 6 * 3600
"""Of a film: it takes about as long to be made."""


class DerivativeKind(StrEnum):
    """`burned`: a film a camera, with name, time and mark in the picture; `composite`: one film of all cameras."""

    BURNED = "burned"
    COMPOSITE = "composite"
