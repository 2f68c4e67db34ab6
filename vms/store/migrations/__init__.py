"""Alembic migrations of the catalogue; `vms/store/migrate.py` runs them."""
