"""The places that own cameras: where they are, and what of their footage goes to the center."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter

from vms.domain.camera import HOME_STORE, Site
from vms.domain.ids import is_id
from vms.domain.rights import Right
from vms.errors import ConflictError, NotFoundError
from vms.sync.places import Places
from vms.sync.presence import LINE_FACT, STORES_FACT, Presence
from web.api.errors import CHANGES, problems
from web.deps import EyesOf, PartsOf, Who
from web.parts import Parts
from web.schemas_position import position_changed, position_out
from web.schemas_sites import SiteOut, SitePatch, SitesOut
from web.security.authority import Eyes

router = APIRouter(prefix="/api/sites", tags=["sites"])


def _line_mbps(presence: Presence, slug: str) -> float | None:
    told = [seen.facts.get(LINE_FACT) for seen in presence.zones().get(slug, ())]
    return max((float(mbps) for mbps in told if isinstance(mbps, int | float)), default=None)


async def _stores(site: Site, sites: Sequence[Site], parts: Parts) -> list[str]:
    """Where the Site's footage can go: the center's Store, and those that all of its recording nodes which are there
    have. On one machine: those of its settings."""
    zones = parts.presence.zones()
    if not parts.presence.nodes():
        return sorted({HOME_STORE, *parts.options.stores})
    zone = Places(sites).zone(site.id, zones)
    told = [seen.facts[STORES_FACT] for seen in zones.get(zone or "", ()) if STORES_FACT in seen.facts]
    both = set.intersection(*(set(map(str, names)) for names in told)) if told else set[str]()
    return sorted({HOME_STORE, *both})


def _out(site: Site, cameras: int, presence: Presence, stores: list[str], eyes: Eyes) -> SiteOut:
    return SiteOut(
        id=site.id,
        slug=site.slug,
        name=site.name,
        parent=site.parent,
        cameras=cameras,
        home_store=site.home_store,
        copies=site.copies,
        line_mbps=_line_mbps(presence, site.slug),
        stores=stores,
        rights=[right for right in Right if eyes.at(right, site.id)],
        rev=site.rev,
        **position_out(site.position),
    )


@router.get("", operation_id="listSites", responses=problems())
async def list_sites(eyes: EyesOf, parts: PartsOf) -> SitesOut:
    """Sites by name, with how many cameras of each you see."""
    cameras, sites = await parts.catalogue.cameras.list(), await parts.catalogue.sites.list()
    seen, counts = eyes.sites(sites, cameras), Counter(camera.site for camera in eyes.seen(cameras))
    return SitesOut(
        items=[
            _out(one, counts[one.id], parts.presence, await _stores(one, sites, parts), eyes)
            for one in sites
            if one.id in seen
        ]
    )


@router.patch("/{site_id}", operation_id="changeSite", responses=problems(*CHANGES, 404, 409))
async def change_site(site_id: str, body: SitePatch, who: Who, eyes: EyesOf, parts: PartsOf) -> SiteOut:
    """Change where it is, which footage goes to the center too, where what is there already counts as well, or where
    footage goes from now on, where what is there stays until retention takes it. `rev` must be the site's."""
    site = await parts.catalogue.sites.get(site_id) if is_id(site_id) else None
    if site is None:
        raise NotFoundError("there is no such site")
    stores = await _stores(site, await parts.catalogue.sites.list(), parts)
    if body.home_store not in {None, site.home_store, *stores}:
        raise ConflictError(
            f"The site's nodes that are there have no Store named {body.home_store}.",
            hint="Name it under stores in the settings of each of them, start them again, and repeat the change.",
        )
    fields = {name: value for name in ("copies", "home_store") if (value := getattr(body, name)) is not None}
    position = position_changed(site.position, body)
    if position != site.position:
        fields["position"] = position
    changed = replace(site, **fields, rev=site.rev + 1)
    if body.rev != site.rev or not await parts.catalogue.sites.put(changed):
        raise ConflictError("The site has changed meanwhile.", hint="Load it again and repeat the change.")
    await parts.audit.add(who.person.id, "site.change", site.id, slug=site.slug, fields=sorted(fields))
    return _out(changed, len(await parts.catalogue.cameras.list(site.id)), parts.presence, stores, eyes)
