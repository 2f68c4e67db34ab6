"""The places that own cameras."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter

from web.api.errors import problems
from web.deps import PartsOf, Who
from web.schemas import SiteOut, SitesOut

router = APIRouter(prefix="/api/sites", tags=["sites"])


@router.get("", operation_id="listSites", responses=problems())
async def list_sites(_who: Who, parts: PartsOf) -> SitesOut:
    """All sites by name, with how many cameras each has."""
    counts = Counter(camera.site for camera in await parts.catalogue.cameras.list())
    return SitesOut(
        items=[
            SiteOut(id=site.id, slug=site.slug, name=site.name, parent=site.parent, cameras=counts[site.id])
            for site in await parts.catalogue.sites.list()
        ]
    )
