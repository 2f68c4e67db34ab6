"""What a node's Events are seen by: its cameras, disk, Stores, bus and clock; in the center, the other nodes too.

Nothing is started here; `event_writer` is told of the node's services and takes those that have something to say.
"""

from __future__ import annotations

from collections.abc import Iterable

from ingest.clockstate import synchronized
from ingest.fleet import Fleet
from recorder.analysis.service import Analysis
from recorder.analysis.troubles import AnalysisTroubles
from recorder.recording import Recording
from recorder.troubles import DiskTroubles, StoreTroubles
from recorder.uploader import Uploader
from vms.ground import Ground
from vms.service import Service
from vms.settings import CENTER
from vms.sync.apply import CenterApply
from vms.sync.events import EventOptions, EventWriter, Places
from vms.sync.presence import Presence
from vms.sync.troubles import BusTroubles, CameraTroubles, ClockTroubles, FarTroubles, Source


def event_writer(ground: Ground, services: Iterable[Service]) -> EventWriter:
    """The Service `events` of a node that runs these."""
    clock, node, places = ground.clock, ground.data.node, Places()
    presence: Presence | None = None

    def site() -> str | None:
        return places.site(ground.zone)

    sources: list[Source] = [ClockTroubles(synchronized, clock, site, node)]
    if ground.link is not None:
        link = ground.link
        sources.append(BusTroubles(lambda: link.connected, clock, site, node))
    for service in services:
        if isinstance(service, Fleet):
            sources.append(CameraTroubles(ground.hub.states, places.site_of, node))
        elif isinstance(service, Recording):
            sources.append(DiskTroubles(service, clock, site, node))
        elif isinstance(service, Analysis):
            sources.append(AnalysisTroubles(service, node))
        elif isinstance(service, Uploader):
            sources.append(StoreTroubles(service, clock, site, node))
        elif isinstance(service, CenterApply):
            presence = Presence(ground.bus, clock)
            sources.append(FarTroubles(presence, clock, service.reached, lambda: places.sites, CENTER))
    return EventWriter(
        clock,
        catalogue=ground.catalogue,
        bus=ground.bus,
        sources=sources,
        places=places,
        options=EventOptions(node, in_center=presence is not None),
        presence=presence,
    )
