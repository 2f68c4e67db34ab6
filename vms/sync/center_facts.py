"""Room in the stream of the center's facts: what a Site's nodes have read goes, and no Site fills it for the others.

Every expiry in the center writes three rows for the Site, some ten megabytes a day for a hundred cameras. Event loop.
"""

from __future__ import annotations

from vms import logs
from vms.bus import flow
from vms.bus.link import NatsLink
from vms.sync import streams

log = logs.get(__name__)


async def trim(link: NatsLink) -> None:
    """Remove what all nodes of a Site have read. Where more than half of the stream is taken, also what one of them has
    (it tells a new one), and of the Site that has most left unread all: it may be gone for good. BusError."""
    stream, crowd_bytes = streams.CENTER_FACTS.name, (streams.CENTER_FACTS.max_bytes or 0) // 2
    floors: dict[str, list[int]] = {}
    for reader, floor in (await flow.acknowledged(link, stream)).items():
        if (zone := streams.zone_of(reader)) is not None:
            floors.setdefault(zone, []).append(floor)
    for choose in (min, max):
        for zone, read in floors.items():
            if upto := choose(read):
                await flow.purge(link, stream, upto + 1, subject=streams.center_facts_subject(zone))
        info = await flow.stream_info(link, stream)
        if info.size_bytes <= crowd_bytes:
            return
    left = await flow.subject_counts(link, stream)
    behind = max(left, key=lambda subject: left[subject], default=None)  # also one that nobody reads any more
    if behind is not None:
        log.error("a site has not read the center's facts for long; they are dropped", subject=behind)
        await flow.purge(link, stream, info.last + 1, subject=behind)
