"""Who may do what: nothing without a grant, down the tree and never up, exceptions for cameras, ends in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vms.domain.rights import (
    EVERYTHING,
    GIVES,
    NOTHING,
    OF_CAMERAS,
    CameraException,
    Grant,
    Holding,
    PersonRole,
    Right,
    SiteTree,
    may_at,
    may_camera,
    may_somewhere,
    rights_everywhere,
    rights_somewhere,
    seen_sites,
    sees_camera,
)

TREE = SiteTree({"kalteng": None, "kotim": "kalteng", "sampit": "kotim", "kapuas": "kalteng"})
SITES = ("kalteng", "kotim", "sampit", "kapuas")
RIGHTS = st.sampled_from(list(Right))
GRANTS = st.builds(
    Grant,
    st.sampled_from(list(PersonRole)),
    st.sampled_from([None, *SITES, "gone"]),
    st.sampled_from([None, 5, 50]),
)
EXCEPTIONS = st.builds(
    CameraException,
    st.sampled_from(["a", "b"]),
    st.sampled_from(sorted(OF_CAMERAS)),
    st.booleans(),
    st.sampled_from([None, 5, 50]),
)
HOLDINGS = st.builds(Holding, st.lists(GRANTS, max_size=4).map(tuple), st.lists(EXCEPTIONS, max_size=4).map(tuple))


@given(RIGHTS, st.sampled_from([None, *SITES]))
def test_nothing_gives_nothing_and_everything_all(right: Right, site: str | None) -> None:
    """Deny by default; the admin of the whole tree has each right everywhere."""
    assert not may_at(NOTHING, right, site, TREE, 10)
    assert may_at(EVERYTHING, right, site, TREE, 10)
    assert not may_at(EVERYTHING, right, "unknown", TREE, 10)


@given(HOLDINGS, RIGHTS)
def test_rights_go_down_the_tree_and_never_up(holding: Holding, right: Right) -> None:
    """What one has on a site one has on all below it; what one has on everything one has on each."""
    for site in SITES:
        if may_at(holding, right, site, TREE, 10):
            below = [other for other in SITES if site in TREE.up(other)]
            assert all(may_at(holding, right, other, TREE, 10) for other in below)
    if may_at(holding, right, None, TREE, 10):
        assert all(may_at(holding, right, site, TREE, 10) for site in SITES)


@given(HOLDINGS, GRANTS, RIGHTS, st.sampled_from(SITES))
def test_a_grant_more_takes_nothing(holding: Holding, more: Grant, right: Right, site: str) -> None:
    """Grants only add."""
    larger = Holding((*holding.grants, more), holding.exceptions)
    assert may_camera(larger, right, "a", site, TREE, 10) >= may_camera(holding, right, "a", site, TREE, 10)


@given(HOLDINGS, RIGHTS, st.sampled_from(["a", "b", "c"]), st.sampled_from(SITES))
def test_who_may_on_a_camera_may_somewhere(holding: Holding, right: Right, camera: str, site: str) -> None:
    """What a page shows because there is something to it is never less than what a camera gives."""
    if may_camera(holding, right, camera, site, TREE, 10):
        assert may_somewhere(holding, right, 10)
        assert right in rights_somewhere(holding, 10)


@given(HOLDINGS, st.sampled_from(sorted(OF_CAMERAS)))
def test_what_is_taken_is_stronger(holding: Holding, right: Right) -> None:
    """An exception that takes wins over one that gives, and over every role; it concerns its camera alone."""
    taken = Holding(holding.grants, (*holding.exceptions, CameraException("a", right, allow=False)))
    assert not may_camera(taken, right, "a", "sampit", TREE, 10)
    assert may_camera(taken, right, "b", "sampit", TREE, 10) == may_camera(holding, right, "b", "sampit", TREE, 10)


@given(HOLDINGS)
def test_seen_cameras_stand_at_seen_sites(holding: Holding) -> None:
    """Whoever sees a camera sees its site and those above it; nobody with nothing sees anything."""
    cameras = {"a": "sampit", "b": "kapuas"}
    seen = seen_sites(holding, TREE, SITES, cameras, 10)
    for camera, site in cameras.items():
        if sees_camera(holding, camera, site, TREE, 10):
            assert set(TREE.up(site)) <= seen
    assert not seen_sites(NOTHING, TREE, SITES, cameras, 10)


def test_ends_hold_to_the_nanosecond() -> None:
    """Until its end, and not at it."""
    holding = Holding((Grant(PersonRole.VIEWER, "sampit", 100),), (CameraException("b", Right.PTZ, True, 100),))
    assert may_camera(holding, Right.LIVE, "a", "sampit", TREE, 99)
    assert not may_camera(holding, Right.LIVE, "a", "sampit", TREE, 100)
    assert may_camera(holding, Right.PTZ, "b", "kapuas", TREE, 99)
    assert not may_camera(holding, Right.PTZ, "b", "kapuas", TREE, 100)


def test_a_circle_of_sites_is_no_endless_way() -> None:
    """Bad rows cost nobody a thread."""
    circle = SiteTree({"a": "b", "b": "a"})
    assert list(circle.up("a")) == ["a", "b"]
    assert may_at(Holding((Grant(PersonRole.VIEWER, "b"),)), Right.LIVE, "a", circle, 0)


def test_roles_are_as_they_are_described() -> None:
    """A viewer only watches, an auditor only reads the log, an admin may all; nobody but admins administers."""
    assert GIVES[PersonRole.VIEWER] == {Right.LIVE}
    assert GIVES[PersonRole.AUDITOR] == {Right.AUDIT}
    assert GIVES[PersonRole.ADMIN] == set(Right)
    assert [role for role, given in GIVES.items() if Right.ADMIN in given] == [PersonRole.ADMIN]
    assert Right.EXPORT not in GIVES[PersonRole.OPERATOR]


@given(HOLDINGS)
def test_rights_everywhere_are_those_on_every_site(holding: Holding) -> None:
    """A page may offer what asks for a right everywhere to whom it is given, and to nobody else."""
    found = rights_everywhere(holding, 10)
    assert found == {right for right in Right if may_at(holding, right, None, TREE, 10)}
    assert found <= rights_somewhere(holding, 10)
    assert all(may_at(holding, right, site, TREE, 10) for right in found for site in SITES)
    assert rights_everywhere(EVERYTHING, 10) == set(Right)
