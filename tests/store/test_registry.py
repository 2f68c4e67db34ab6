"""Sites, nodes, stores and cameras in the catalogue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.conftest import Sql
from tests.store.samples import SITE, T0, camera
from vms.domain.camera import Site
from vms.domain.footage import Store, StoreKind
from vms.domain.node import Node
from vms.errors import CatalogueError, ConflictError, NotFoundError
from vms.store.catalogue import Catalogue


async def test_sites_are_kept(catalogue: Catalogue) -> None:
    """By id, by slug, listed by name; the greater rev wins."""
    kapuas = Site("k" * 16, "kapuas", "Kuala Kapuas", parent=SITE.id)
    assert await catalogue.sites.put(SITE)
    assert await catalogue.sites.put(kapuas)
    assert await catalogue.sites.list() == [kapuas, SITE]
    assert await catalogue.sites.by_slug("sampit") == SITE
    assert await catalogue.sites.get("x" * 16) is None
    assert not await catalogue.sites.put(replace(SITE, name="Other"))
    assert await catalogue.sites.put(replace(SITE, name="Kota Sampit", rev=2))
    assert (await catalogue.sites.get(SITE.id)) == replace(SITE, name="Kota Sampit", rev=2)


async def test_a_site_needs_its_own_slug_and_a_known_parent(catalogue: Catalogue) -> None:
    """A taken slug or an unknown parent is a conflict."""
    await catalogue.sites.put(SITE)
    with pytest.raises(ConflictError):
        await catalogue.sites.put(Site("o" * 16, "sampit", "Other"))
    with pytest.raises(ConflictError):
        await catalogue.sites.put(Site("o" * 16, "other", "Other", parent="x" * 16))


async def test_nodes_and_stores_are_kept(catalogue: Catalogue) -> None:
    """Small rows that others refer to by id or name."""
    node, store = Node("n" * 16, "pusat", None, T0), Store("home", StoreKind.FOLDER, "/srv/vms/objects")
    assert await catalogue.nodes.put(node)
    assert await catalogue.stores.put(store)
    assert await catalogue.nodes.list() == [node]
    assert await catalogue.stores.list() == [store]


async def test_cameras_come_back_whole(catalogue: Catalogue) -> None:
    """Streams, password and all; listed by slug, of one site or of all."""
    await catalogue.sites.put(SITE)
    second, first = camera("b"), camera("a", password="")
    second, first = await catalogue.cameras.add(second), await catalogue.cameras.add(first)
    assert (second.number, first.number) == (1, 2)
    assert await catalogue.cameras.list() == [first, second]
    assert await catalogue.cameras.list(site=SITE.id) == [first, second]
    assert await catalogue.cameras.list(site="x" * 16) == []
    assert await catalogue.cameras.get(second.id) == second
    assert await catalogue.cameras.get("x" * 16) is None


async def test_conflicts_of_cameras(catalogue: Catalogue) -> None:
    """A slug twice, an id twice and a site that does not exist are conflicts, and nothing is changed."""
    await catalogue.sites.put(SITE)
    one = await catalogue.cameras.add(camera())
    for bad in (camera(), one, replace(camera("other"), site="x" * 16)):
        with pytest.raises(ConflictError):
            await catalogue.cameras.add(bad)
    assert await catalogue.cameras.list() == [one]


async def test_update_needs_the_rev_before(catalogue: Catalogue) -> None:
    """Who read an older row may not overwrite a newer one."""
    await catalogue.sites.put(SITE)
    one = await catalogue.cameras.add(camera())
    changed = replace(one, name="Pasar Besar", password="baru", streams=one.streams[:1], rev=2)
    await catalogue.cameras.update(replace(changed, number=77))
    assert await catalogue.cameras.get(one.id) == changed
    with pytest.raises(ConflictError, match="changed meanwhile"):
        await catalogue.cameras.update(replace(one, name="late", rev=2))
    with pytest.raises(NotFoundError):
        await catalogue.cameras.update(replace(camera("none"), rev=2))
    assert await catalogue.cameras.get(one.id) == changed


async def test_removed_cameras_free_their_slug(catalogue: Catalogue) -> None:
    """The row stays for its footage, hidden, with its number; removing twice, or changing it then, finds nothing."""
    await catalogue.sites.put(SITE)
    one = await catalogue.cameras.add(camera())
    await catalogue.cameras.remove(one.id, T0 + 5)
    assert await catalogue.cameras.list() == []
    assert [c.deleted_ns for c in await catalogue.cameras.list(include_deleted=True)] == [T0 + 5]
    assert (await catalogue.cameras.add(camera(one.slug))).number == 2
    with pytest.raises(NotFoundError):
        await catalogue.cameras.remove(one.id, T0 + 6)
    with pytest.raises(NotFoundError):
        await catalogue.cameras.update(replace(one, rev=3))


async def test_passwords_are_sealed(catalogue: Catalogue, sql: Sql, tmp_path: Path) -> None:
    """No row and no file of the catalogue holds a password; moved to another camera's row it does not open."""
    await catalogue.sites.put(SITE)
    one, two = camera("one", password="rahasia-sekali"), camera("two", password="lain-lagi")
    one, two = await catalogue.cameras.add(one), await catalogue.cameras.add(two)
    for file in tmp_path.iterdir():
        assert b"rahasia-sekali" not in file.read_bytes()
    rows = sql("SELECT * FROM cameras")
    assert one.slug in rows
    assert "rahasia" not in rows
    assert b"rahasia".hex() not in rows
    sql(f"UPDATE cameras SET password = (SELECT password FROM cameras WHERE id = '{one.id}') WHERE id = '{two.id}'")
    assert (await catalogue.cameras.get(one.id)) == one
    with pytest.raises(CatalogueError, match="does not open"):
        await catalogue.cameras.get(two.id)


async def test_cameras_from_before_get_numbers_that_stay(catalogue: Catalogue, sql: Sql) -> None:
    """In the order of the lists, numbers in names as numbers; once, and after those that were given already."""
    await catalogue.sites.put(SITE)
    await catalogue.sites.put(Site("k" * 16, "kapuas", "Kapuas"))
    first = await catalogue.cameras.add(camera("first"))
    old = [camera(f"c{i}", name=name) for i, name in enumerate(("Pintu 10", "pintu 2", "Álun", "Bundaran"))]
    old[3] = replace(old[3], site="k" * 16)
    for one in old:
        await catalogue.cameras.add(one)
    sql(f"UPDATE cameras SET number = NULL WHERE id <> '{first.id}'")
    for _ in range(2):
        await catalogue.cameras.number_all()
        found = {one.name: (one.number, one.rev) for one in await catalogue.cameras.list()}
        assert found == {"Pasar": (1, 1), "Bundaran": (2, 2), "Álun": (3, 2), "pintu 2": (4, 2), "Pintu 10": (5, 2)}
    await catalogue.cameras.remove(old[0].id, T0)
    assert (await catalogue.cameras.add(camera("last"))).number == 6
