"""The chain of a Run: each Segment's Merkle root is bound to all before it, so that a Run's head vouches for the Run.

    head(n) = SHA-256(0x02 ‖ length of the run id u8 ‖ run id, ASCII ‖ Segment number u64 ‖ head(n-1) ‖ leaf root(n))

big-endian, head(-1) = 32 zero bytes. A Segment's `previous_root` is head(n-1), empty for the first of its Run. Pure.
"""

from __future__ import annotations

import hashlib
import struct

_CHAIN = b"\x02"
_NONE = bytes(32)


def head(run: str, number: int, previous_root: str, leaf_root: str) -> str:
    """The head of a Run after a Segment, hex; what the next Segment's `previous_root` is. Roots are hex."""
    name = run.encode("ascii")
    previous = bytes.fromhex(previous_root) if previous_root else _NONE
    body = _CHAIN + struct.pack(f">B{len(name)}sQ", len(name), name, number) + previous + bytes.fromhex(leaf_root)
    return hashlib.sha256(body).hexdigest()
