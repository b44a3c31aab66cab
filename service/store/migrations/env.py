"""Called by Alembic for each run of the scripts beside it, in the transaction that is open."""

from alembic import context

from service.store.migration import VERSION_TABLE

# Both databases take back a table that was made in a transaction which did not end well.
context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
