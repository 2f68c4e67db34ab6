"""The JetStream streams that rows travel in, and their subjects. Pure.

All of them keep messages by limits, not by interest or as a work queue: FACTS has several readers (the center and the
other nodes of the site), and a stream by interest drops what comes while a reader's consumer is missing. They are full
rather than forgetful (discard `new`): what is refused stays in the outbox, which has the room of a disk. There is no
age at which a site's facts go; the sender removes what the center has acknowledged. JetStream sets `max_bytes` aside
of its file store at once: a site's server needs 512 MB of it, the hub too.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from vms.bus.streams import StreamConfig

HUB = "hub"
CENTER = "center"
FORMER_CENTER_READER = "center"
"""What `center_reader` was at every Site until 0.2."""
EVERYONE = "all"

_DAY_S = 86_400.0

FACTS = StreamConfig("FACTS", ("facts.>",), max_bytes=256 << 20, refuse_new=True)
CENTER_FACTS = StreamConfig(
    "CENTER_FACTS", ("center.facts.>",), max_bytes=128 << 20, max_age_s=90 * _DAY_S, refuse_new=True
)
SETTINGS = StreamConfig("SETTINGS", ("settings.>",), keep_last=1, max_bytes=64 << 20)
"""One message a row: the stream is the newest state of all, and who reads it from the start has everything."""


def facts(site: str) -> StreamConfig:
    """The stream of a Site's facts. It takes those of its own Site alone: a leaf that took all would have what every
    other regency writes sent over its line, and answer for their streams."""
    return replace(FACTS, subjects=(f"facts.{site}.>",))


def facts_subject(site: str, node: str) -> str:
    """Where a node of a Site (slug) puts its facts."""
    return f"facts.{site}.{node}"


def center_facts_subject(site: str) -> str:
    """Where the center puts facts about a Site's footage."""
    return f"center.facts.{site}"


def settings_subject(site: str, table: str, key: str) -> str:
    """Where a row of settings is; `site`: a slug, or EVERYONE. The key may hold what no subject does."""
    return f"settings.{site}.{table}.{quote(key, safe='').replace('.', '%2E')}"


def center_reader(site: str) -> str:
    """The durable consumer of a Site's FACTS that all center nodes share. Named by the Site, since acknowledgements go
    to its name alone: that of one Site's message must not reach another's."""
    return f"center_{site}"


def reader_of(zone: str, node: str) -> str:
    """The durable consumer of a node of a Site."""
    return f"{zone}_{node}"


def zone_of(reader: str) -> str | None:
    """The Site of such a consumer; None where it is another's. Slugs have no underscore."""
    zone, found, _ = reader.partition("_")
    return zone if found else None
