"""Alembic's entry: runs the migrations on the connection that `migrate.upgrade` has opened."""

from alembic import context

from keiki_host.headend import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    transactional_ddl=True,
)
context.run_migrations()
