"""The services of a node: what each is made of, from the settings and what they stand on. Nothing is started here."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Collection, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any

from ingest.clockstate import synchronized
from ingest.credit import priority_of
from ingest.discovery import Discovery
from ingest.fleet import Fleet, FleetOptions
from ingest.patience import WorkerOptions
from ingest.probe import ProbeOptions, Prober
from ingest.ptz import PtzService
from ingest.watch import Watch, WatchOptions
from recorder.analysis.fill import GridFill
from recorder.analysis.service import Analysis, AnalysisOptions
from recorder.analysis.sprites import SpriteParts, Sprites
from recorder.checkpoints import CheckpointOptions, Checkpoints
from recorder.clock_watch import ClockWatch, ClockWatchOptions
from recorder.export_job import ExportParts
from recorder.export_plan import Planner
from recorder.export_proof import CheckpointSearch
from recorder.exporter import BLOCK_BYTES, Exporter, ExporterOptions
from recorder.fill_job import Filler, FillerParts
from recorder.key_frames import KeyFrames
from recorder.playback import Playback, PlaybackOptions, Reports
from recorder.recording import Recording, RecordingOptions
from recorder.retention import Retention, RetentionOptions
from recorder.rules import RuleKeeper
from recorder.segmenter import CutOptions
from recorder.spool import Spool, SpoolOptions
from recorder.stills import Stills
from recorder.timestamping import Authority
from recorder.uploader import Uploader, UploaderOptions
from streamer.options import StreamerOptions
from streamer.service import Streamer
from vms import __version__, cluster
from vms.clock import NS_PER_S, Clock, boot_id
from vms.datadir import installation_key
from vms.domain.camera import LinePriority, StreamRef
from vms.errors import SettingsError
from vms.ground import Ground
from vms.looplag import LoopLag
from vms.proof.certificate import certificate
from vms.service import Health, Service, Supervisor
from vms.settings import HOME, Settings
from vms.sync.leases import CatalogueLeases
from vms.sync.presence import Presence
from vms.witness import event_writer
from web.app import WebContext, WebOptions, create_app
from web.map_tiles import MapTiles
from web.server import WebServer
from web.tls import Certificate, GivenFiles, OwnAuthority, is_loopback, machine_names

GB = 1_000_000_000
KEY_FRAME_S = 120.0  # how long an export waits for one where footage is still being written
HOT_LINGER_S = 20.0  # rows are at the center within seconds
ANSWER_BYTES = 512_000  # NATS carries 1 MB in a message


def services_of(ground: Ground, wanted: Collection[str], web: WebServer | None) -> list[Service]:
    """The wanted services, in the order in which they start."""
    made: list[Service] = [LoopLag(ground.clock), *cluster.exchange(ground)]
    recording = None
    if "recorder" in wanted:
        recording, others = _recorder(ground, records="ingest" in wanted)
        made += others
    if "ingest" in wanted:
        made += _ingest(ground)
    if ground.link is not None:
        made.append(cluster.alive(ground, wanted, recording))
    if "streamer" in wanted:
        made.append(Streamer(ground.clock, ground.bus, _streamer_options(ground), media=ground.media))
    if web is not None:
        made += [] if "recorder" in wanted else [_checkpoints(ground)]  # of its audit log
        made += [_exporter(ground), *_searching(ground)]
    made.append(event_writer(ground, made))
    return [*made, web] if web is not None else made


def _streamer_options(ground: Ground) -> StreamerOptions:
    chosen = ground.settings.streamer
    return StreamerOptions(
        zone=ground.zone,
        max_sessions=chosen.max_sessions,
        ports=chosen.port_range(),
        advertise=tuple(str(address) for address in chosen.advertise),
        burst_bytes_s=round(chosen.burst_mbps * 125_000),
        transcodes=chosen.transcodes,
        transcode_height=chosen.transcode_height,
        transcode_kbps=chosen.transcode_kbps,
    )


def _recorder(ground: Ground, *, records: bool) -> tuple[Recording | None, list[Service]]:
    """What records and what keeps; a node that ingests nothing only keeps."""
    retention, checkpoints = _retention(ground), _checkpoints(ground)
    rules = (
        []
        if ground.settings.stands_at_site()
        else [RuleKeeper(ground.clock, catalogue=ground.catalogue, bus=ground.bus)]
    )
    if not records:
        return None, [checkpoints, retention, *rules]
    chosen, node = ground.settings.recorder, ground.data.node
    limit_bytes = int(chosen.spool_limit_gb * GB) if chosen.spool_limit_gb is not None else None
    spool = Spool(SpoolOptions(ground.settings.spool_dir(), limit_bytes))
    uploader = Uploader(
        ground.clock,
        catalogue=ground.catalogue,
        bus=ground.bus,
        spool=spool,
        stores=ground.stores,
        options=UploaderOptions(node, paced=frozenset(ground.paces)),
    )
    recording = Recording(
        ground.clock,
        hub=ground.hub,
        bus=ground.bus,
        catalogue=ground.catalogue,
        options=RecordingOptions(
            node,
            CutOptions(segment_s=chosen.segment_s),
            shared=ground.link is not None,
            linger_s=0.0 if ground.link is None else HOT_LINGER_S,
        ),
        spool=spool,
        on_spooled=uploader.wake,
    )
    watch = ClockWatch(
        ground.clock,
        catalogue=ground.catalogue,
        bus=ground.bus,
        synchronized=_synchronized,
        options=ClockWatchOptions(node, boot_id(), ground.data.path / "clock.json"),
    )
    # What is stopped last hears of all that the others still wrote.
    kept: list[Service] = [checkpoints, watch, recording, uploader, retention, *rules]
    if chosen.analysis:
        kept += [_analysis(ground), _older_grids(ground)]
    return recording, [*kept, *cluster.across_the_line(ground)]


def _analysis(ground: Ground) -> Analysis:
    """Looks at key frames beside the recorder, and has no part in recording."""
    options = AnalysisOptions(
        ground.data.node, ground.data.path / "analysis", days=ground.settings.recorder.retention_days
    )
    kept = SpriteParts(ground.data.path / "thumbnails", ground.data.node, ground.catalogue, ground.stores)
    return Analysis(
        ground.clock,
        hub=ground.hub,
        bus=ground.bus,
        catalogue=ground.catalogue,
        options=options,
        sprites=Sprites(ground.clock, kept),
    )


def _older_grids(ground: Ground) -> GridFill:
    """Grids of what this node's cameras recorded while nobody looked, where somebody asks for them."""
    return GridFill(
        ground.clock,
        node=ground.data.node,
        folder=ground.data.path / "analysis",
        catalogue=ground.catalogue,
        bus=ground.bus,
        key_frames=KeyFrames(ground.catalogue, _playback(ground, None, BLOCK_BYTES)),
    )


