"""Followers: hints may be lost, revisions may not, and what is too old is not answered from."""

import os
import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import postgresql
import psycopg
import pytest
from stores import WORLD, back_up, opened, put_user, restore, same_facts, seeded, write
from worlds import directory_of

from service.errors import FactsTooOld, StoreUnavailable
from service.store.followed import Followed

SECONDS = 20
"""How long something that must happen is waited for, on however slow a machine."""


@contextmanager
def following(store, most_age_seconds=60.0, **options):
    followed = Followed(store, store.newest(), most_age_seconds, **options)
    followed.start()
    yield followed
    followed.stop()


def eventually(claim):
    """Whether a claim becomes true in time; an error that says no is one that may pass."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if claim():
            return True
        time.sleep(0.01)
    return False


def refuses(followed):
    try:
        followed.snapshot()
    except FactsTooOld:
        return True
    return False


@pytest.fixture(scope="module")
def own_server():
    """A server that a test may hang and kill, as long as it brings it back."""
    if postgresql.binaries() is None:
        pytest.skip("there is no PostgreSQL server here: apt-get install postgresql")
    server = postgresql.Server(durable=False)
    yield server
    server.stop()


def test_a_snapshot_is_the_same_object_for_as_long_as_nothing_changes(address):
    with seeded(address) as store, following(store, poll_seconds=0.05) as followed:
        first = followed.snapshot()
        time.sleep(0.3)
        assert followed.snapshot() is first
        write(store, put_user("zoe"))
        assert followed.wait_for(2, SECONDS)
        assert followed.snapshot() is not first
        assert followed.snapshot() is followed.snapshot()


def test_facts_that_have_come_to_rest_are_gathered(address, monkeypatch):
    monkeypatch.setattr("service.store.followed.QUIET_SECONDS", 0.2)
    with seeded(address) as store, following(store, poll_seconds=0.05) as followed:
        write(store, *(put_user(f"u{number}") for number in range(40)))
        write(store, put_user("zoe"))
        assert followed.wait_for(3, SECONDS)

        assert eventually(lambda: type(followed.snapshot().kinds["user"]) is dict)
        assert same_facts(store.directory(), followed.snapshot())
        write(store, put_user("yan"))
        assert followed.wait_for(4, SECONDS)
        assert same_facts(store.directory(), followed.snapshot())


def test_what_another_process_writes_arrives_by_itself(address):
    with seeded(address) as store, opened(address) as other, following(other) as followed:
        for number in range(10):
            revision = write(store, put_user(f"u{number}")).revision
            # Nobody waits with `wait_for` here, which would make the follower look.
            assert eventually(lambda: followed.snapshot().revision == revision)  # noqa: B023
        assert same_facts(store.directory(), followed.snapshot())


def test_a_follower_sees_revisions_only_grow_and_each_as_it_was(address):
    with seeded(address) as store, opened(address) as other, following(other) as followed:
        seen, done = [followed.snapshot()], threading.Event()

        def watch():
            while not done.is_set():
                if (snapshot := followed.snapshot()) is not seen[-1]:
                    seen.append(snapshot)

        watcher = threading.Thread(target=watch)
        watcher.start()
        for number in range(30):
            write(store, put_user(f"u{number}-a"), put_user(f"u{number}-b"))
        assert followed.wait_for(31, SECONDS)
        done.set()
        watcher.join()

        revisions = [directory.revision for directory in seen]
        assert revisions == sorted(set(revisions))
        for directory in seen:
            assert same_facts(store.directory(directory.revision), directory)


class Deaf:
    """A store whose hints never arrive."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def await_hint(self, seconds):
        time.sleep(seconds)


def test_the_same_revision_of_another_history_has_another_mark(address, tmp_path):
    """What an ETag is made of: a revision alone could name other facts after a restore."""
    marks = set()
    for place in (address, f"sqlite:///{tmp_path}/other.db"):
        with seeded(place) as store, following(store) as followed:
            known = followed.known()
            assert (1, store.head().mark) == (known.revision, known.mark)
            marks.add(known.mark)

    assert 2 == len(marks)


class Laborious(Deaf):
    """A store that takes until it is told to read what is new."""

    def __init__(self, store):
        super().__init__(store)
        self.go_on = threading.Event()
        self.go_on.set()

    def newest(self):
        self.go_on.wait(SECONDS)
        return self._store.newest()


def test_what_is_known_to_be_outdated_is_answered_from_until_it_is_too_old_and_no_longer(address):
    """Also while what came instead is read, or a right would outlive the age by the reading."""
    with seeded(address) as store, opened(address) as other:
        laborious = Laborious(other)
        with following(laborious, most_age_seconds=1.0, poll_seconds=0.05) as followed:
            laborious.go_on.clear()
            store.replace(directory_of({}), caller="tests")
            assert eventually(lambda: followed.known().reading_seconds > 0)
            assert eventually(lambda: refuses(followed))

            known = followed.known()
            assert (1, 2, False) == (known.revision, known.newest, known.usable)
            assert 0 < known.reading_seconds <= known.age_seconds
            with pytest.raises(FactsTooOld, match=r"at revision 1, .*: revision 2 is being read"):
                followed.snapshot()

            laborious.go_on.set()
            assert eventually(lambda: not refuses(followed))
            assert eventually(lambda: followed.known().reading_seconds == 0)
            assert 2 == followed.snapshot().revision


