"""Whether the machine's clock is synchronized, asked from the kernel (adjtimex(2)); any thread, microseconds."""

from __future__ import annotations

import ctypes
from typing import ClassVar

from vms.clock import Clock
from vms.domain.media import ClockState

_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """struct timex of linux/timex.h, its first fields; the kernel fills 208 bytes on 64-bit machines."""

    _fields_: ClassVar = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    ]


def synchronized() -> tuple[bool, int | None]:
    """(whether the kernel holds the clock for synchronized, the offset it still corrects in ns). (False, None) where
    it cannot be asked."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return False, None
    timex = _Timex()
    state = adjtimex(ctypes.byref(timex))
    if state < 0 or state == _TIME_ERROR or timex.status & _STA_UNSYNC:
        return False, None
    return True, int(timex.offset) * (1 if timex.status & _STA_NANO else 1000)


def clock_state(clock: Clock, boot_id: str, rtcp_sender_ns: int | None = None) -> ClockState:
    """The clock's state now, as a Run keeps it."""
    in_sync, offset_ns = synchronized()
    return ClockState(boot_id, clock.mono_ns(), clock.now_ns(), in_sync, offset_ns, rtcp_sender_ns)
