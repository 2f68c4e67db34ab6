"""Whether a Store holds a Segment, by what it says of the object. Blocks."""

from __future__ import annotations

from vms.domain.footage import Segment
from vms.errors import ObjectMissingError
from vms.objects.base import ObjectInfo, ObjectStore


def holds(store: ObjectStore, segment: Segment) -> bool:
    """Size and SHA-256 are the Segment's; False also where there is no object."""
    try:
        return is_same(store.stat(segment.key), segment)
    except ObjectMissingError:
        return False


def is_same(found: ObjectInfo, segment: Segment) -> bool:
    """Whether an object is the Segment's."""
    return found.size_bytes == segment.size_bytes and found.sha256 == segment.sha256
