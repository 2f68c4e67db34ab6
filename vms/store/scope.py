"""What of a list somebody may see, as a condition on rows that name a Camera, a Site, or neither."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, and_, or_


@dataclass(frozen=True, slots=True)
class Scope:
    """Rows of these Cameras, and rows of these Sites that name no Camera; rows that name neither are left out. Removed
    Cameras are in it as others are."""

    cameras: Collection[str]
    sites: Collection[str] = ()


def within(table: Table, scope: Scope) -> ColumnElement[bool]:
    """The condition; a table without a Site has rows of Cameras alone."""
    of_cameras: ColumnElement[bool] = table.c.camera.in_(list(scope.cameras))
    if "site" not in table.c:
        return of_cameras
    return or_(of_cameras, and_(table.c.camera.is_(None), table.c.site.in_(list(scope.sites))))
