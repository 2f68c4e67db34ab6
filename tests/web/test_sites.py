"""Sites: what of their footage goes to the center is shown, and can be changed."""

from __future__ import annotations

import httpx
import pytest

from tests.web.conftest import SITE, World


async def test_the_policy_of_copies_is_changed(admin: httpx.AsyncClient, world: World) -> None:
    """By its rev, kept and shown from then on, and written down with who did it."""
    path = f"/api/sites/{SITE.id}"
    before = next(site for site in (await admin.get("/api/sites")).json()["items"] if site["id"] == SITE.id)
    assert (before["home_store"], before["copies"]) == ("home", "on_demand")
    answer = await admin.patch(path, json={"rev": before["rev"], "copies": "all"})
    assert answer.status_code == 200
    assert (answer.json()["copies"], answer.json()["rev"]) == ("all", before["rev"] + 1)
    after = next(site for site in (await admin.get("/api/sites")).json()["items"] if site["id"] == SITE.id)
    assert after == {**before, "copies": "all", "rev": before["rev"] + 1}
    stale = await admin.patch(path, json={"rev": before["rev"], "copies": "sub"})
    assert stale.status_code == 409
    entries, _ = await world.catalogue.audit.list()
    assert "site.change" in {entry.action for entry in entries}


@pytest.mark.parametrize(
    "body",
    [{"rev": 1}, {"rev": 1, "copies": "held+events"}, {"rev": "1", "copies": "all"}, {"rev": 1, "home_store": ""}],
)
async def test_what_is_no_policy_is_refused(admin: httpx.AsyncClient, body: dict[str, object]) -> None:
    """Anything but the three."""
    assert (await admin.patch(f"/api/sites/{SITE.id}", json=body)).status_code == 422


async def test_the_home_store_is_changed_to_one_that_its_nodes_have(admin: httpx.AsyncClient, world: World) -> None:
    """To none that a recording node of the site lacks, or that nobody says; back to the center's always."""
    path = f"/api/sites/{SITE.id}"

    async def site() -> dict[str, object]:
        items = (await admin.get("/api/sites")).json()["items"]
        found: dict[str, object] = next(one for one in items if one["id"] == SITE.id)
        return found

    assert (await site())["stores"] == ["home"]
    refused = await admin.patch(path, json={"rev": 1, "home_store": "sampit"})
    assert (refused.status_code, (await site())["home_store"]) == (409, "home")
    for node, stores in (("n", ["home", "sampit", "b"]), ("m", ["home", "sampit"]), ("w", None)):
        told = {} if stores is None else {"stores": stores}
        world.parts.presence.take({"node": node * 16, "zone": SITE.slug, **told})
    assert (await site())["stores"] == ["home", "sampit"]
    assert (await admin.patch(path, json={"rev": 1, "home_store": "b"})).status_code == 409
    changed = await admin.patch(path, json={"rev": 1, "home_store": "sampit"})
    assert (changed.status_code, changed.json()["home_store"], changed.json()["copies"]) == (200, "sampit", "on_demand")
    await world.clock.advance(11)  # its line is cut
    assert (await admin.patch(path, json={"rev": 2, "home_store": "home", "copies": "all"})).status_code == 200


@pytest.mark.parametrize("site", ["site999999999999", "x"])
async def test_an_unknown_site_is_not_changed(admin: httpx.AsyncClient, site: str) -> None:
    """It is not there."""
    assert (await admin.patch(f"/api/sites/{site}", json={"rev": 1, "copies": "all"})).status_code == 404


async def test_what_its_line_carries_is_shown_while_its_node_is_there(admin: httpx.AsyncClient, world: World) -> None:
    """As the node says it; nothing where it is silent."""

    async def line() -> float | None:
        sites = (await admin.get("/api/sites")).json()["items"]
        found: float | None = next(site for site in sites if site["id"] == SITE.id)["line_mbps"]
        return found

    assert await line() is None
    world.parts.presence.take({"node": "n" * 16, "zone": SITE.slug, "line_mbps": 8})
    assert await line() == 8.0
    await world.clock.advance(11)
    assert await line() is None
