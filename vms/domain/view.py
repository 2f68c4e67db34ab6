"""Views: a Layout with a Camera per Tile, kept by a name, private or shared. Who may do what with one is decided here,
until roles come, by owner alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from vms.domain.ids import is_id
from vms.domain.layout import Layout
from vms.errors import InputError

FOLDER_MAX = 200
FOLDERS_DEEP = 4


@dataclass(frozen=True, slots=True)
class View:
    """`folder` is a path of names joined by `/`, empty at the top; `owner` a Person's id; `cameras` one id, or None,
    per Tile of the layout: a camera may have been removed since. InputError (field `cameras`) where they do not fit."""

    id: str
    name: str
    owner: str
    layout: Layout
    cameras: tuple[str | None, ...]
    folder: str = ""
    shared: bool = False
    changed_ns: int = 0
    rev: int = 1

    def __post_init__(self) -> None:
        if len(self.cameras) != len(self.layout.tiles):
            raise InputError(
                f"The layout has {len(self.layout.tiles)} tiles: name a camera, or null, for each.", field="cameras"
            )
        if not all(camera is None or is_id(camera) for camera in self.cameras):
            raise InputError("A camera is named by its id.", field="cameras")

    def is_seen_by(self, person: str) -> bool:
        """Whether the Person may show it, and change it: its owner, and everyone where it is shared."""
        return self.shared or self.owner == person

    def may_be_hidden_by(self, person: str) -> bool:
        """Whether the Person may take it back from the others: the owner alone, it would be lost to anybody else."""
        return self.owner == person
