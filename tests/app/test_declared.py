"""`vms apply`: a file makes the system so, shows the difference first, and a second time finds nothing to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vms.cli.sheets import desk_of_all
from vms.declared.difference import Difference, difference
from vms.declared.file import read_declared
from vms.declared.make_so import make_so
from vms.domain.camera import CopyPolicy
from vms.domain.camera_url import AddressPolicy
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import EVERYTHING, Grant, PersonRole
from vms.errors import VmsError
from vms.settings import Settings
from vms.store.catalogue import Catalogue

FILE = """
http: 127.0.0.1:8080
sites:
  - {slug: kalteng, name: Kalimantan Tengah}
  - {slug: kotim, name: Kotawaringin Timur, parent: kalteng, copies: sub, longitude: 112.95, latitude: -2.53}
cameras:
  - {site: kotim, name: Pasar, main: rtsp://10.0.0.1/a, username: operator, password: rahasia-satu}
  - {site: Kotawaringin Timur, slug: kotim-dermaga, name: Dermaga, main: rtsp://10.0.0.2/a, record_main: no}
people:
  - {username: budi, name: Budi, grants: [{role: operator, site: kotim}]}
rules:
  - {name: Pasar putus, kinds: [camera_down], cameras: [kotim-pasar], sites: [kotim], priority: 1, min_duration_s: 60}
"""


@pytest.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[Catalogue]:
    """An installation with an admin and nothing else."""
    opened = await Catalogue.open(f"sqlite:///{tmp_path}/vms.db", key=bytes(32))
    await opened.people.put(Person(new_id(), "admin", "Admin", "x", grants=EVERYTHING.grants))
    yield opened
    await opened.close()


async def seen(catalogue: Catalogue, text: str, *, prune: bool = False) -> Difference:
    """The difference to the file."""
    desk = await desk_of_all(catalogue, AddressPolicy())
    return await difference(read_declared(text.encode(), Settings.model_fields), catalogue, desk, prune=prune)


async def applied(catalogue: Catalogue, text: str, *, prune: bool = False) -> dict[str, str]:
    """Make it so."""
    found = await seen(catalogue, text, prune=prune)
    assert found.refused == ()
    return await make_so(found, catalogue, "test", 1, lambda password: f"hash of {len(password)}")


async def test_a_file_makes_the_system_so_once(catalogue: Catalogue) -> None:
    """Sites below each other, cameras at them, people without passwords, rules by short names; then nothing to do."""
    first = await seen(catalogue, FILE)
    assert first.lines == (
        "+ site kalteng", "+ site kotim", "+ camera kotim-pasar", "+ camera kotim-dermaga", "+ person budi",
        "+ rule Pasar putus",
    )  # fmt: skip
    assert "rahasia" not in repr(first.lines)
    assert await catalogue.sites.list() == []
    passwords = await applied(catalogue, FILE)
    assert list(passwords) == ["budi"]
    sites = {site.slug: site for site in await catalogue.sites.list()}
    assert (sites["kotim"].parent, sites["kotim"].copies) == (sites["kalteng"].id, CopyPolicy.SUB)
    cameras = {camera.slug: camera for camera in await catalogue.cameras.list()}
    assert {camera.site for camera in cameras.values()} == {sites["kotim"].id}
    assert cameras["kotim-pasar"].password == "rahasia-satu"
    budi = await catalogue.people.by_username("budi")
    assert budi is not None
    assert (budi.grants, budi.must_change) == ((Grant(PersonRole.OPERATOR, sites["kotim"].id),), True)
    (rule,) = await catalogue.rules.list()
    assert (rule.cameras, rule.sites, rule.priority) == ((cameras["kotim-pasar"].id,), (sites["kotim"].id,), 1)
    assert (await seen(catalogue, FILE)).is_empty


async def test_changes_are_said_and_made(catalogue: Catalogue) -> None:
    """Only what differs, by its fields."""
    await applied(catalogue, FILE)
    changed = FILE.replace("name: Kotawaringin Timur", "name: Kotim").replace("site: Kotawaringin Timur", "site: kotim")
    changed = changed.replace("10.0.0.2/a", "10.0.0.2/b").replace("operator, site: kotim", "viewer, site: kalteng")
    changed = changed.replace("priority: 1", "priority: 3")
    assert (await seen(catalogue, changed)).lines == (
        "~ site kotim: name", "~ camera kotim-dermaga: streams", "~ person budi: grants",
        "~ rule Pasar putus: priority",
    )  # fmt: skip
    assert await applied(catalogue, changed) == {}
    assert (await seen(catalogue, changed)).is_empty


async def test_pruning_is_asked_for(catalogue: Catalogue) -> None:
    """Without it what the file has not stays; with it cameras and rules go, and accounts are closed."""
    await applied(catalogue, FILE)
    shorter = (
        "cameras:\n  - {site: kotim, name: Pasar, main: rtsp://10.0.0.1/a}\npeople:\n  - username: admin\nrules: []\n"
    )
    assert (await seen(catalogue, shorter)).is_empty
    assert (await seen(catalogue, "sites: []", prune=True)).is_empty
    found = await seen(catalogue, shorter, prune=True)
    assert found.lines == ("- camera kotim-dermaga", "~ person budi: enabled", "- rule Pasar putus")
    await applied(catalogue, shorter, prune=True)
    assert [camera.slug for camera in await catalogue.cameras.list()] == ["kotim-pasar"]
    assert (await seen(catalogue, shorter, prune=True)).is_empty


async def test_what_is_refused_is_said_with_its_line(catalogue: Catalogue) -> None:
    """Of cameras all that are; the file then does nothing (vms/cli/apply.py)."""
    found = await seen(catalogue, FILE.replace("rtsp://10.0.0.1/a", "file:///etc/passwd"))
    assert found.refused == ("line 7: The URL must begin with rtsp:// or rtsps://.",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sites:\n  - {slug: a, name: A, parent: nowhere}", "which is not there"),
        ("sites:\n  - {slug: A B, name: A}", "line 2: slug"),
        ("sites:\n  - {slug: a, name: A}\n  - {slug: a, name: B}", "line 3: slug 'a' is there already"),
        (
            "sites:\n  - {slug: a, name: A}\n  - {slug: b, name: B, parent: a}\n  - {slug: c, name: C, parent: c}",
            "not there",
        ),
        ("people:\n  - {username: budi, password: rahasia}", "line 2: password"),
        ("people:\n  - {username: budi, grants: [{role: king}]}", "line 2: grants.0.role"),
        ("people:\n  - {username: budi, grants: [{role: viewer, site: nowhere}]}", "names the site nowhere"),
        ("people:\n  - {username: admin, enabled: no}", "nobody would be admin"),
        ("rules:\n  - {name: a, kinds: [nonsense]}", "line 2: kinds.0"),
        ("rules:\n  - {name: a}", "needs a kind"),
        ("rules:\n  - {name: a, kinds: [camera_down], cameras: [x]}", "names x under cameras"),
        ("colours: []", "line 1: this key is not known"),
        ("sites: {}", "a list is wanted"),
        ("- a", "no mapping"),
        ("sites: !!python/name:os.system x", "tag"),
    ],
)
async def test_bad_files_are_refused_in_words(catalogue: Catalogue, text: str, words: str) -> None:
    """With the line where there is one, and no secret."""
    with pytest.raises(VmsError, match=words) as caught:
        await seen(catalogue, text)
    assert "rahasia" not in caught.value.message
