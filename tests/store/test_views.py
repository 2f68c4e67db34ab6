"""Views in the catalogue: kept whole, changed by rev, seen by whom they concern, and only where settings are made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.store.conftest import NewUrl
from tests.store.samples import T0
from vms.domain.layout import STANDARD, Layout, Tile
from vms.domain.person import Person
from vms.domain.view import View
from vms.errors import ConflictError, ForbiddenError, NotFoundError
from vms.store.catalogue import Catalogue
from vms.store.notes import OutboxOptions, Role

ANI, BUDI = Person("a" * 16, "ani", "Ani", "x"), Person("b" * 16, "budi", "Budi", "x")
FREE = Layout(3, 2, (Tile(0, 0, 2, 2), Tile(2, 1)))
MINE = View("v" * 16, "Sungai", ANI.id, FREE, ("c" * 16, None), "Malam", changed_ns=T0)
SHARED = View("w" * 16, "Semua", BUDI.id, STANDARD["4"], (None,) * 4, shared=True)


async def test_views_are_kept_whole(catalogue: Catalogue) -> None:
    """Layouts of both kinds, empty tiles, by folder and name; a stale change and a missing owner are conflicts."""
    for person in (ANI, BUDI):
        await catalogue.people.put(person)
    await catalogue.views.add(MINE)
    await catalogue.views.add(SHARED)
    assert await catalogue.views.list() == [SHARED, MINE]
    assert await catalogue.views.list(BUDI.id) == [SHARED]
    changed = replace(MINE, name="Dermaga", layout=STANDARD["1"], cameras=(None,), rev=2)
    await catalogue.views.update(changed)
    for stale in (replace(MINE, rev=2), replace(MINE, rev=4)):
        with pytest.raises(ConflictError):
            await catalogue.views.update(stale)
    with pytest.raises(ConflictError):
        await catalogue.views.add(replace(SHARED, id="x" * 16, owner="n" * 16))
    assert (await catalogue.views.get(MINE.id), await catalogue.views.count_of(ANI.id)) == (changed, 1)
    for _ in range(2):
        await catalogue.views.set_favourite(BUDI.id, SHARED.id, wanted=True)
    assert await catalogue.views.favourites(BUDI.id) == {SHARED.id}
    with pytest.raises(ConflictError):
        await catalogue.views.remove(SHARED.id, rev=9)
    await catalogue.views.remove(SHARED.id, rev=1)
    assert await catalogue.views.favourites(BUDI.id) == set()
    with pytest.raises(NotFoundError):
        await catalogue.views.remove(SHARED.id)
    with pytest.raises(NotFoundError):
        await catalogue.views.set_favourite(BUDI.id, SHARED.id, wanted=True)


async def test_a_site_keeps_no_views(new_url: NewUrl) -> None:
    """They are kept at the center: a site's node refuses in words and goes on."""
    site = await Catalogue.open(new_url("site"), key=b"k" * 32, outbox=OutboxOptions(Role.SITE))
    with pytest.raises(ForbiddenError) as refused:
        await site.views.add(MINE)
    assert refused.value.reason == "set_at_center"
    assert await site.views.list() == []
    await site.close()
