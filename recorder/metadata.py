"""Metadata of a Segment's object: enough to enter it into an empty catalogue without opening it. Pure.

Names are percent-encoded UTF-8, cut where they are too long; all together stays below 2 KB (docs/footage-format.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from vms.domain.footage import Segment

VERSION = "1"
CONTENT_TYPE = "video/mp4"
_NAME_CHARS = 300


def metadata_of(segment: Segment, names: Mapping[str, str]) -> dict[str, str]:
    """`names`: site, camera and slug as the file's head has them."""
    return {
        "version": VERSION,
        "run": segment.run,
        "number": str(segment.number),
        "start-ns": str(segment.start_ns),
        "end-ns": str(segment.end_ns),
        "sha256": segment.sha256,
        "leaf-root": segment.leaf_root,
        "previous-root": segment.previous_root,
        "first-gop": str(segment.first_gop),
        "gops": str(segment.gops),
        "epoch": str(segment.epoch),
        "node": segment.node,
        "site-name": encoded(names.get("site", "")),
        "camera-name": encoded(names.get("camera", "")),
        "camera-slug": encoded(names.get("slug", "")),
    }


def encoded(name: str) -> str:
    """Percent-encoded, cut between characters."""
    parts, left = [], _NAME_CHARS
    for char in name:
        part = quote(char, safe="")
        left -= len(part)
        if left < 0:
            break
        parts.append(part)
    return "".join(parts)
