"""What a cluster consists of: a center and regencies. Everything else in this package is made from this."""

from __future__ import annotations

import re
from dataclasses import dataclass

CENTER = "center"
CENTER_SERVICES = "web,streamer,recorder"
SITE_SERVICES = "ingest,recorder,web,streamer"
PROVINCE = "kalimantan-tengah"
NAMES = {
    PROVINCE: "Kalimantan Tengah",
    "palangka-raya": "Palangka Raya",
    "sampit": "Sampit",
    "pangkalan-bun": "Pangkalan Bun",
    "muara-teweh": "Muara Teweh",
    "kapuas": "Kuala Kapuas",
}
_LINE = re.compile(r"(\d{1,5}(?:\.\d+)?)mbps")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Site:
    """A regency: how many nodes, whether it has an S3 store of its own, and what its line to the center carries, where
    that is known. ValueError for what is no slug."""

    slug: str
    nodes: int = 1
    store: bool = False
    line_mbps: float | None = None

    def __post_init__(self) -> None:
        if not _SLUG.fullmatch(self.slug) or self.slug == CENTER:
            raise ValueError(f"{self.slug!r} is no slug of a regency: small letters, digits and single hyphens")
        if not 1 <= self.nodes <= 16:
            raise ValueError(f"{self.slug} has {self.nodes} nodes, not 1 to 16")

    @property
    def store_name(self) -> str:
        """Name of its own Store; without hyphens, so that a variable of the environment can name it."""
        return self.slug.replace("-", "_")

    @classmethod
    def parse(cls, text: str) -> Site:
        """`SLUG[:NODES][:store][:MBPSmbps]`, as the command line has it."""
        slug, *rest = text.split(":")
        store = "store" in rest
        lines = [_LINE.fullmatch(part) for part in rest if part.endswith("mbps")]
        numbers = [part for part in rest if part != "store" and not part.endswith("mbps")]
        if len(numbers) > 1 or len(lines) > 1 or None in lines or not all(part.isdigit() for part in numbers):
            raise ValueError(f"{text!r} is not SLUG[:NODES][:store][:MBPSmbps], such as sampit:2:store:8mbps")
        line = next((float(found[1]) for found in lines if found is not None), None)
        return cls(slug, int(numbers[0]) if numbers else 1, store, line)


@dataclass(frozen=True)
class Topology:
    """A center with its nodes, PostgreSQL, MinIO and NATS hub; regencies with their nodes and a NATS leaf each."""

    sites: tuple[Site, ...]
    center_nodes: int = 2

    def zones(self) -> list[tuple[str, int]]:
        """Every zone and how many nodes it has, the center first."""
        return [(CENTER, self.center_nodes), *((site.slug, site.nodes) for site in self.sites)]

    def site(self, slug: str) -> Site:
        """The regency of that slug."""
        return next(site for site in self.sites if site.slug == slug)

    def registered(self) -> list[dict[str, str]]:
        """`sites` of the center's settings: the province, and below it each regency."""
        province = {"slug": PROVINCE, "name": NAMES[PROVINCE]}
        return [
            province,
            *(
                {"slug": site.slug, "name": name_of(site.slug), "parent": PROVINCE}
                | ({"home_store": site.store_name} if site.store else {})
                for site in self.sites
            ),
        ]


def name_of(slug: str) -> str:
    """What people call a regency."""
    return NAMES.get(slug) or slug.replace("-", " ").title()


DEMO = Topology(
    (
        Site("palangka-raya"),
        Site("sampit", nodes=2, store=True),
        Site("pangkalan-bun"),
        Site("muara-teweh"),
        Site("kapuas"),
    )
)
EXAMPLE = Topology((Site("sampit", nodes=2, store=True, line_mbps=8), Site("kapuas", line_mbps=4)))
