"""The catalogue: the only SQL of the project. SQLAlchemy 2 on SQLite or PostgreSQL, one module per noun."""

from __future__ import annotations

from vms.store.catalogue import Catalogue

__all__ = ["Catalogue"]
