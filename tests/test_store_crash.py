"""Nothing acknowledged is lost and nothing is half there, whoever is killed and whatever is full.

`python benchmarks/torture.py --rounds 300` does the same hundreds of times.
"""

import json
import random
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import postgresql
import pytest
from stores import document_of, opened, put_user, seeded, write

from service.errors import StoreUnavailable
from service.store.followed import Followed

TORTURE = Path(__file__).parent.parent / "benchmarks" / "torture.py"


def tortured(*options):
    """What became of killing writers, or the server, at random moments."""
    command = [sys.executable, TORTURE, "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def need(on):
    if on != "sqlite" and postgresql.binaries() is None:
        pytest.skip("there is no PostgreSQL server here: apt-get install postgresql")


@pytest.mark.parametrize(
    ("on", "rounds"),
    [("sqlite", 10), ("postgresql", 8), ("server", 3)],
    ids=lambda each: str(each),
)
def test_what_was_acknowledged_survives_any_kill_and_the_rest_is_whole_or_absent(on, rounds):
    need(on)
    result = tortured("--on", on, "--rounds", str(rounds), "--no-fsync")

    assert [] == result["wrong"]
    assert rounds * 2 <= result["acknowledged"]


def test_the_kills_come_at_moments_at_which_two_writes_for_one_thing_leave_half_of_it():
    wrong = tortured("--rounds", "8", "--naive")["wrong"]

    assert any("is missing of a pair" in each for each in wrong)


@contextmanager
def no_file_grows_beyond(size_bytes):
    """What a full disk does to a database, for this process alone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_when_the_disk_is_full_writes_fail_loudly_and_reads_go_on(tmp_path):
    address = f"sqlite:///{tmp_path / 'facts.db'}"
    with seeded(address) as store:
        followed = Followed(store, store.newest(), most_age_seconds=30)
        followed.start()
        written = []
        with no_file_grows_beyond(400_000), pytest.raises(StoreUnavailable):
            for number in range(100):
                many = (put_user(f"u{number}-{each}", name="x" * 50) for each in range(200))
                written.append(write(store, *many).revision)
        with no_file_grows_beyond(400_000):
            assert followed.wait_for(written[-1], 10)
            assert written[-1] == followed.snapshot().revision == store.revision()
            with opened(address) as other:
                assert written[-1] == other.newest().directory.revision
            with pytest.raises(StoreUnavailable):
                many = (put_user(f"v{each}", name="x" * 5_000) for each in range(200))
                write(store, *many)
        followed.stop()

        assert written == list(range(2, 2 + len(written)))
        assert written[-1] + 1 == write(store, put_user("last")).revision
        assert "last" in document_of(store)["users"]
        assert [] == store.verify()


def test_when_the_disk_of_a_server_is_full_writes_fail_loudly_and_reads_go_on():
    need("postgresql")
    dice = random.Random(1)
    server = postgresql.Server(durable=False)
    try:
        address = server.new_database()
        server.kill()
        server.start(largest_file_bytes=17 * 2**20)  # the server's own log of writes needs 16
        with seeded(address) as store:
            followed = Followed(store, store.newest(), most_age_seconds=30)
            followed.start()
            written = 1
            with pytest.raises(StoreUnavailable):
                for number in range(100):
                    # Nothing that could be compressed.
                    names = (dice.randbytes(500).hex() for _ in range(800))
                    many = (put_user(f"u{number}-{n}", name=name) for n, name in enumerate(names))
                    written = write(store, *many).revision
            assert followed.wait_for(written, 10)
            assert written == followed.snapshot().revision == store.revision()
            followed.stop()

            server.kill()
            server.start()
            assert written + 1 == write(store, put_user("last")).revision
            assert "last" in document_of(store)["users"]
            assert [] == store.verify()
    finally:
        server.stop()
