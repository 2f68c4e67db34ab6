"""Layouts and views: shapes, their JSON, and what is neither."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.domain.layout import STANDARD, Layout, Tile, layout_of
from vms.domain.view import View
from vms.errors import InputError


def test_standard_layouts_leave_no_cell_empty() -> None:
    """As many tiles as their names say, over all of a square grid; the large ones first."""
    for name, layout in STANDARD.items():
        assert len(layout.tiles) == int(name)
        assert sum(tile.w * tile.h for tile in layout.tiles) == layout.columns * layout.rows
        assert layout.as_json() == {"grid": name}
        assert max(layout.tiles, key=lambda tile: tile.w) == layout.tiles[0]
    assert STANDARD["13"].tiles[0] == Tile(1, 1, 2, 2)
    assert STANDARD["10"].tiles[:2] == (Tile(0, 0, 2, 2), Tile(2, 0, 2, 2))


cells = st.builds(Tile, st.integers(-1, 6), st.integers(-1, 6), st.integers(0, 4), st.integers(0, 4))


@given(st.integers(0, 6), st.integers(0, 6), st.lists(cells, max_size=6))
def test_a_layout_comes_back_or_is_refused(columns: int, rows: int, tiles: list[Tile]) -> None:
    """What is taken lies inside, overlaps nowhere and survives its JSON; all else is an InputError of its field."""
    try:
        layout = Layout(columns, rows, tuple(tiles))
    except InputError:
        with pytest.raises(InputError) as refused:
            Layout(columns, rows, tuple(tiles))
        assert refused.value.field == "layout"
        return
    assert layout_of(layout.as_json()) == layout
    assert all(not a.overlaps(b) for i, a in enumerate(tiles) for b in tiles[:i])
    assert all(tile.x + tile.w <= columns and tile.y + tile.h <= rows for tile in tiles)


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(allow_nan=False)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@given(st.dictionaries(st.sampled_from(["grid", "columns", "rows", "tiles", "x"]), values, max_size=4))
def test_no_json_breaks_it(value: dict[str, Any]) -> None:
    """A Layout or an InputError, never another error."""
    with contextlib.suppress(InputError):
        assert layout_of(value).tiles


def test_a_view_has_a_camera_or_nothing_per_tile() -> None:
    """No more and no fewer; who sees it, and who may take it back from others."""
    one = STANDARD["1"]
    for cameras in ((), (None, None), ("x",), ("../../etc/passwd0",)):
        with pytest.raises(InputError):
            View("v" * 16, "V", "a" * 16, one, cameras)
    private = View("v" * 16, "V", "a" * 16, one, (None,))
    shared = View("v" * 16, "V", "a" * 16, one, ("c" * 16,), shared=True)
    assert [view.is_seen_by("a" * 16) for view in (private, shared)] == [True, True]
    assert [view.is_seen_by("b" * 16) for view in (private, shared)] == [False, True]
    assert [shared.may_be_hidden_by(person * 16) for person in "ab"] == [True, False]
