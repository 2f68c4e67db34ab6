"""Address ranges that an admin names to be looked through for cameras: parsed, bounded, judged. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from vms.domain.camera_url import AddressPolicy, IPAddress
from vms.errors import InputError

ADDRESSES_MAX = 1024
RANGES_MAX = 16
_TEXT_MAX = 64
_EXAMPLE = "For example 10.20.1.0/24 or 10.20.1.10-60."


def addresses_of(texts: Sequence[str], policy: AddressPolicy) -> list[IPAddress]:
    """Each address once, in order: of a network all but its own and its broadcast address. InputError (`ranges`) where
    one is no range, they are too many, or cameras may not be there. Only private networks, and those of
    `ingest.camera_networks`: nobody is to look through the machines of others."""
    found: dict[IPAddress, None] = {}
    for text in texts:
        for address in _range(text.strip()):
            if len(found) >= ADDRESSES_MAX:
                raise InputError(
                    f"These are more than {ADDRESSES_MAX} addresses.", hint="Look through them in parts.",
                    field="ranges",
                    reason="ranges_large", params={"limit": str(ADDRESSES_MAX)},
                )  # fmt: skip
            found[address] = None
    for address in found:
        is_ours = address.is_private or any(address in network for network in policy.allowed if network.version == 4)
        if not is_ours or policy.why_refused(address):
            raise InputError(
                "Cameras may not be at some of these addresses.", hint="Name networks of your own.", field="ranges",
                reason="ranges_refused",
            )  # fmt: skip
    return list(found)


def _range(text: str) -> Iterator[IPAddress]:
    if len(text) > _TEXT_MAX:
        raise _no_range()
    try:
        if "/" in text:
            network = ipaddress.IPv4Network(text, strict=False)
            yield from network.hosts()
            return
        first_text, dash, last_text = (part.strip() for part in text.partition("-"))
        first = ipaddress.IPv4Address(first_text)
        if not dash:
            yield first
            return
        whole = last_text if "." in last_text else f"{first_text.rpartition('.')[0]}.{last_text}"
        last = ipaddress.IPv4Address(whole)
    except ValueError:
        raise _no_range() from None
    if last < first:
        raise _no_range()
    for number in range(int(first), int(last) + 1):
        yield ipaddress.IPv4Address(number)


def _no_range() -> InputError:
    return InputError("This is no range of addresses.", hint=_EXAMPLE, field="ranges", reason="ranges_wrong")
