"""What a store promises, held by both databases (service/store/protocol.py)."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores import (
    WORLD,
    administering,
    back_up,
    document_of,
    opened,
    put_user,
    restore,
    same_facts,
    seeded,
    write,
)
from worlds import changes, directory_of, examples, schema, worlds

from service.domain.changes import OPERATIONS, apply_changes
from service.domain.schema import read_schema
from service.domain.touched import SUBJECTS, touched
from service.domain.world import write_world
from service.errors import (
    IdempotencyKeyReused,
    InvalidChanges,
    InvalidWorld,
    RevisionConflict,
    StoreUnavailable,
    UnknownRevision,
    UnusableStore,
)
from service.store.opening import open_store
from service.store.protocol import LogEntry, seed
from service.store.rows import RowReader, digest, spelled
from service.store.sql_store import QUICK_SECONDS, TRIES_OUTSIDE


def possible(document):
    """Changes of a world that has become empty in parts."""
    operations = set(OPERATIONS)
    if not document["resources"]:
        operations -= {"remove_resource", "share", "unshare"}
    if not document["organizations"]:
        operations = {"put_organization", "remove_user", "remove_partner"}
    return changes(document, tuple(sorted(operations)))


# Rows


@examples(150)
@given(worlds(levels=4))
def test_a_record_is_read_from_its_row_as_it_was_written(document):
    for key, record in directory_of(document, 4).records.items():
        reader = RowReader(schema())
        read = reader.record(*key, spelled(record))

        assert (record, []) == (read, reader.problems)
        assert list(record.links()) == list(read.links())
        assert spelled(record) == spelled(read)


@examples(80)
@given(worlds(levels=4), st.data())
def test_no_change_touches_a_record_of_which_it_does_not_say_so(document, data):
    before = directory_of(document, 4)
    made, after = [], before
    for _ in range(5):
        change = data.draw(possible(write_world(after)))
        try:
            after = apply_changes(after, [change], schema())
            made.append(change)
        except InvalidChanges:
            continue

    keys = {*before.records, *after.records}
    differing = {key for key in keys if before.get(key) != after.get(key)}
    assert differing <= touched(before, after, made)


def test_of_every_operation_it_is_known_what_it_touches():
    assert OPERATIONS.keys() == SUBJECTS.keys()


# Reading


def test_a_new_store_is_empty_and_at_revision_0(address):
    with opened(address) as store:
        held = store.newest()

        assert (0, 0) == (store.revision(), held.directory.revision)
        assert same_facts(directory_of({}), held.directory)
        assert () == store.log(after=0, limit=10)
        assert [] == store.verify()


def test_a_world_is_read_back_by_another_store(address):
    with seeded(address) as store, opened(address) as other:
        assert same_facts(directory_of(WORLD), other.newest().directory)
        assert store.head() == other.head() == other.newest().position
        assert digest(store.directory()) == digest(other.directory())


def test_facts_are_the_same_object_for_as_long_as_nothing_changes(address):
    with seeded(address) as store, opened(address) as other:
        first = other.newest()
        assert other.newest() is first
        write(store, put_user("zoe"))
        assert other.newest() is not first
        assert other.newest() is other.newest()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_stores_follow_any_history_and_remember_all_of_it(kind, request, tmp_path):
    if kind == "sqlite":
        addresses = (f"sqlite:///{tmp_path / str(number)}.db" for number in range(10_000))
        new_database = addresses.__next__
    else:
        new_database = request.getfixturevalue("postgresql_server").new_schema

    @examples(12 if kind == "sqlite" else 6)
    @given(worlds(levels=4), worlds(levels=4), st.data())
    def follow(document, another, data):
        address = new_database()
        with opened(address, 4) as writer, opened(address, 4) as follower:
            truth = [writer.directory()]
            writer.replace(directory_of(document, 4), caller="seed")
            truth.append(directory_of(document, 4))
            for step in range(8):
                if step == 5:
                    writer.replace(directory_of(another, 4), caller="loader")
                    truth.append(directory_of(another, 4))
                    continue
                some = [data.draw(possible(write_world(truth[-1]))) for _ in range(2)]
                for made in (some, some[:1]):
                    try:
                        truth.append(apply_changes(truth[-1], made, schema()))
                    except InvalidChanges:
                        before = writer.head()
                        with pytest.raises(InvalidChanges):
                            writer.write(made, caller="tests")
                        assert before == writer.head()
                    else:
                        writer.write(made, caller="tests")
                if step % 3 == 0:  # sometimes one revision is followed, sometimes many
                    assert same_facts(truth[-1], follower.newest().directory)
            assert len(truth) - 1 == writer.revision()
            assert same_facts(truth[-1], writer.newest().directory)
            assert same_facts(truth[-1], follower.newest().directory)
            with opened(address, 4) as late:
                assert late.newest().position == follower.newest().position
                for revision, directory in enumerate(truth):
                    assert same_facts(directory, late.directory(revision))
                    assert revision == late.directory(revision).revision
                assert [] == late.verify()

    follow()


@pytest.mark.parametrize("revision", [-1, 2, 2**40])
def test_facts_at_a_revision_that_was_never_written_are_refused(address, revision):
    with seeded(address) as store, pytest.raises(UnknownRevision) as refusal:
        store.directory(revision)
    assert (revision, 1) == (refusal.value.revision, refusal.value.newest)


def test_whoever_reads_while_others_write_sees_a_world_that_was(address):
    rounds = 25

    def write_pairs(name):
        with opened(address) as store:
            for number in range(rounds):
                write(store, put_user(f"{name}{number}-a"), put_user(f"{name}{number}-b"))

    with seeded(address) as store, ThreadPoolExecutor(2) as writers:
        working = [writers.submit(write_pairs, name) for name in ("x", "y")]
        seen = []
        while not all(each.done() for each in working):
            with opened(address) as fresh:
                seen.append(fresh.newest().directory)
            seen.append(store.newest().directory)
        for each in working:
            each.result()

        assert 1 + 2 * rounds == store.revision()
        for directory in seen:
            assert same_facts(store.directory(directory.revision), directory)
            users = {name for kind, name in directory.records if kind == "user"}
            assert {name[:-2] for name in users if name.endswith("-a")} == {
                name[:-2] for name in users if name.endswith("-b")
            }


# Writing


def test_a_write_is_one_revision_however_many_changes_it_makes(address):
    with seeded(address) as store:
        assert (2, False) == write(store, put_user("zoe"), put_user("max"), put_user("zoe"))
        assert (3, False) == write(store, {"op": "remove_user", "user": "zoe"})
        assert "zoe" in document_of(store, 2)["users"]
        assert "zoe" not in document_of(store)["users"]


def test_changes_of_which_one_cannot_be_made_leave_nothing(address):
    with seeded(address) as store:
        before = store.newest()
        with pytest.raises(InvalidChanges):
            write(store, put_user("zoe"), {"op": "remove_user", "user": "nobody"})

        assert store.newest() is before
        assert 1 == len(store.log(0, 10))


def test_ids_that_a_language_would_take_for_one_another_are_different(address):
    names = ["ann", "Ann", "ANN", "straße", "STRASSE", "strasse", "ä", "a", "支店", "i", "I"]
    document = {**WORLD, "users": {}}
    with seeded(address, document) as store, opened(address) as other:
        write(store, *(put_user(name, name=f"<{name}>") for name in names))
        for name in names[::2]:
            write(store, {"op": "remove_user", "user": name})

        users = document_of(other)["users"]
        assert {name: {"name": f"<{name}>", "memberships": {}} for name in names[1::2]} == users


def test_a_write_that_expects_another_revision_is_refused(address):
    with seeded(address) as store, opened(address) as other:
        assert 2 == write(store, put_user("zoe"), expect_revision=1).revision
        for attempt in (
            lambda: write(other, put_user("max"), expect_revision=1),
            lambda: other.replace(directory_of({}), caller="tests", expect_revision=1),
        ):
            with pytest.raises(RevisionConflict) as refusal:
                attempt()
            assert (1, 2) == (refusal.value.expected, refusal.value.found)
        assert 2 == store.revision()


def test_whoever_writes_back_what_he_read_loses_an_update_and_changes_do_not(address):
    grant = {"op": "grant_membership", "organization": "D", "role": "agent"}
    with seeded(address, {**WORLD, "users": {"ann": {}, "bob": {}}}) as one, opened(address) as two:

        def read_then_replace(store, user):
            made = apply_changes(store.directory(1), [{**grant, "user": user}], schema())
            store.replace(made, caller="naive")

        def members():
            return {
                name
                for name, user in document_of(one)["users"].items()
                if "D" in user["memberships"]
            }

        read_then_replace(one, "ann")
        read_then_replace(two, "bob")
        assert {"bob"} == members()  # the failure: what ann was given is lost

        write(one, {**grant, "user": "ann"})
        write(two, {**grant, "user": "bob"})
        assert {"ann", "bob"} == members()


def test_two_writers_at_once_make_one_order_and_lose_nothing(address):
    each, writers = 40, 3
    document = {**WORLD, "users": {"ann": {}}}

    def grant_and_put(writer):
        with opened(address) as store:
            return [
                write(
                    store,
                    put_user(f"{writer}-{number}"),
                    {"op": "put_partner", "partner": "last", "organization": "N",
                     "role": "full_admin"},
                ).revision
                for number in range(each)
            ]  # fmt: skip

    with seeded(address, document) as store, ThreadPoolExecutor(writers) as pool:
        revisions = list(pool.map(grant_and_put, range(writers)))

        assert all(mine == sorted(mine) for mine in revisions)
        assert list(range(2, 2 + each * writers)) == sorted(chain(*revisions))
        names = {f"{writer}-{number}" for writer in range(writers) for number in range(each)}
        assert names | {"ann"} == document_of(store)["users"].keys()
        assert [] == store.verify()


def test_a_world_larger_than_any_limit_on_parameters_is_written_whole(address):
    users = {f"u{number}": {"memberships": {"D": "agent"}} for number in range(20_000)}
    large = directory_of({**WORLD, "users": users})
    with seeded(address) as store, opened(address) as other:
        store.replace(large, caller="loader")
        assert same_facts(large, other.newest().directory)

        store.replace(directory_of(WORLD), caller="loader")
        assert same_facts(directory_of(WORLD), other.newest().directory)
        assert same_facts(large, other.directory(2))


def test_replacing_a_world_writes_only_what_differs(address):
    with seeded(address) as store:
        document = {**WORLD, "users": {**WORLD["users"], "zoe": {}}}
        store.replace(directory_of(document), caller="loader")

        with administering(address) as connection:
            rows = connection.exec_driver_sql("SELECT id FROM watershed_facts WHERE since = 2")
            assert [("zoe",)] == [tuple(row) for row in rows]


def test_a_write_that_does_not_find_its_row_fails_and_writes_nothing(address):
    with seeded(address) as store:
        with administering(address) as connection:
            connection.exec_driver_sql("DELETE FROM watershed_facts WHERE id = 'ann'")
        with pytest.raises(UnusableStore):
            write(store, put_user("zoe"), {"op": "remove_user", "user": "ann"})

        assert 1 == store.revision()
        assert "zoe" not in document_of(store, 1)["users"]


def test_a_store_is_seeded_once_however_many_start_at_once(address):
    def start(number):
        document = {**WORLD, "users": {f"of-{number}": {}}}
        with opened(address) as store:
            return seed(store, lambda: directory_of(document))

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(start, range(6)))

    with opened(address) as store:
        assert [False] * 5 + [True] == sorted(results)
        assert {f"of-{results.index(True)}"} == document_of(store)["users"].keys()
        assert not seed(store, lambda: pytest.fail("a seeded store needs no world"))


# A judge


def test_the_judge_is_asked_about_exactly_the_facts_that_the_changes_meet(address):
    with seeded(address) as store, opened(address) as other:
        other.newest()
        write(store, put_user("zoe"))
        asked = []
        made = [put_user("max")]
        other.write(made, caller="tests", judge=lambda *arguments: asked.append(arguments))

        ((directory, judged),) = asked
        assert 2 == directory.revision
        assert ("user", "zoe") in directory.records
        assert made == judged


def test_what_the_judge_refuses_is_not_written(address):
    class NotAllowed(Exception):
        pass

    def refuse(directory, made):
        raise NotAllowed

    with seeded(address) as store:
        with pytest.raises(NotAllowed):
            write(store, put_user("zoe"), judge=refuse)

        assert 1 == store.revision()
        assert (2, False) == write(store, put_user("zoe"))


def test_a_judge_holds_up_no_other_writer_and_judges_again_what_has_moved(address):
    seen = []
    with seeded(address) as store, opened(address) as other:

        def judge(directory, made):
            seen.append((directory.revision, ("user", "max") in directory.records))
            if len(seen) == 1:
                write(other, put_user("max"))  # would wait for the lock in vain

        written = write(store, put_user("zoe"), judge=judge)

        assert 3 == written.revision
        assert [(1, False), (2, True)] == seen
        assert [] == store.verify()


def test_what_is_written_was_judged_on_the_facts_it_was_applied_to(address):
    class Refused(Exception):
        pass

    with seeded(address) as store, opened(address) as other:

        def judge(directory, made):
            if ("user", "max") in directory.records:
                raise Refused
            write(other, put_user("max"))

        with pytest.raises(Refused):
            write(store, put_user("zoe"), judge=judge)

        assert {"max"} == document_of(store)["users"].keys() - WORLD.get("users", {}).keys()


def test_a_judge_who_takes_long_is_overtaken_a_few_times_and_not_for_ever(address):
    seen = []
    with seeded(address) as store, opened(address) as other:

        def judge(directory, made):
            seen.append(directory.revision)
            if len(seen) <= TRIES_OUTSIDE:  # then the lock is held, and nobody else may write
                write(other, put_user(f"u{len(seen)}"))
                time.sleep(2 * QUICK_SECONDS)

        written = write(store, put_user("zoe"), judge=judge)

        assert list(range(1, TRIES_OUTSIDE + 2)) == seen
        assert TRIES_OUTSIDE + 2 == written.revision


def test_a_conflict_is_found_before_anything_is_judged(address):
    def never(directory, made):
        raise AssertionError("it was judged")

    with seeded(address) as store, pytest.raises(RevisionConflict):
        write(store, put_user("max"), expect_revision=0, judge=never)


# Idempotency keys


def test_a_repeated_write_is_not_made_again_and_gets_the_first_answer(address):
    def never(directory, made):
        raise AssertionError("it was judged when it was made")

    with seeded(address) as store, opened(address) as other:
        made = put_user("zoe")
        assert (2, False) == write(store, made, idempotency_key="k", expect_revision=1)
        write(store, {"op": "remove_user", "user": "zoe"})

        repeat = write(other, made, idempotency_key="k", expect_revision=1, judge=never)
        assert (2, True) == repeat
        assert 3 == store.revision()
        assert "zoe" not in document_of(store)["users"]


@pytest.mark.parametrize(
    "options",
    [{"changes": [put_user("max")]}, {"subject": "user:ann"}, {"expect_revision": 2}],
    ids=["other changes", "other subject", "other expectation"],
)
def test_a_key_for_two_different_writes_is_refused(address, options):
    with seeded(address) as store:
        write(store, put_user("zoe"), idempotency_key="k")
        with pytest.raises(IdempotencyKeyReused) as refusal:
            store.write(
                **{
                    "changes": [put_user("zoe")],
                    "caller": "tests",
                    **options,
                    "idempotency_key": "k",
                }
            )
        assert 2 == refusal.value.revision == store.revision()


def test_keys_of_two_callers_have_nothing_to_do_with_each_other(address):
    with seeded(address) as store:
        assert (2, False) == write(store, put_user("zoe"), caller="a", idempotency_key="k")
        assert (3, False) == write(store, put_user("max"), caller="b", idempotency_key="k")


def test_a_refused_write_may_be_tried_again_under_its_key(address):
    grant = {"op": "grant_membership", "user": "zoe", "organization": "D", "role": "agent"}
    with seeded(address) as store:
        with pytest.raises(InvalidChanges):
            write(store, grant, idempotency_key="k")
        write(store, put_user("zoe"))

        assert (3, False) == write(store, grant, idempotency_key="k")


def test_a_repeated_replacement_is_not_made_again(address):
    with seeded(address) as store:
        small = directory_of({"organizations": {"P": {}}})
        assert (2, False) == store.replace(small, caller="l", idempotency_key="k")
        write(store, put_user("zoe"))
        assert (2, True) == store.replace(small, caller="l", idempotency_key="k")
        with pytest.raises(IdempotencyKeyReused):
            store.replace(directory_of(WORLD), caller="l", idempotency_key="k")
        assert "zoe" in document_of(store)["users"]


def test_of_many_that_repeat_one_write_at_once_one_makes_it(address):
    def repeat(_):
        with opened(address) as store:
            return write(store, put_user("zoe"), idempotency_key="k")

    with seeded(address) as store, ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(repeat, range(5)))

        assert [(2, False)] + [(2, True)] * 4 == sorted(answers)
        assert 2 == store.revision()


# The log


def test_the_log_says_who_changed_what_when_and_for_whom(address):
    change = put_user("zoe", name="Zoë", memberships={"D": "agent"})
    begin = datetime.now(UTC)
    with seeded(address) as store:
        write(store, change, put_user("max"), caller="a caller", subject="user:ann")
        first, second = store.log(0, 10)

        assert LogEntry(1, first.at, "seed", None, first.changes) == first
        assert ["replace_world"] == [change["op"] for change in first.changes]
        assert (2, second.at, "a caller", "user:ann", (change, put_user("max"))) == second
        assert begin <= first.at <= second.at <= datetime.now(UTC)


def test_the_log_is_read_in_parts_without_gaps(address):
    with seeded(address) as store:
        for number in range(7):
            write(store, put_user(f"u{number}"))
        parts, after = [], 0
        while part := store.log(after, 3):
            parts.append([entry.revision for entry in part])
            after = part[-1].revision

        assert [[1, 2, 3], [4, 5, 6], [7, 8]] == parts
        assert () == store.log(8, 3) == store.log(100, 3)


def test_dates_in_changes_are_logged_as_they_are_written_in_json(address):
    starts, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1).date()
    bought = {"op": "put_subscription", "subscription": "t", "organization": "N", "type": "named"}
    with seeded(address) as store:
        write(store, {**bought, "starts": starts, "ends": ends})

        (change,) = store.log(1, 1)[0].changes
        assert {**bought, "starts": "2026-01-01T00:00:00+00:00", "ends": "2027-01-01"} == change
        assert same_facts(store.directory(), apply_changes(directory_of(WORLD), [change], schema()))


# Other histories


def test_a_store_that_was_restored_from_a_backup_is_noticed_and_read_anew(address):
    with seeded(address) as store, opened(address) as other:
        backup = back_up(address)
        write(store, put_user("lost"))
        lost = other.newest().position
        restore(address, backup)

        assert not other.continues(lost)
        assert 1 == other.newest().directory.revision
        assert same_facts(directory_of(WORLD), other.newest().directory)


def test_even_when_it_has_moved_on_since(address):
    with seeded(address) as store, opened(address) as other:
        backup = back_up(address)
        write(store, put_user("lost"))
        lost = other.newest().position
        restore(address, backup)
        with opened(address) as restored:
            for number in range(3):
                write(restored, put_user(f"new{number}"))
            truth = restored.newest()

        assert lost.revision < truth.position.revision
        assert not other.continues(lost)
        assert other.newest().position == truth.position
        assert same_facts(truth.directory, other.newest().directory)
        # A writer that still has the lost facts at hand builds on the true ones.
        write(store, put_user("next"))
        assert "lost" not in document_of(store)["users"]
        assert [] == store.verify()


def test_every_database_has_a_name_of_its_own(address, tmp_path):
    with seeded(address) as one, opened(f"sqlite:///{tmp_path / 'another.db'}") as two:
        two.replace(one.directory(), caller="seed")
        assert one.head().revision == two.head().revision
        assert not two.continues(one.head())
        assert one.head().epoch != two.head().epoch


# What cannot be used


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE watershed_log SET changes = '[]' WHERE revision = 2",
        "UPDATE watershed_log SET caller = 'somebody else' WHERE revision = 2",
        "DELETE FROM watershed_log WHERE revision = 2",
        "UPDATE watershed_head SET revision = 2",
        "UPDATE watershed_facts SET since = 9 WHERE id = 'ann'",
        "UPDATE watershed_history SET until = 9",
    ],
)
def test_what_no_write_can_have_left_behind_is_found(address, statement):
    with seeded(address) as store:
        write(store, put_user("ann"))
        write(store, put_user("zoe"))
        assert [] == store.verify()
        with administering(address) as connection:
            assert 1 == connection.exec_driver_sql(statement).rowcount

        assert 1 <= len(store.verify())


@pytest.mark.parametrize("row", ["", "[]", "{", '{"above": 3}', '{"memberships": ["x"]}'])
def test_a_damaged_row_is_named_and_nothing_is_read(address, row):
    with seeded(address):
        pass
    with administering(address) as connection:
        connection.exec_driver_sql(f"UPDATE watershed_facts SET document = '{row}' WHERE id='ann'")
        connection.exec_driver_sql(f"UPDATE watershed_facts SET document = '{row}' WHERE id='D'")

    with opened(address) as store, pytest.raises(UnusableStore, match=r"`(ann|D)` is damaged"):
        store.newest()


def test_facts_that_the_policies_no_longer_fit_are_refused_with_their_places(address):
    with seeded(address):
        pass
    actions = {"actions": {}}
    law = read_schema({"types": {"channel": {"attributes": {"size": "integer"}, **actions}}})
    store = open_store(address, law, 3)
    with pytest.raises(InvalidWorld) as refusal:
        store.newest()
    store.close()

    assert {"resources.channel:c.size", "resources.conversation:v"} == {
        problem.path for problem in refusal.value.problems
    }


def test_a_world_deeper_than_the_levels_allow_is_refused(address):
    with seeded(address):
        pass
    with opened(address, levels=2) as store, pytest.raises(InvalidWorld) as refusal:
        store.newest()
    assert {"organizations.D", "organizations.E"} == {
        problem.path for problem in refusal.value.problems
    }


def test_a_store_is_not_used_across_a_fork(address):
    with seeded(address) as store:
        child = os.fork()
        if child == 0:
            try:
                store.newest()
            except StoreUnavailable:
                os._exit(17)
            finally:
                os._exit(1)
        assert 17 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert 1 == store.revision()


def test_what_one_process_has_read_another_brings_forward(address):
    with seeded(address) as store:
        held = store.newest()
        write(store, put_user("zoe"))
        forked = open_store(address, schema(), 3, held)
        newest = forked.newest()
        forked.close()

        assert same_facts(store.directory(), newest.directory)
        # Most of it is the very same, and need not stand in memory twice.
        assert newest.directory.get(("user", "ann")) is held.directory.get(("user", "ann"))
