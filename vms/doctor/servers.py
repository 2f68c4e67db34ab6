"""Facts of the servers that a node stands on, and of what is planned to cross its line. Event loop; servers that the
settings do not name are left out.
"""

from __future__ import annotations

import asyncio

from vms import datadir, ground
from vms.bus.inspect import account_facts, monitor_facts
from vms.bus.link import NatsOptions
from vms.clock import NS_PER_S, SystemClock
from vms.doctor import checks
from vms.doctor.checks import Check
from vms.domain.camera import Camera, RecordMode, StreamName
from vms.domain.interval import Interval
from vms.errors import CatalogueError, SettingsError
from vms.objects.inspect import bucket_facts
from vms.settings import HOME, ClusterSettings, S3StoreSettings, Settings
from vms.store import Catalogue
from vms.store.inspect import is_postgres, postgres_facts
from vms.sync.places import Places

_GUESS_MBPS = {StreamName.MAIN: 2.0, StreamName.SUB: 0.4}
_LOOKED_BACK_NS = 3600 * NS_PER_S


async def servers(settings: Settings, monitor: str | None = None) -> list[Check]:
    """All of them, asked at once."""
    asked = [_catalogue(settings), _buckets(settings)]
    if settings.cluster is not None:
        asked += [_nats(settings.cluster, monitor)]
    answers = await asyncio.gather(*asked)
    return [check for answer in answers for check in answer]


async def _nats(cluster: ClusterSettings, monitor: str | None) -> list[Check]:
    chosen = cluster.nats
    ca_file, ctrl_password = chosen.ca_file, chosen.ctrl_password.get_secret_value()
    ctrl = NatsOptions(chosen.url, chosen.ctrl_user, ctrl_password, name="ctrl", ca_file=ca_file)
    video_password = chosen.video_password.get_secret_value()
    video = NatsOptions(chosen.url, chosen.video_user, video_password, name="video", ca_file=ca_file)
    of_ctrl, of_video, seen = await asyncio.gather(
        account_facts(ctrl), account_facts(video), monitor_facts(chosen.url, monitor)
    )
    found = checks.nats("nats.ctrl", chosen.url, of_ctrl, wants_jetstream=True)
    found += checks.nats("nats.video", chosen.url, of_video, wants_jetstream=False)
    return found if of_ctrl.error else [*found, *checks.nats_monitor(seen)]


async def _buckets(settings: Settings) -> list[Check]:
    found: list[Check] = []
    for name, chosen in settings.all_stores().items():
        if isinstance(chosen, S3StoreSettings):
            options = ground.s3_options(chosen)
            facts = await asyncio.to_thread(bucket_facts, options)
            found += checks.bucket(f"store.{name}", f"bucket {chosen.bucket} at {chosen.endpoint}", facts)
    return found


async def _catalogue(settings: Settings) -> list[Check]:
    url = ground.catalogue_url(settings)
    try:
        if is_postgres(url):
            found = checks.postgres(await postgres_facts(url))
        elif not (settings.data / "catalogue.db").exists() and settings.catalogue.url is None:
            return [checks.ok("catalogue", "none yet: the first start makes it")]
        else:
            found = []
        return [*found, *await _content(settings)]
    except (CatalogueError, SettingsError) as error:
        return [checks.bad("catalogue", error.message, error.hint)]


async def _content(settings: Settings) -> list[Check]:
    key = datadir.known_key(settings.data, settings.key_file)
    catalogue = await ground.open_catalogue(settings, key, "local", SystemClock())
    try:
        found = [checks.ok("catalogue", f"schema {await catalogue.schema_version()}")]
        if settings.cluster is not None and settings.stands_at_site():
            found.append(checks.line(await _planned(catalogue, settings), settings.cluster.line_mbps))
        return found
    finally:
        await catalogue.close()


async def _planned(catalogue: Catalogue, settings: Settings) -> float:
    """What crosses the Site's line all the time: what is recorded, where its home Store is beyond it, else what its
    policy copies; as measured over the last hour, or as such streams usually are."""
    sites = await catalogue.sites.list()
    own = {site.id: site for site in sites if site.slug == settings.zone()}
    below = {ident for site in own for ident in Places(sites).below(site)}
    by_id = {site.id: site for site in sites}
    total = 0.0
    for camera in await catalogue.cameras.list():
        site = by_id.get(camera.site)
        if camera.site not in below or site is None or not camera.enabled:
            continue
        for stream in camera.streams:
            crosses = site.home_store == HOME or site.orders(stream.ref.name)
            if stream.record is RecordMode.CONTINUOUS and crosses:
                total += await _mbps(catalogue, camera, stream.ref.name)
    return total


async def _mbps(catalogue: Catalogue, camera: Camera, name: StreamName) -> float:
    stream = camera.stream(name)
    now_ns = SystemClock().now_ns()
    if stream is None:
        return 0.0
    found = await catalogue.segments.in_interval(stream.ref, Interval(now_ns - _LOOKED_BACK_NS, now_ns))
    closed = [one for one in found if one.end_ns > one.start_ns and one.size_bytes]
    lasted_ns = sum(one.end_ns - one.start_ns for one in closed)
    if lasted_ns < 60 * NS_PER_S:
        return _GUESS_MBPS[name]
    return sum(one.size_bytes for one in closed) * 8 / (lasted_ns / NS_PER_S) / 1e6
