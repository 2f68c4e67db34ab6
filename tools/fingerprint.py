"""Fingerprints of file contents, so that a step runs again only when what it reads has changed.

Standard library only. Modification times play no part: a fresh checkout or a touched file changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

SKIPPED_FOLDERS = frozenset({"node_modules", ".svelte-kit", "dist", "coverage", "paraglide", ".vite"})


def of_text(*parts: str) -> str:
    """SHA-256 (hex) of texts, in order and length-prefixed, so that no two lists of texts collide."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def of_paths(root: Path, paths: Iterable[Path]) -> str:
    """SHA-256 (hex) over names relative to `root` and contents of files and, walked in order, of folders."""
    digest = hashlib.sha256()
    for path in sorted(_files(paths)):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.name in SKIPPED_FOLDERS:
            continue
        if path.is_file():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
            yield from (Path(folder) / name for name in names)
