"""The Sites that a Sheet names: those that are there, and those that are made for it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vms.domain.camera import Site
from vms.domain.ids import new_id
from vms.domain.rights import Right
from vms.domain.slug import free_slug, slugify
from web.security.authority import Eyes
from web.text import TextError, clean_name


@dataclass(frozen=True, slots=True)
class NoPlace:
    """Why a name is no Site, and which column says it."""

    column: str
    message: str
    reason: str


class Places:
    """`seen`: ids of those that the person may know of; others are as if they were not there."""

    def __init__(self, sites: Sequence[Site], seen: Collection[str], eyes: Eyes, *, make: bool) -> None:
        self._eyes, self._make = eyes, make
        self._slugs = {site.slug for site in sites}
        self._sites = {site.id: site for site in sites if site.id in seen}
        self._made: dict[str, Site] = {}

    def get(self, site_id: str) -> Site | None:
        """One by its id."""
        return self._sites.get(site_id)

    def is_ours(self, site: Site) -> bool:
        """Whether the person administers it."""
        return site.id in self._made or self._eyes.at(Right.ADMIN, site.id)

    def find(self, text: str, parent: str = "") -> Site | NoPlace:
        """The Site of a short name or a name; made below `parent` where it is not there and may be."""
        found = self._known(text)
        if isinstance(found, Site | NoPlace):
            return found
        if not self._make:
            return NoPlace("site", "there is no such site", reason="site_gone")
        above: Site | None = None
        if parent:
            known = self._known(parent)
            if not isinstance(known, Site):
                return NoPlace("parent", "there is no such site", reason="site_gone")
            above = known
        if not (self._eyes.at(Right.ADMIN, None) if above is None else self.is_ours(above)):
            return NoPlace("site", "you have no right to make this site", reason="no_right")
        try:
            name = clean_name(text)
        except TextError as error:
            return NoPlace("site", str(error), reason="text_control" if error.reason == "text_control" else "value")
        site = Site(new_id(), free_slug(slugify(name), self._slugs), name, None if above is None else above.id)
        self._slugs.add(site.slug)
        self._sites[site.id] = self._made[site.id] = site
        return site

    def _known(self, text: str) -> Site | NoPlace | None:
        by_slug = next((site for site in self._sites.values() if site.slug == text), None)
        if by_slug is not None:
            return by_slug
        same = [site for site in self._sites.values() if site.name.casefold() == text.casefold()]
        if len(same) > 1:
            return NoPlace("site", "several sites have this name: give the short name", reason="sheet_site_many")
        return same[0] if same else None

    def made_for(self, used: Collection[str]) -> tuple[Site, ...]:
        """Those made that are used, or stand above one that is; those above first."""
        wanted: set[str] = set()
        for site_id in used:
            at: str | None = site_id
            while at is not None and at in self._made and at not in wanted:
                wanted.add(at)
                at = self._made[at].parent
        return tuple(site for site in self._made.values() if site.id in wanted)
