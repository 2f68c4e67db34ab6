"""Map tiles of the installation's own: a folder of Z/X/Y.png. Blocks on the file system: call it on a thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ZOOM_MAX = 22
_BYTES_MAX = 4 << 20


@dataclass(frozen=True)
class MapTiles:
    """`folder`: None where there are none; `attribution`: whom they are by."""

    folder: Path | None = None
    attribution: str = ""

    def zooms(self) -> tuple[int, int] | None:
        """The first and the last zoom that has a folder; None where none has."""
        if self.folder is None:
            return None
        try:
            names = [entry.name for entry in self.folder.iterdir() if entry.is_dir()]
        except OSError:
            return None
        found = [int(name) for name in names if name.isascii() and name.isdigit() and int(name) <= ZOOM_MAX]
        return (min(found), max(found)) if found else None

    def read(self, zoom: int, x: int, y: int) -> bytes | None:
        """The PNG of a tile; None where there is none, or what is there lies outside the folder."""
        if self.folder is None:
            return None
        try:
            root = self.folder.resolve()
            path = (root / str(zoom) / str(x) / f"{y}.png").resolve()
            if not path.is_relative_to(root) or not path.is_file() or path.stat().st_size > _BYTES_MAX:
                return None
            return path.read_bytes()
        except (OSError, ValueError, RuntimeError):
            return None