def test_a_world_of_which_most_has_changed_is_read_as_it_is(address):
    """Anew, which costs less; and to the same facts as the changes of it one by one."""
    users = {f"u{number}": {"memberships": {"D": "agent"}} for number in range(7_000)}
    others = {f"v{number}": {"memberships": {"D": "guest"}} for number in range(7_000)}
    with seeded(address, {**WORLD, "users": users}) as store, opened(address) as other:
        assert 1 == other.newest().position.revision

        store.replace(directory_of({**WORLD, "users": others}), caller="tests")
        write(store, put_user("zoe"))

        assert 3 == other.newest().position.revision
        assert same_facts(store.newest().directory, other.newest().directory)
        write(other, {"op": "remove_user", "user": "v1"})
        assert same_facts(other.newest().directory, store.newest().directory)


def test_without_any_hint_everything_arrives_by_looking(address):
    with (
        seeded(address) as store,
        opened(address) as other,
        following(Deaf(other), poll_seconds=0.3) as followed,
    ):
        for number in range(3):
            revision = write(store, put_user(f"u{number}")).revision
            assert eventually(lambda: followed.snapshot().revision == revision)  # noqa: B023


def test_whoever_trusts_hints_alone_misses_what_is_sent_while_the_listener_is_cut(own_server):
    address = own_server.new_database()
    with seeded(address) as store, opened(address) as other, following(other) as followed:
        # A follower that reads when it is told to, and at no other time.
        naive = psycopg.connect(address, autocommit=True)
        naive.execute("LISTEN watershed_revision")
        naive_revision = other.revision()

        name = address.rpartition("/")[2]
        for _ in range(3):
            with own_server.connect() as administrator:
                administrator.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = %s AND query LIKE 'LISTEN%%'",
                    [name],
                )
            revision = write(store, put_user("zoe", name=str(time.time()))).revision
            naive.close()
            naive = psycopg.connect(address, autocommit=True)  # it comes back as quickly as it can
            naive.execute("LISTEN watershed_revision")
            for hint in naive.notifies(timeout=0.5):
                naive_revision = int(hint.payload)
            assert eventually(lambda: followed.snapshot().revision == revision)  # noqa: B023

        assert naive_revision < revision
        assert followed.known().problem is None
        naive.close()


