"""Names for printing: `Pasar Besar, Sampit` becomes `pasar-besar-sampit`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

MAX_CHARS = 60


def slugify(text: str) -> str:
    """Lower-case ASCII letters, digits and single hyphens, at most 60 characters; `camera` where nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_CHARS].strip("-")
    return slug or "camera"


def free_slug(wanted: str, taken: Container[str]) -> str:
    """The slug, or the first of `slug-2`, `slug-3`, … that is not taken."""
    if wanted not in taken:
        return wanted
    number = 2
    while (candidate := f"{wanted[: MAX_CHARS - 6]}-{number}") in taken:
        number += 1
    return candidate
