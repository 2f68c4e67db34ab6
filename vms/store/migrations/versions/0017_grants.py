"""Grants and exceptions of people: who is there already was allowed everything, and stays so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every account becomes an admin of the whole tree."""
    op.add_column("people", sa.Column("grants", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("people", sa.Column("exceptions", sa.JSON(), nullable=False, server_default="[]"))
    op.execute(sa.text("""UPDATE people SET grants = '[{"role": "admin", "site": null, "until_ns": null}]'"""))
