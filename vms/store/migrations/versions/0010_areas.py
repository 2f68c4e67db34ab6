"""Areas and masks of a camera, and whether its pictures are looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Cameras that are there have none, and are looked at."""
    op.add_column("cameras", sa.Column("areas", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("cameras", sa.Column("masks", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("cameras", sa.Column("analysis", sa.Boolean(), nullable=False, server_default=sa.text("true")))
