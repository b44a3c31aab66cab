"""The schema: made once, whole or not at all, never by a version that does not know it."""

import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from stores import WORLD, administering, opened, same_facts, seeded
from worlds import directory_of

from service.errors import NewerStore, StoreUnavailable, UnusableStore
from service.store import migration, opening
from service.store.tables import metadata

ROOT = Path(__file__).parent.parent


def tables(address):
    with administering(address) as connection:
        return {
            name
            for name in sa.inspect(connection).get_table_names()
            if name.startswith("watershed")
        }


def shape(address):
    """Everything there is, as the database itself tells it."""
    with administering(address) as connection:
        inspector = sa.inspect(connection)
        return {
            name: (
                sorted(str(column) for column in inspector.get_columns(name)),
                sorted(map(str, inspector.get_indexes(name))),
                inspector.get_pk_constraint(name)["constrained_columns"],
            )
            for name in tables(address)
        }


def test_the_migrations_make_the_tables_that_the_store_uses(address):
    with opened(address):
        pass
    with administering(address) as connection:
        options = {"version_table": migration.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)

        assert [] == compare_metadata(context, metadata)


def test_a_second_start_changes_nothing(address):
    with seeded(address) as store:
        before, epoch = shape(address), store.head().epoch
    with opened(address) as store:
        assert (before, epoch, 1) == (shape(address), store.head().epoch, store.revision())


def test_a_migration_that_is_interrupted_at_any_statement_ends_the_same_when_run_again(address):
    class Interrupted(BaseException):
        pass

    database = opening.database_at(address)
    statements = 0

    def interrupt(connection, cursor, statement, *_):
        nonlocal left, statements
        if statement.lstrip().upper().startswith(("CREATE", "INSERT", "ALTER", "UPDATE")):
            statements += 1
            left -= 1
            if left < 0:
                raise Interrupted

    sa.event.listen(database.engine, "before_cursor_execute", interrupt)
    finished, interruptions = False, 0
    while not finished:
        left = interruptions
        try:
            migration.migrate(database)
            finished = True
        except Interrupted:
            interruptions += 1
            assert set() == tables(address)
    sa.event.remove(database.engine, "before_cursor_execute", interrupt)
    database.close()

    assert 8 <= interruptions
    with seeded(address) as store:
        assert same_facts(directory_of(WORLD), store.directory())
        assert [] == store.verify()


def test_of_several_that_start_at_once_one_migrates(address):
    def start(_):
        with opened(address) as store:
            return store.head().epoch

    with ThreadPoolExecutor(6) as pool:
        assert 1 == len(set(pool.map(start, range(6))))
    with administering(address) as connection:
        assert 1 == connection.exec_driver_sql("SELECT count(*) FROM watershed_schema").scalar()
        assert 1 == connection.exec_driver_sql("SELECT count(*) FROM watershed_head").scalar()


def test_a_database_that_a_newer_version_has_migrated_is_refused_and_left_alone(address):
    with seeded(address):
        pass
    with administering(address) as connection:
        connection.exec_driver_sql("UPDATE watershed_schema SET version_num = '9999'")
    before = shape(address)

    with pytest.raises(NewerStore, match=r"`9999`.* up to `0001`"), opened(address):
        pass
    assert before == shape(address)


# Where nothing can be kept


def refused(address, error=UnusableStore):
    with pytest.raises(error) as refusal, opened(address):
        pass
    return str(refusal.value)


def test_the_database_of_another_program_is_refused(tmp_path):
    address = f"sqlite:///{tmp_path / 'theirs.db'}"
    with administering(address) as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (id integer)")

    assert "`theirs`" in refused(address)
    assert set() == tables(address)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam, " * 100)

    assert "not a database" in refused(f"sqlite:///{path}")
    assert path.read_text().startswith("Dear Sir")


def test_places_that_cannot_hold_a_file_are_named(tmp_path):
    assert "`" in refused(f"sqlite:///{tmp_path / 'nowhere' / 'facts.db'}")
    assert "is a folder" in refused(f"sqlite:///{tmp_path}")


def test_a_folder_that_cannot_be_written_is_refused():
    # Everybody may write everywhere as root, but nobody can make a file in /proc.
    message = refused("sqlite:////proc/facts.db", (UnusableStore, StoreUnavailable))

    assert "/proc" in message or "unable to open" in message


def test_a_network_file_system_is_told_from_a_local_one(tmp_path):
    from service.store import sqlite

    device = tmp_path.stat().st_dev
    line = f"36 35 {device >> 8}:{device & 255} / /mnt rw,noatime shared:1 - nfs4 host:/data rw\n"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(line)

    assert "nfs4" == sqlite._file_system(tmp_path, mounts)
    assert "" == sqlite._file_system(tmp_path, tmp_path / "none")


SECRET = "swordf1sh"


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://watershed:{SECRET}@127.0.0.1:1/facts",
        f"postgres://watershed:{SECRET}@host.invalid/facts",
        f"postgresql://watershed:{SECRET}@more@host/facts",
        f"postgresql://watershed:{SECRET}:@host:port/facts",
        f"postgresql://watershed:{SECRET}/x@host/facts",
        f"postgresql://127.0.0.1:1/facts?password={SECRET}",
        f"postgresql://127.0.0.1:1/facts?{SECRET}=1",
        f"postgresql+{SECRET}://127.0.0.1/facts",
        f"mysql://watershed:{SECRET}@127.0.0.1/facts",
        f"watershed:{SECRET}@127.0.0.1/facts",
        f"sqlite://{SECRET}/facts.db",
    ],
)
def test_no_error_repeats_a_password(address, caplog, capfd):
    message = refused(address, (UnusableStore, StoreUnavailable))

    assert message
    assert SECRET not in message + caplog.text + "".join(capfd.readouterr())


def test_a_wrong_password_is_told_and_not_repeated(postgresql_server, caplog):
    address = postgresql_server.new_schema().replace("swordfish", SECRET)
    message = refused(address, StoreUnavailable)

    assert "password" in message
    assert SECRET not in message + caplog.text


def test_nothing_that_is_printed_of_a_store_tells_where_it_is(postgresql_server):
    with opened(postgresql_server.new_schema()) as store:
        parts = [store, store._database, store._database.engine, store._database.engine.url]
        assert "swordfish" not in "".join(map(repr, parts)) + "".join(map(str, parts))


def test_the_wheel_brings_the_migrations(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")

    names = zipfile.ZipFile(wheel).namelist()
    assert "service/store/migrations/env.py" in names
    assert "service/store/migrations/versions/0001_facts_and_log.py" in names
