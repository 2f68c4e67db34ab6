"""Whose pictures a line that is too thin for all goes on carrying."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Cameras that are there are as important as each other."""
    op.add_column("cameras", sa.Column("priority", sa.String(length=8), nullable=False, server_default="normal"))
