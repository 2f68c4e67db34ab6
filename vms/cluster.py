"""What a node of a cluster runs beside its services: rows both ways, leases, a sign of life. Nothing on one machine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from ingest.arbiter import LineOptions
from ingest.budget import BudgetOptions
from recorder.copies import Copies, CopiesOptions
from recorder.pacing import LIVE_FACT, Pacing, PacingOptions
from recorder.recording import Recording
from recorder.stored import StoredRanges
from vms import __version__
from vms.clock import NS_PER_S, Clock, boot_id
from vms.domain.camera import Camera
from vms.domain.node import Node
from vms.ground import Ground
from vms.service import Service
from vms.settings import CENTER, HOME
from vms.sync.apply import CenterApply, center_facts_reader, site_facts_reader
from vms.sync.catch_up import CatchUp
from vms.sync.neighbours import Neighbours
from vms.sync.outbox import Publisher, PublisherOptions
from vms.sync.places import Places
from vms.sync.presence import LINE_FACT, STORES_FACT, Alive, Identity, Presence
from vms.sync.settings import SiteSettings
from vms.sync.site_leases import Buckets, LeaseOptions, SiteLeases
from vms.sync.turns import TTL_S, SiteTurns

_EPOCHS_FROM_S = 1_735_689_600
"""2025, so that the numbers fit for decades into what SQL takes an INTEGER for."""


def exchange(ground: Ground) -> list[Service]:
    """Facts to the center, settings to the sites."""
    link, catalogue, clock, zone = ground.link, ground.catalogue, ground.clock, ground.zone
    if link is None:
        return []
    publisher = Publisher(clock, link, catalogue, PublisherOptions(zone, ground.data.node))
    if zone == CENTER:
        return [publisher, CenterApply(clock, link, catalogue, bus=ground.bus)]
    return [
        publisher,
        SiteSettings(clock, link, ground.bus, catalogue, zone),
        site_facts_reader(clock, link, catalogue, zone, ground.data.node),
        center_facts_reader(clock, link, catalogue, zone, ground.data.node),
    ]


def site_leases(ground: Ground) -> SiteLeases | None:
    """The leases of the node's zone; None on one machine, which holds everything."""
    link, chosen = ground.link, ground.settings.cluster
    if link is None or chosen is None:
        return None
    options = LeaseOptions(capacity=chosen.capacity)
    buckets = Buckets(link.kv("leases", options.ttl_s), link.kv("members", options.ttl_s), link.kv("epochs"))
    return SiteLeases(
        ground.clock,
        node=ground.data.node,
        buckets=buckets,
        grants=ground.catalogue.grants,
        options=options,
        first_epoch=partial(first_epoch, ground.clock),
    )


def site_turns(ground: Ground) -> SiteTurns | None:
    """Of work that one node of a Site does for all; None in the center, whose catalogue says it, and on one machine."""
    if ground.link is None or not ground.settings.stands_at_site():
        return None
    return SiteTurns(ground.clock, ground.link.kv("turns", TTL_S), ground.data.node)


