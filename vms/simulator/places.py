"""The cameras: which site, which name, which scene they look at. Cameras beyond the list see its scenes again."""

from __future__ import annotations

from dataclasses import dataclass, replace

SITES = {
    "palangka-raya": "Palangka Raya",
    "sampit": "Sampit",
    "pangkalan-bun": "Pangkalan Bun",
    "muara-teweh": "Muara Teweh",
    "kapuas": "Kuala Kapuas",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A simulated camera. `scene` names what it looks at (vms.simulator.scenes); `name` is written into the picture;
    `longitude`, `latitude`: about where in the town such a place is, degrees."""

    site: str
    slug: str
    name: str
    scene: str
    longitude: float
    latitude: float

    @property
    def site_name(self) -> str:
        """The name of the site as people say it."""
        return SITES[self.site]


PLACES = (
    Place("palangka-raya", "palangka-bundaran-01", "Bundaran Besar", "roundabout", 113.9172, -2.2086),
    Place("palangka-raya", "palangka-kahayan-02", "Jembatan Kahayan", "bridge", 113.9296, -2.2004),
    Place("sampit", "sampit-pasar-01", "Pasar Besar Sampit", "market", 112.9537, -2.5398),
    Place("sampit", "sampit-pelabuhan-02", "Pelabuhan Sampit", "port", 112.9608, -2.5386),
    Place("pangkalan-bun", "pbun-kumai-01", "Dermaga Kumai", "landing", 111.7338, -2.7352),
    Place("pangkalan-bun", "pbun-terminal-02", "Terminal Natai Suka", "terminal", 111.6432, -2.6903),
    Place("muara-teweh", "teweh-gerbang-01", "Gerbang Kantor Bupati", "gate", 114.8934, -0.9508),
    Place("muara-teweh", "teweh-barito-02", "Tepian Barito", "barge", 114.8872, -0.9573),
    Place("kapuas", "kapuas-simpang-01", "Simpang Pemuda", "junction", 114.3889, -3.0031),
    Place("kapuas", "kapuas-dermaga-02", "Dermaga KP3 Kapuas", "jetty", 114.3848, -3.0104),
    Place("palangka-raya", "palangka-gudang-03", "Gudang Logistik", "yard", 113.8982, -2.2391),
    Place("sampit", "sampit-sekolah-03", "Gerbang Sekolah", "school", 112.9421, -2.5247),
)

STEERED = frozenset({"palangka-bundaran-01", "sampit-pelabuhan-02"})
"""Those that have an ONVIF device with PTZ."""


def _again(base: Place, turn: int) -> Place:
    """The same scene a few streets further."""
    aside = 0.0021 * turn
    return replace(
        base, slug=f"{base.slug}-x{turn}", longitude=base.longitude + aside, latitude=base.latitude - 0.7 * aside
    )


def places(count: int) -> list[Place]:
    """The first `count` cameras; after the twelfth the scenes come again under numbered slugs."""
    result = []
    for i in range(count):
        base = PLACES[i % len(PLACES)]
        turn = i // len(PLACES)
        result.append(base if turn == 0 else _again(base, turn))
    return result
