"""The cameras: which site, which name, which scene they look at. Cameras beyond the list see its scenes again."""

from __future__ import annotations

from dataclasses import dataclass

SITES = {
    "palangka-raya": "Palangka Raya",
    "sampit": "Sampit",
    "pangkalan-bun": "Pangkalan Bun",
    "muara-teweh": "Muara Teweh",
    "kapuas": "Kuala Kapuas",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A simulated camera. `scene` names what it looks at (vms.simulator.scenes); `name` is written into the picture."""

    site: str
    slug: str
    name: str
    scene: str

    @property
    def site_name(self) -> str:
        """The name of the site as people say it."""
        return SITES[self.site]


PLACES = (
    Place("palangka-raya", "palangka-bundaran-01", "Bundaran Besar", "roundabout"),
    Place("palangka-raya", "palangka-kahayan-02", "Jembatan Kahayan", "bridge"),
    Place("sampit", "sampit-pasar-01", "Pasar Besar Sampit", "market"),
    Place("sampit", "sampit-pelabuhan-02", "Pelabuhan Sampit", "port"),
    Place("pangkalan-bun", "pbun-kumai-01", "Dermaga Kumai", "landing"),
    Place("pangkalan-bun", "pbun-terminal-02", "Terminal Natai Suka", "terminal"),
    Place("muara-teweh", "teweh-gerbang-01", "Gerbang Kantor Bupati", "gate"),
    Place("muara-teweh", "teweh-barito-02", "Tepian Barito", "barge"),
    Place("kapuas", "kapuas-simpang-01", "Simpang Pemuda", "junction"),
    Place("kapuas", "kapuas-dermaga-02", "Dermaga KP3 Kapuas", "jetty"),
    Place("palangka-raya", "palangka-gudang-03", "Gudang Logistik", "yard"),
    Place("sampit", "sampit-sekolah-03", "Gerbang Sekolah", "school"),
)

STEERED = frozenset({"palangka-bundaran-01", "sampit-pelabuhan-02"})
"""Those that have an ONVIF device with PTZ."""


def places(count: int) -> list[Place]:
    """The first `count` cameras; after the twelfth the scenes come again under numbered slugs."""
    result = []
    for i in range(count):
        base = PLACES[i % len(PLACES)]
        turn = i // len(PLACES)
        result.append(base if turn == 0 else Place(base.site, f"{base.slug}-x{turn}", base.name, base.scene))
    return result