def first_epoch(clock: Clock) -> int:
    """The first epoch of a Stream of which a Site knows none: more than any that were counted up from 1 before its
    machines were new, on a single machine or on others, and that the center has rows of."""
    return max(1, clock.now_ns() // NS_PER_S - _EPOCHS_FROM_S)


async def own_cameras(ground: Ground) -> list[Camera]:
    """The cameras this node may have to ingest: of its Site and those below; in the center those of no regency's."""
    cameras = await ground.catalogue.cameras.list()
    if ground.link is None:
        return cameras
    within = await _own_sites(ground)
    return [camera for camera in cameras if camera.site in within]


async def _own_sites(ground: Ground) -> set[str]:
    sites = await ground.catalogue.sites.list()
    own = {site.id for site in sites if site.slug == ground.zone}
    return {below for ident in own for below in Places(sites).below(ident)}


class FarSites:
    """What playback asks of Sites that record elsewhere and tell here (recorder.playback.Reports)."""

    def __init__(self, ground: Ground, presence: Presence) -> None:
        self._ground, self._presence = ground, presence

    async def is_far(self, site: str) -> bool:
        """Whether the Site is neither this node's nor below it."""
        return site not in await _own_sites(self._ground)

    def silent_ns(self, node: str) -> int | None:
        """When a node was heard last that is silent now."""
        return self._presence.silent_ns(node)


async def register(ground: Ground) -> None:
    """The row of this node, for the center to know it by name."""
    if ground.link is None:
        return
    known = {site.slug: site.id for site in await ground.catalogue.sites.list()}
    here = {node.id for node in await ground.catalogue.nodes.list()}
    if ground.data.node not in here:
        node = Node(ground.data.node, ground.data.name, known.get(ground.zone), ground.clock.now_ns())
        await ground.catalogue.nodes.put(node)


def across_the_line(ground: Ground) -> list[Service]:
    """At a Site: uploads that yield to live video, Copies to the center, reads for it from the Site's own Stores."""
    chosen = ground.settings.cluster
    if chosen is None or not ground.settings.stands_at_site():
        return []
    near = Neighbours(ground.bus, ground.clock, ground.zone, ground.data.node)
    catch_up = CatchUp(
        ground.clock,
        catalogue=ground.catalogue,
        bus=ground.bus,
        node=ground.data.node,
        peers=lambda: [seen.identity.node for seen in near.others()],
    )
    made: list[Service] = [near, catch_up]
    if chosen.line_mbps is not None:
        options = PacingOptions(chosen.line_mbps * 1_000_000 / 8)
        others = partial(near.figures, LIVE_FACT)
        own = partial(getattr, ground.meter, "bytes_per_s")
        made.append(Pacing(ground.clock, paces=ground.paces, own=own, others=others, options=options))
    own_stores = {name: store for name, store in ground.stores.items() if name != HOME}
    if own_stores:
        made.append(StoredRanges(ground.clock, bus=ground.bus, stores=own_stores))
        made.append(
            Copies(
                ground.clock,
                catalogue=ground.catalogue,
                bus=ground.bus,
                stores=ground.stores,
                left_to=near.left_to,
                options=CopiesOptions(ground.data.node, ground.settings.spool_dir() / "copies"),
            )
        )
    return made


def line_options(ground: Ground) -> LineOptions:
    """What a Site's line carries, for the arbiter of its large streams; no limit where nobody said."""
    chosen = ground.settings.cluster
    if chosen is None or chosen.line_mbps is None or not ground.settings.stands_at_site():
        return LineOptions()
    return LineOptions(chosen.line_mbps * 1_000_000 / 8, BudgetOptions(share=chosen.live_share))


def nearest_store(ground: Ground) -> str | None:
    """Where footage is read first that is in several Stores; None on one machine."""
    if ground.link is None:
        return None
    own = [name for name in ground.stores if name != HOME]
    return own[0] if own and ground.settings.stands_at_site() else HOME


def alive(ground: Ground, services: Collection[str], recording: Recording | None) -> Alive:
    """The sign of life: who this is, how full its spool is, how many streams it has."""
    identity = Identity(
        ground.data.node,
        ground.data.name,
        zone=ground.zone,
        services=tuple(sorted(services)),
        version=__version__,
        boot_id=boot_id(),
    )

    def facts() -> Mapping[str, Any]:
        used: dict[str, Any] = {} if recording is None else {"spool_ratio": recording.spool_ratio}
        if ground.settings.cluster is not None and ground.settings.cluster.line_mbps is not None:
            used[LINE_FACT] = ground.settings.cluster.line_mbps
        if recording is not None:  # what records is what fills them
            used[STORES_FACT] = sorted(ground.stores)
        return {"streams": len(ground.hub.states()), LIVE_FACT: round(ground.meter.bytes_per_s), **used}

    return Alive(bus=ground.bus, clock=ground.clock, identity=identity, facts=facts)