def _retention(ground: Ground) -> Retention:
    """Footage in a Site's own Store is expired by the Site's nodes, the rest in the center."""
    chosen = ground.settings.recorder
    homes = None
    if ground.link is not None:
        own = set(ground.stores) - {HOME}
        homes = frozenset(own if ground.settings.stands_at_site() else {HOME})
    limit_gb, limited = chosen.store_limit_gb, {HOME} if homes is None else homes
    quotas = {} if limit_gb is None else {name: int(limit_gb * GB) for name in limited}
    keep = RetentionOptions(
        ground.data.node,
        days=chosen.retention_days,
        store_bytes=quotas,
        site_bytes={slug: int(most * GB) for slug, most in chosen.site_limit_gb.items()},
        camera_bytes={slug: int(most * GB) for slug, most in chosen.camera_limit_gb.items()},
        homes=homes,
        event_days=chosen.event_days,
    )
    return Retention(
        ground.clock,
        catalogue=ground.catalogue,
        stores=ground.stores,
        options=keep,
        synchronized=_synchronized,
        turns=cluster.site_turns(ground),
    )


def _checkpoints(ground: Ground) -> Checkpoints:
    """Who records or expires states what it wrote, from here on."""
    node = ground.data.node
    ground.catalogue.unsigned.keep(node)
    return Checkpoints(
        ground.clock,
        catalogue=ground.catalogue,
        bus=ground.bus,
        stores=ground.stores,
        key=ground.data.signing,
        options=CheckpointOptions(node, ground.data.path / "checkpoints", certificate=_word(ground)),
    )


def _word(ground: Ground) -> str:
    """The installation's word for this node's key, where this machine has the installation's."""
    installation = installation_key(ground.data.path, make=ground.link is None)
    if installation is None:
        return ""
    return certificate(installation, ground.data.node, ground.data.signing.public)


def _exporter(ground: Ground) -> Exporter:
    """Packages are made where people ask for them."""
    chosen = ground.settings.exports
    playback = _playback(ground, None, BLOCK_BYTES)
    options = ExporterOptions(
        ground.data.node,
        chosen.folder or ground.data.path / "exports",
        at_once=chosen.at_once,
        keep_days=chosen.keep_days,
    )

    authority = None
    if chosen.timestamp_url and chosen.timestamp_ca is not None:
        authority = Authority(chosen.timestamp_url, chosen.timestamp_ca)

    def parts(executor: Executor) -> ExportParts:
        async def off_loop(work: partial[Any]) -> Any:
            return await asyncio.get_running_loop().run_in_executor(executor, work)

        search = CheckpointSearch(ground.catalogue, ground.stores, ground.bus, off_loop)
        planner = Planner(playback, ground.bus, ground.clock, wait_s=KEY_FRAME_S)
        signing = ground.data.signing
        return ExportParts(
            ground.catalogue,
            playback,
            planner,
            search,
            ground.clock,
            signing,
            options.node,
            executor,
            _word(ground),
            authority=authority,
        )

    return Exporter(
        ground.clock,
        catalogue=ground.catalogue,
        bus=ground.bus,
        parts=parts,
        options=options,
        close=playback.close,
    )


