"""What Alembic runs for each command: the steps, on the connection that was handed over."""

from alembic import context

from rota.ledger.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
