"""RTCP, pure: what viewers say (receiver reports, NACK, PLI, FIR) read from bytes, what we say (SR, SDES, BYE) made.

RFC 3550 §6, 4585 §6 (NACK, PLI), 5104 §4.3.1 (FIR). Encryption is not looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vms.clock import NS_PER_S

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
_NACK, _PLI, _FIR = 1, 1, 4
_NTP_EPOCH_S = 2_208_988_800
_PAIR = struct.Struct("!HH")
_REPORT = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class Report:
    """A receiver's report of one SSRC of ours. `last_sr`: the middle of the NTP time of the last SR it had, `since`:
    how long ago it had it, both in 65536ths of a second; 0 where it had none."""

    ssrc: int
    last_sr: int
    since: int

    def round_trip_ms(self, wall_ns: int) -> float | None:
        """Of a report that came at `wall_ns` (RFC 3550 §6.4.1); None where it cannot be told."""
        if not self.last_sr:
            return None
        trip = (_middle(wall_ns) - self.last_sr - self.since) & 0xFFFF_FFFF
        return trip * 1000 / 65536 if trip < 1 << 21 else None


@dataclass(frozen=True, slots=True)
class Nack:
    """Sequence numbers of one SSRC of ours that a viewer misses."""

    ssrc: int
    numbers: list[int]


@dataclass(frozen=True, slots=True)
class WantsKey:
    """A viewer cannot go on without a key frame (PLI, FIR)."""

    ssrc: int


def parse(data: bytes) -> Iterator[Report | Nack | WantsKey]:
    """What a compound packet says that matters to a sender; the rest, and what is cut short, is passed over."""
    at, size = 0, len(data)
    while at + 4 <= size and data[at] >> 6 == 2:
        count, kind = data[at] & 31, data[at + 1]
        end = at + 4 + (data[at + 2] << 8 | data[at + 3]) * 4
        if end > size:
            return
        body = data[at + 4 : end]
        if kind == RR:
            yield from _reports(body[4:], count)
        elif kind == SR:
            yield from _reports(body[24:], count)
        elif kind == RTPFB and count == _NACK and len(body) >= 8:
            yield Nack(int.from_bytes(body[4:8], "big"), _numbers(body[8:]))
        elif kind == PSFB and count == _PLI and len(body) >= 8:
            yield WantsKey(int.from_bytes(body[4:8], "big"))
        elif kind == PSFB and count == _FIR:
            for entry in range(8, len(body) - 7, 8):
                yield WantsKey(int.from_bytes(body[entry : entry + 4], "big"))
        at = end


def _reports(body: bytes, count: int) -> Iterator[Report]:
    for at in range(0, min(count * 24, len(body) - 23), 24):
        ssrc, _, _, _, last_sr, since = _REPORT.unpack_from(body, at)
        yield Report(ssrc, last_sr, since)


def _numbers(body: bytes) -> list[int]:
    numbers: list[int] = []
    for at in range(0, len(body) - 3, 4):
        first, more = _PAIR.unpack_from(body, at)
        numbers.append(first)
        bit = 1
        while more:
            if more & 1:
                numbers.append(first + bit & 0xFFFF)
            more >>= 1
            bit += 1
    return numbers


def sender_report(ssrc: int, cname: bytes, *, wall_ns: int, rtp: int, packets: int, octets: int) -> bytes:
    """SR and SDES of one SSRC: `rtp` is the RTP time at `wall_ns`."""
    ntp_s, ntp_fraction = _ntp(wall_ns)
    counts = (packets & 0xFFFF_FFFF, octets & 0xFFFF_FFFF)
    report = struct.pack("!BBHIIIIII", 0x80, SR, 6, ssrc, ntp_s, ntp_fraction, rtp, *counts)
    chunk = struct.pack("!IBB", ssrc, 1, len(cname)) + cname
    chunk += bytes(4 - len(chunk) % 4)
    return report + struct.pack("!BBH", 0x81, SDES, len(chunk) // 4) + chunk


def _ntp(wall_ns: int) -> tuple[int, int]:
    seconds, rest_ns = divmod(wall_ns, NS_PER_S)
    return (seconds + _NTP_EPOCH_S) & 0xFFFF_FFFF, (rest_ns << 32) // NS_PER_S


def _middle(wall_ns: int) -> int:
    seconds, fraction = _ntp(wall_ns)
    return (seconds & 0xFFFF) << 16 | fraction >> 16


def goodbye(ssrcs: Sequence[int]) -> bytes:
    """An empty receiver report and BYE of at most 31 SSRCs."""
    head = struct.pack("!BBHI", 0x80, RR, 1, ssrcs[0])
    return head + struct.pack(f"!BBH{len(ssrcs)}I", 0x80 | len(ssrcs), BYE, len(ssrcs), *ssrcs)
