"""What of two sides is the same, and what has yet to be brought: rows and objects."""

from __future__ import annotations

from pathlib import Path

from recorder.moving_objects import Objects, to_bring
from recorder.moving_rows import difference
from vms.objects.base import ObjectInfo
from vms.objects.folder import FolderStore


def run(ident: str, rev: int, why: str = "") -> dict[str, object]:
    """A row with a rev."""
    return {"id": ident, "rev": rev, "why": why}


def test_rows_that_are_missing_or_older_are_written() -> None:
    """What was changed here since stays; what only this side has is named."""
    old = [run("a", 1), run("b", 2), run("c", 2), run("d", 2, "x")]
    new = [run("b", 1), run("c", 3), run("d", 2, "y"), run("e", 1)]
    found = difference("gaps", old, new)
    assert [row["id"] for row in found.write] == ["a", "b", "d"]
    assert found.extra == (("e",),)
    assert [row["id"] for row, _ in found.fine] == ["c"]


def test_objects_that_are_there_are_not_brought_again() -> None:
    """By key and size; another size is another object."""

    def infos(*pairs: tuple[str, int]) -> list[ObjectInfo]:
        return [ObjectInfo(key, size, 0) for key, size in pairs]

    old, new = infos(("a", 1), ("b", 2), ("d", 4)), infos(("a", 1), ("b", 3), ("c", 1), ("e", 1))
    assert [(info.key, absent) for info, absent in to_bring(iter(old), iter(new))] == [
        ("a", False),
        ("b", True),
        ("d", True),
    ]


async def test_a_damaged_object_is_brought_as_it_is(tmp_path: Path) -> None:
    """And named; the others are whole."""
    old, new = FolderStore("home", tmp_path / "old"), FolderStore("home", tmp_path / "new")
    for name in ("a", "b"):
        old.put_bytes(f"footage/{name}.mp4", name.encode() * 9, metadata={"x": name}, content_type="video/mp4")
    old.file("footage/b.mp4").write_bytes(b"c" * 9)
    told = await Objects(old, new, lambda _told: None, workers=1, lock_days=1).bring()
    assert (told.brought, told.damaged, told.bad) == (2, ["footage/b.mp4"], [])
    assert new.stat("footage/a.mp4") == old.stat("footage/a.mp4")
    assert new.get("footage/b.mp4") == b"c" * 9
    again = await Objects(old, new, lambda _told: None, workers=1, lock_days=1).bring()
    assert (again.brought, again.there) == (0, 2)