def _searching(ground: Ground) -> list[Service]:
    """Pictures of past instants, and grids of older footage, for who asks this node."""
    pictures, rows = _playback(ground, None), _playback(ground, None)
    key_frames = KeyFrames(ground.catalogue, pictures)
    stills = Stills(
        ground.clock, catalogue=ground.catalogue, bus=ground.bus, key_frames=key_frames, close=pictures.close
    )
    parts = FillerParts(ground.catalogue, ground.bus, rows)
    return [stills, Filler(ground.clock, node=ground.data.node, parts=parts, close=rows.close)]


def _synchronized() -> bool:
    return synchronized()[0]


def _ingest(ground: Ground) -> list[Service]:
    chosen, node = ground.settings.ingest, ground.data.node
    policy = ground.settings.address_policy()
    worker = WorkerOptions(
        open_timeout_s=chosen.open_timeout_s,
        stall_s=chosen.stall_s,
        stall_watched_s=chosen.watched_stall_s,
        backoff_cap_s=chosen.backoff_cap_s,
        policy=policy,
    )
    leases = cluster.site_leases(ground)
    fleet = Fleet(
        node=node,
        cameras=partial(cluster.own_cameras, ground),
        leases=leases or CatalogueLeases(ground.catalogue, ground.clock, node),
        bus=ground.bus,
        hub=ground.hub,
        clock=ground.clock,
        options=FleetOptions(refresh_s=5.0, worker=worker),
    )
    prober = Prober(ProbeOptions(policy=policy))
    watching = WatchOptions(node)
    if ground.link is not None:

        def priority(stream: StreamRef) -> int:
            return priority_of(stream, fleet.priorities.get(stream.camera, LinePriority.NORMAL))

        watching = WatchOptions(
            node,
            ground.zone,
            ground.zone,
            priority=priority,
            answer_bytes=ANSWER_BYTES,
            line=cluster.line_options(ground),
        )
    watch = Watch(
        bus=ground.bus,
        media=ground.media,
        hub=ground.hub,
        fleet=fleet,
        prober=prober,
        clock=ground.clock,
        options=watching,
        meter=ground.meter,
    )
    zone = ground.zone if ground.link is not None else None
    ptz = PtzService(bus=ground.bus, fleet=fleet, clock=ground.clock, policy=policy, site=zone)
    discovery = Discovery(bus=ground.bus, clock=ground.clock, policy=policy, site=zone)
    return [*([leases] if leases is not None else []), fleet, watch, ptz, discovery]


async def web_server(ground: Ground, supervisor: Supervisor, stack: contextlib.AsyncExitStack) -> WebServer:
    """Bound already: a port that is taken is said before a camera is pulled."""
    settings = ground.settings
    host, port = settings.listen()
    certificate = _certificate(settings, host, ground.clock)

    def health() -> Mapping[str, Health]:
        return supervisor.health()

    presence = Presence(ground.bus, ground.clock)
    playback = _playback(ground, None if ground.link is None else cluster.FarSites(ground, presence))
    stack.push_async_callback(playback.close)
    options = WebOptions(
        addresses=settings.address_policy(),
        https=certificate is not None,
        session_ttl_s=settings.web.session_hours * 3600,
        trusted_proxies=settings.web.trusted_proxies,
        map_tiles=MapTiles(settings.web.map_tiles, settings.web.map_attribution),
        health=health,
        version=__version__,
        stores=frozenset(ground.stores),
    )
    context = WebContext(ground.catalogue, ground.bus, playback, ground.clock, presence, options)
    server = WebServer(ground.clock, create_app(context), host=host, port=port, certificate=certificate)
    stack.push_async_callback(server.close)
    await server.prepare()
    return server


def _playback(ground: Ground, reports: Reports | None, block_bytes: int = 1 << 20) -> Playback:
    options = PlaybackOptions(block_bytes=block_bytes) if ground.link is None else _far_options(ground)
    return Playback(ground.catalogue, ground.stores, ground.bus, ground.clock, options, reports)


def _far_options(ground: Ground) -> PlaybackOptions:
    """Reads that may cross a thin line: pieces that live video passes, and time for each where it is slow."""
    first = cluster.nearest_store(ground)
    return PlaybackOptions(block_bytes=256 << 10, range_timeout_s=25.0, hot_timeout_s=3.0, first_store=first)


def _certificate(settings: Settings, host: str, clock: Clock) -> Certificate | None:
    tls = settings.tls
    if tls.mode == "files":
        if tls.certificate is None or tls.key is None:
            raise SettingsError("tls.mode is files, but certificate or key is missing", hint="Name both under tls.")
        return GivenFiles(tls.certificate, tls.key)
    if tls.mode == "off" or is_loopback(host):
        return None

    def now() -> dt.datetime:
        return dt.datetime.fromtimestamp(clock.now_ns() / NS_PER_S, dt.UTC)

    return OwnAuthority(settings.data / "tls", machine_names(host), now)
