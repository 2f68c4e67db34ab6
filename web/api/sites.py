"""The places that own cameras, and what of their footage goes to the center."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from fastapi import APIRouter

from vms.domain.camera import Site
from vms.domain.ids import is_id
from vms.errors import ConflictError, NotFoundError
from vms.sync.presence import LINE_FACT, Presence
from web.api.errors import CHANGES, problems
from web.deps import PartsOf, Who
from web.schemas import SiteOut, SitePatch, SitesOut

router = APIRouter(prefix="/api/sites", tags=["sites"])


def _line_mbps(presence: Presence, slug: str) -> float | None:
    told = [seen.facts.get(LINE_FACT) for seen in presence.zones().get(slug, ())]
    return max((float(mbps) for mbps in told if isinstance(mbps, int | float)), default=None)


def _out(site: Site, cameras: int, presence: Presence) -> SiteOut:
    return SiteOut(
        id=site.id,
        slug=site.slug,
        name=site.name,
        parent=site.parent,
        cameras=cameras,
        home_store=site.home_store,
        copies=site.copies,
        line_mbps=_line_mbps(presence, site.slug),
        rev=site.rev,
    )


@router.get("", operation_id="listSites", responses=problems())
async def list_sites(_who: Who, parts: PartsOf) -> SitesOut:
    """All sites by name, with how many cameras each has."""
    counts = Counter(camera.site for camera in await parts.catalogue.cameras.list())
    return SitesOut(items=[_out(site, counts[site.id], parts.presence) for site in await parts.catalogue.sites.list()])


@router.patch("/{site_id}", operation_id="changeSite", responses=problems(*CHANGES, 404, 409))
async def change_site(site_id: str, body: SitePatch, who: Who, parts: PartsOf) -> SiteOut:
    """Change which footage goes to the center too: what is there already counts as well. `rev` must be the site's."""
    site = await parts.catalogue.sites.get(site_id) if is_id(site_id) else None
    if site is None:
        raise NotFoundError("there is no such site")
    changed = replace(site, copies=body.copies, rev=site.rev + 1)
    if body.rev != site.rev or not await parts.catalogue.sites.put(changed):
        raise ConflictError("The site has changed meanwhile.", hint="Load it again and repeat the change.")
    await parts.audit.add(who.person.id, "site.change", site.id, slug=site.slug, fields=["copies"])
    return _out(changed, len(await parts.catalogue.cameras.list(site.id)), parts.presence)
