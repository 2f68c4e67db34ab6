"""Alembic's entry: runs the migrations on the connection that vms/store/migrate.py hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from vms.store.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
