"""The tree of Sites as routing needs it: who is above and below whom. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from vms.domain.camera import Site


class Places:
    """A picture of all Sites."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._by_id = {site.id: site for site in sites}

    def above(self, site_id: str | None) -> list[Site]:
        """The Site and those above it, itself first; nothing for an unknown one."""
        found: list[Site] = []
        while site_id is not None and (site := self._by_id.get(site_id)) is not None and site not in found:
            found.append(site)
            site_id = site.parent
        return found

    def below(self, site_id: str) -> set[str]:
        """Ids of the Site and of all below it."""
        return {other for other in self._by_id if any(site.id == site_id for site in self.above(other))}

    def within(self, slug: str) -> set[str]:
        """Slugs of the Site with that slug and of all below it; at least the slug itself."""
        ids = {site.id for site in self._by_id.values() if site.slug == slug}
        return {slug} | {self._by_id[below].slug for site_id in ids for below in self.below(site_id)}

    def zone(self, site_id: str | None, zones: Collection[str]) -> str | None:
        """Whose nodes care for a Site: the nearest of itself and those above whose slug is among the zones."""
        return next((site.slug for site in self.above(site_id) if site.slug in zones), None)
