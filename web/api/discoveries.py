"""Looking for cameras from a site's node, and asking those that were found what they are. Adding them is the business
of `importCameras` and `addCamera`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from vms.domain.address_range import addresses_of
from vms.domain.camera import Camera
from vms.domain.camera_url import check_credentials, parse_camera_url, parse_device_url
from vms.domain.ids import is_id, new_id
from vms.domain.job import WHOLE_PPM, Job
from vms.domain.rights import Right
from vms.errors import CameraUrlError, ConflictError, InputError, NotFoundError
from vms.logs import redact
from web import remarks
from web.api.errors import CHANGES, problems
from web.camera_edit import onvif_of
from web.deps import EyesOf, PartsOf, Who
from web.discoveries import ask_at, new_job
from web.parts import Parts
from web.schemas import NamedOut, SiteRef
from web.schemas_discovery import (
    DescribedOut,
    DescribeIn,
    DiscoveryIn,
    DiscoveryOut,
    FeedOut,
    FoundOut,
    described_fields,
)
from web.security.authority import Eyes

router = APIRouter(prefix="/api/discoveries", tags=["cameras"])

_DESCRIBE_S = 40.0


async def discovery_of(discovery_id: str, eyes: EyesOf, parts: PartsOf) -> Job:
    """The one named in the address, of a site that the person administers."""
    job = await parts.discoveries.get(discovery_id) if is_id(discovery_id) else None
    if job is None or not eyes.at(Right.ADMIN, job.asked["site"]):
        raise NotFoundError("There is no such search.", hint="It may be long over.", reason="discovery_gone")
    return job


OneDiscovery = Annotated[Job, Depends(discovery_of)]


@router.post("", operation_id="addDiscovery", status_code=202, responses=problems(*CHANGES))
async def add_discovery(body: DiscoveryIn, response: Response, who: Who, eyes: EyesOf, parts: PartsOf) -> DiscoveryOut:
    """Look for cameras; goes on in the background."""
    if body.site is not None and await parts.catalogue.sites.get(body.site) is None:
        raise InputError("There is no such site.", field="site", reason="site_gone")
    eyes.need(Right.ADMIN, body.site)
    addresses = addresses_of(body.ranges, parts.policy)
    if not addresses and not body.multicast:
        raise InputError("There is nowhere to look.", hint="Name a range.", field="ranges", reason="ranges_none")
    asked = {
        "site": body.site, "multicast": body.multicast, "addresses": [str(one) for one in addresses],
        "ports": list(dict.fromkeys(body.ports)),
    }  # fmt: skip
    job = new_job(new_id(), who.person.id, asked, parts.clock.now_ns())
    await parts.discoveries.begin(job)
    await parts.audit.add(
        who.person.id, "camera.discover", body.site or "-", multicast=body.multicast, ranges=list(body.ranges)
    )
    response.headers["Location"] = f"/api/discoveries/{job.id}"
    return await _out(job, eyes, parts)


@router.post("/describe", operation_id="describeDevice", responses=problems(*CHANGES, 504))
async def describe_device(body: DescribeIn, who: Who, eyes: EyesOf, parts: PartsOf) -> DescribedOut:
    """Ask an ONVIF device what it is: maker, model, clock, streams, PTZ, and what will disappoint; or why it does not
    say (`ok: false`)."""
    eyes.need(Right.ADMIN, body.site)
    try:
        url = await onvif_of(body.url, parts.policy)
    except InputError as error:
        error.field = "url"
        raise
    password = body.password.get_secret_value()
    check_credentials(body.username, password)
    request = {"url": url, "username": body.username, "password": password}
    with parts.probes.held(who.person.id):
        answer = await ask_at(parts.bus, parts.catalogue, "describe", body.site, request, _DESCRIBE_S)
    await parts.audit.add(who.person.id, "camera.describe", url, ok=bool(answer["ok"]))
    secrets = [password] if len(password) >= 3 else []
    told = DescribedOut(
        ok=bool(answer["ok"]),
        message=redact(str(answer.get("message", "")), secrets),
        hint=redact(str(answer.get("hint", "")), secrets),
        reason=str(answer.get("reason", "")),
        params={name: redact(str(value), secrets) for name, value in (answer.get("params") or {}).items()},
        **described_fields(dict(answer)),
    )
    return await _judged(told, list(answer.get("feeds") or ()), body.username, password, eyes, parts)


async def _judged(
    told: DescribedOut, feeds: list[dict[str, Any]], username: str, password: str, eyes: Eyes, parts: Parts
) -> DescribedOut:
    if not told.ok:
        return told
    main, sub = remarks.main_and_sub(feeds)
    cameras = eyes.seen(await parts.catalogue.cameras.list())
    warnings = [
        *remarks.of_twins([url for url in (main, sub) if url], cameras),
        *remarks.of_login(username, password),
        *remarks.of_clock(told.clock_off_s),
        *remarks.of_feeds(feeds, main, sub),
    ]
    listed = [FeedOut.model_validate(feed) for feed in feeds]
    return told.model_copy(update={"feeds": listed, "main": main, "sub": sub, "warnings": warnings})


@router.get("/{discovery_id}", operation_id="getDiscovery", responses=problems(404))
async def get_discovery(job: OneDiscovery, eyes: EyesOf, parts: PartsOf) -> DiscoveryOut:
    """How far it is, and what was found so far."""
    return await _out(job, eyes, parts)


@router.delete(
    "/{discovery_id}", operation_id="cancelDiscovery", status_code=204, responses=problems(*CHANGES, 404, 409)
)
async def cancel_discovery(job: OneDiscovery, who: Who, parts: PartsOf) -> None:
    """Stop looking; what is under way ends within half a minute."""
    if not await parts.catalogue.jobs.cancel(job.id, parts.clock.now_ns()):
        raise ConflictError("The search has ended already.", reason="discovery_over")
    await parts.audit.add(who.person.id, "camera.discover_cancel", job.id)


async def _out(job: Job, eyes: Eyes, parts: Parts) -> DiscoveryOut:
    found, elsewhere = parts.discoveries.so_far(job)
    site = None if job.asked["site"] is None else await parts.catalogue.sites.get(job.asked["site"])
    hosts: dict[str, list[NamedOut]] = {}
    for camera in eyes.seen(await parts.catalogue.cameras.list()):
        for host in _hosts(camera):
            hosts.setdefault(host, []).append(NamedOut(id=camera.id, name=camera.name))
    return DiscoveryOut(
        id=job.id,
        state=job.state,
        progress=job.progress_ppm / WHOLE_PPM,
        site=None if site is None else SiteRef(id=site.id, slug=site.slug, name=site.name),
        found=[FoundOut(**one, cameras=hosts.get(one["address"], [])) for one in found],
        elsewhere=elsewhere,
        why=job.why,
        reason=job.reason,
    )


def _hosts(camera: Camera) -> set[str]:
    hosts: set[str] = set()
    for stream in camera.streams:
        hosts.add(parse_camera_url(stream.url).host.lower())
    if camera.onvif:
        try:
            hosts.add(parse_device_url(camera.onvif).host.lower())
        except CameraUrlError:
            return hosts
    return hosts
