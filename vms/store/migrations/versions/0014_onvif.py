"""The ONVIF device of a camera, its patrol and the names of its presets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Cameras that are there have none."""
    op.add_column("cameras", sa.Column("onvif", sa.String(length=2048), nullable=False, server_default=""))
    op.add_column("cameras", sa.Column("ptz", sa.JSON(), nullable=False, server_default="{}"))
