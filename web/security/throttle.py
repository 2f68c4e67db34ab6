"""Slows down guessing of passwords: per user and address, and per address over all users. In memory, clock injected.

Tries are counted when they begin, so that many at once gain nothing; other people and other addresses are unaffected.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from vms.clock import NS_PER_S, Clock
from vms.errors import TooManyError

_KeyT = TypeVar("_KeyT", str, tuple[str, str])
_FREE = 5
_FIRST_WAIT_S = 5
_LONGEST_WAIT_S = 900
_FORGET_NS = 3600 * NS_PER_S
_ADDRESS_TRIES = 100
_ADDRESS_WINDOW_NS = 300 * NS_PER_S
_KEYS_MAX = 10_000


class ThrottledError(TooManyError):
    """Too many wrong passwords; `retry_after_s` says when the next try is looked at; `first`: nothing was
    refused before since the last try that was."""

    code = "throttled"

    def __init__(self, retry_after_s: int, *, first: bool) -> None:
        super().__init__(
            f"Too many wrong tries for this user from this address. The next is looked at in {retry_after_s} s.",
            hint="Wait, then sign in with the right password.",
            reason="throttled",
            params={"seconds": str(retry_after_s)},
        )
        self.retry_after_s = retry_after_s
        self.first = first


def place_of(address: str) -> str:
    """What counts as one address: of IPv6 the network of 64 bits, since whoever has one has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((parsed.packed[:8] + bytes(8), 64)))


@dataclass
class _Tries:
    count: int = 0
    last_ns: int = 0
    until_ns: int = 0
    told: bool = False


class Throttle:
    """Five tries are free; then the wait doubles from 5 s up to 15 minutes. An hour of silence forgets all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: OrderedDict[tuple[str, str], _Tries] = OrderedDict()
        self._addresses: OrderedDict[str, _Tries] = OrderedDict()

    def begin(self, username: str, address: str) -> None:
        """Count a try about to be made; ThrottledError where it may not be made now (it is then not counted)."""
        now_ns, place = self._clock.mono_ns(), place_of(address)
        # The place first: while it has to wait it makes no entries, which would push out those of others.
        house = self._entry(self._addresses, place, now_ns)
        self._refuse(house, now_ns)
        tries = self._entry(self._tries, (username.casefold(), place), now_ns)
        self._refuse(tries, now_ns)
        self._count(tries, now_ns)
        house.count += 1
        house.last_ns = now_ns
        if house.count >= _ADDRESS_TRIES:
            house.count, house.until_ns, house.told = 0, now_ns + _ADDRESS_WINDOW_NS, False

    def succeed(self, username: str, address: str) -> None:
        """The try was right: forget the wrong ones before it."""
        place = place_of(address)
        self._tries.pop((username.casefold(), place), None)
        house = self._addresses.get(place)
        if house is not None:
            house.count = max(0, house.count - 1)

    @staticmethod
    def _count(tries: _Tries, now_ns: int) -> None:
        tries.count += 1
        tries.last_ns = now_ns
        if tries.count >= _FREE:
            wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(tries.count - _FREE, 10))
            tries.until_ns, tries.told = now_ns + wait_s * NS_PER_S, False

    @staticmethod
    def _refuse(tries: _Tries, now_ns: int) -> None:
        if tries.until_ns > now_ns:
            first, tries.told = not tries.told, True
            raise ThrottledError(-(-(tries.until_ns - now_ns) // NS_PER_S), first=first)

    @staticmethod
    def _entry(entries: OrderedDict[_KeyT, _Tries], key: _KeyT, now_ns: int) -> _Tries:
        tries = entries.pop(key, None)
        if tries is None or now_ns - tries.last_ns > max(_FORGET_NS, tries.until_ns - tries.last_ns):
            tries = _Tries(last_ns=now_ns)
        entries[key] = tries
        while len(entries) > _KEYS_MAX:
            entries.popitem(last=False)
        return tries
