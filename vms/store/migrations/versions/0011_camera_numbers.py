"""Numbers of cameras, which stay. They are given where cameras are registered, by the next start there
(vms/store/numbers.py); a site's catalogue gets them with the cameras' rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has one yet."""
    op.add_column("cameras", sa.Column("number", sa.Integer(), nullable=True))
    op.create_index("uq_cameras_number", "cameras", ["number"], unique=True)
