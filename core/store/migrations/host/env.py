"""Alembic's entry: runs the migrations of one tree over the connection that `core.store.migrate` hands in."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=False)
context.run_migrations()