def test_whoever_asks_for_greater_numbers_of_a_sequence_misses_a_change(own_server):
    address = own_server.new_database()
    with (
        psycopg.connect(address, autocommit=True) as reader,
        psycopg.connect(address) as slow,
        psycopg.connect(address) as quick,
    ):
        reader.execute("CREATE TABLE naive (number bigserial PRIMARY KEY, what text)")
        slow.execute("INSERT INTO naive (what) VALUES ('revoke')")
        quick.execute("INSERT INTO naive (what) VALUES ('grant')")
        quick.commit()
        last = reader.execute("SELECT max(number) FROM naive").fetchone()[0]
        slow.commit()

        assert [] == reader.execute("SELECT * FROM naive WHERE number > %s", [last]).fetchall()

    # Revisions are given out under a lock that is held until the commit.
    with seeded(address) as store, opened(address) as other:
        collected, done = [1], threading.Event()

        def collect():
            while not (done.is_set() and collected[-1] == store.revision()):
                collected.extend(entry.revision for entry in store.log(collected[-1], 100))

        collector = threading.Thread(target=collect)
        collector.start()
        writers = [
            threading.Thread(
                target=lambda at=at, each=each: [
                    write(each, put_user(f"{at}-{n}")) for n in range(30)
                ]
            )
            for at, each in enumerate((store, other, store, other))
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        done.set()
        collector.join()

        assert list(range(1, 122)) == collected


# Too old


def test_a_server_that_hangs_blocks_nobody_until_the_facts_are_too_old(own_server):
    with (
        seeded(own_server.new_database()) as store,
        following(store, most_age_seconds=2) as followed,
    ):
        own_server.pause()
        try:
            begin = time.monotonic()
            assert 1 == followed.snapshot().revision
            assert time.monotonic() - begin < 1
            assert eventually(lambda: refuses(followed))
            assert not followed.known().usable
            assert not followed.wait_for(2, 0.1)
            with pytest.raises(StoreUnavailable):
                write(store, put_user("lost"))  # nor does it hold for ever whoever writes
        finally:
            own_server.resume()
        assert eventually(lambda: not refuses(followed))
        write(store, put_user("zoe"))
        assert followed.wait_for(2, SECONDS)


def test_a_killed_server_is_followed_again_when_it_is_back(own_server):
    address = own_server.new_database()
    with seeded(address) as store, following(store, most_age_seconds=1) as followed:
        for revision in (2, 3):
            own_server.kill()
            assert eventually(lambda: refuses(followed))
            assert followed.known().problem
            with pytest.raises(StoreUnavailable):
                write(store, put_user("lost"))
            own_server.start()
            assert eventually(lambda: not refuses(followed))
            assert revision == write(store, put_user(f"u{revision}")).revision
            assert followed.wait_for(revision, SECONDS)
            assert followed.known().problem is None
        assert ("user", "lost") not in followed.snapshot().records
        assert [] == store.verify()


def test_facts_that_were_never_confirmed_are_not_answered_from(address):
    with seeded(address) as store:
        followed = Followed(store, store.newest(), most_age_seconds=60)

        assert refuses(followed)
        assert not followed.known().usable
        followed.start()
        assert 1 == followed.snapshot().revision
        followed.stop()


class Slow:
    """A store that takes its time to read a world; the test says how long."""

    def __init__(self, store):
        self._store = store
        self.may_read = threading.Event()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def newest(self):
        self.may_read.wait(SECONDS)
        return self._store.newest()


@pytest.mark.parametrize("moved_on", [False, True], ids=["at once", "after it has moved on"])
def test_facts_of_a_lost_history_are_refused_until_the_world_is_read_anew(address, moved_on):
    with seeded(address) as store, opened(address) as other:
        backup = back_up(address)
        write(store, put_user("lost"))
        slow = Slow(other)
        slow.may_read.set()
        with following(slow, poll_seconds=0.05) as followed:
            assert ("user", "lost") in followed.snapshot().records
            slow.may_read.clear()
            restore(address, backup)
            if moved_on:
                with opened(address) as restored:
                    for number in range(3):
                        write(restored, put_user(f"new{number}"))

            assert eventually(lambda: refuses(followed))
            assert "backup" in followed.known().problem
            assert not followed.wait_for(1, 0.05)
            slow.may_read.set()
            assert eventually(lambda: not refuses(followed))
            assert ("user", "lost") not in followed.snapshot().records
            with opened(address) as fresh:
                assert same_facts(fresh.directory(), followed.snapshot())


def test_a_revision_that_was_never_written_is_not_waited_for_longer_than_asked(address):
    with seeded(address) as store, following(store) as followed:
        assert followed.wait_for(1, 0)
        assert not followed.wait_for(2, 0.1)


class Faulty:
    """A store with a fault that nobody has thought of, for as long as the test says."""

    def __init__(self, store):
        self._store = store
        self.faulty = False

    def __getattr__(self, name):
        if self.faulty:
            raise ZeroDivisionError(f"in {name}")
        return getattr(self._store, name)


def test_no_fault_ends_the_following(address, caplog):
    with seeded(address) as store:
        faulty = Faulty(store)
        with following(faulty, poll_seconds=0.05) as followed:
            faulty.faulty = True
            assert eventually(lambda: followed.known().problem)
            write(store, put_user("zoe"))
            assert 1 == followed.snapshot().revision
            faulty.faulty = False
            assert followed.wait_for(2, SECONDS)
            assert followed.known().problem is None
    assert "ZeroDivisionError" in caplog.text


def test_it_is_known_how_far_and_how_old_the_facts_are(address):
    with seeded(address) as store, following(store, poll_seconds=0.05) as followed:
        known = followed.known()

        assert (1, 1, True, None) == (known.revision, known.newest, known.usable, known.problem)
        assert 0 <= known.age_seconds < SECONDS


# SQLite


def test_a_file_that_is_away_is_not_taken_for_an_empty_one(tmp_path):
    path = tmp_path / "facts.db"
    with seeded(f"sqlite:///{path}") as store, following(store, poll_seconds=0.05) as followed:
        path.rename(tmp_path / "aside.db")
        assert eventually(lambda: followed.known().problem)
        with pytest.raises(StoreUnavailable):
            write(store, put_user("lost"))
        assert not path.exists()
        assert same_facts(directory_of(WORLD), followed.snapshot())

        (tmp_path / "aside.db").rename(path)
        assert 2 == write(store, put_user("zoe")).revision
        assert followed.wait_for(2, SECONDS)


def test_a_file_in_the_place_of_another_is_noticed(tmp_path):
    path, copy = tmp_path / "facts.db", tmp_path / "copy.db"
    address = f"sqlite:///{path}"
    with seeded(address) as store, following(store, poll_seconds=0.05) as followed:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        write(store, put_user("lost"))
        assert followed.wait_for(2, SECONDS)
        for name in (path, f"{path}-wal", f"{path}-shm"):
            os.remove(name)
        copy.rename(path)

        assert eventually(lambda: followed.known().revision == 1)
        assert same_facts(directory_of(WORLD), followed.snapshot())
        assert (2, False) == write(store, put_user("zoe"))
        assert followed.wait_for(2, SECONDS)
        assert ("user", "lost") not in followed.snapshot().records
