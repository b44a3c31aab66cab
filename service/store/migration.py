"""The schema of the database, brought to what this version knows before anything is read."""

import secrets
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.errors import NewerStore, UnusableStore
from service.store.database import Database, reading, writing
from service.store.tables import HEAD_ROW, head

SCRIPTS = Path(__file__).parent / "migrations"
VERSION_TABLE = "watershed_schema"


def migrate(database: Database) -> None:
    """Bring the database to the newest schema; a new one also gets its name and revision 0.

    All of it is one transaction under a lock, so it happens once however many processes start, and
    an interrupted migration has not begun.

    Raises:
        NewerStore: its schema is not known to this version.
        UnusableStore: it is another program's database.
    """
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    with reading(database) as connection:
        # Almost always there is nothing to do, and then nobody who writes has to wait for it.
        if _check(connection, scripts) == set(scripts.get_heads()):
            return
    with writing(database) as connection:
        database.lock_schema(connection)
        _check(connection, scripts)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.execute(sa.select(head)).first() is None:
            epoch = secrets.token_hex(16)
            connection.execute(
                sa.insert(head).values(row=HEAD_ROW, epoch=epoch, revision=0, mark=epoch)
            )


def _check(connection: sa.Connection, scripts: ScriptDirectory) -> set[str]:
    """Which schema the database has; empty if none. Raises what `migrate` does."""
    options = {"version_table": VERSION_TABLE}
    found = MigrationContext.configure(connection, opts=options).get_current_heads()
    known = {script.revision for script in scripts.walk_revisions()}
    for revision in found:
        if revision not in known:
            raise NewerStore(revision, ", ".join(scripts.get_heads()))
    strangers = sa.inspect(connection).get_table_names() if not found else []
    if connection.dialect.name == "sqlite" and strangers:
        raise UnusableStore(
            f"the file holds tables of another program, such as `{strangers[0]}`; name another file"
        )
    return set(found)
