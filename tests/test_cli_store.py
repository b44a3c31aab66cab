"""The command line on a database: changes made, worlds loaded and exported, the past asked."""

import json
import os
from pathlib import Path

import pytest
from serving import KEY, new_database, serving
from test_cli import BRAND, answer, refusal, run
from worlds import schema

from service.config import Settings, default_database, masked, read_settings
from service.errors import ConfigurationError
from service.store.opening import open_store


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    """An environment in which nothing is set."""
    for name in [name for name in os.environ if name.startswith("WATERSHED_")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def database():
    """A database that holds the brand and its dealers, at revision 1."""
    url = new_database()
    assert answer("world", "load", BRAND, "--database", url) == "revision 1\n"
    return url


@pytest.fixture
def file(tmp_path):
    """Writes a file of changes."""

    def write(*changes, name="changes.json"):
        path = tmp_path / name
        path.write_text(json.dumps(list(changes)))
        return path

    return write


WELS = {"op": "put_organization", "organization": "wels", "parent": "corvane"}
VERA = {"op": "put_user", "user": "vera", "memberships": {"wels": "agent"}}


def test_changes_are_applied_and_decide_from_then_on(database, file):
    question = ("check", "user:vera", "view", "organization:wels", "--database", database)

    assert "unknown-subject" in answer(*question)
    assert answer("changes", "apply", file(WELS, VERA), "--database", database) == "revision 2\n"
    assert answer(*question).startswith("allow")


def test_changes_in_toml_are_the_same_changes(database, tmp_path):
    path = tmp_path / "changes.toml"
    path.write_text(
        '[[changes]]\nop = "share"\nresource = "channel:care-inbox"\nwith = "all"\n'
        "valid_until = 2031-01-01T00:00:00+01:00\n"
    )

    answer("changes", "apply", path, "--database", database)

    log = json.loads(answer("changes", "list", "--after", 1, "--database", database, "--json"))
    (entry,) = log["entries"]
    assert entry["caller"] == "command line"
    assert entry["changes"][0]["valid_until"] == "2030-12-31T23:00:00Z"


def test_whatever_asks_about_facts_asks_a_database_too(database, file):
    answer("changes", "apply", file(WELS, VERA), "--database", database)
    asked = ("user:vera", "view", "organization:wels", "--database", database, "--json")

    told = [json.loads(answer("explain", *asked, *past)) for past in ((), ("--as-of", 1))]
    found = json.loads(answer("who-can", *asked[1:]))

    assert [True, False] == [account["decision"] for account in told]
    assert "vera" in {each["id"] for each in found["results"]}
    assert "wels" in answer("report", "corvane", "--database", database)


def test_the_past_is_asked_by_revision(database, file):
    made = {"op": "grant_membership", "user": "dora", "organization": "graz", "role": "agent"}
    answer("changes", "apply", file(made), "--database", database)
    question = ("check", "user:dora", "read", "conversation:winter-tyres", "--json")
    question += ("--organization", "graz", "--database", database)

    now, then = json.loads(answer(*question)), json.loads(answer(*question, "--as-of", 1))

    assert (now["decision"], now["context"]["revision"]) == (True, 2)
    assert (then["decision"], then["context"]["revision"]) == (False, 1)
    assert "no revision 99" in refusal(*question, "--as-of", 99)
    assert "a file has no past" in refusal(
        "check", "user:dora", "read", "conversation:test-drive", "--world", BRAND, "--as-of", 1
    )


def test_the_world_is_exported_as_it_is_and_as_it_was(database, file):
    before = answer("world", "export", "--database", database)
    answer("changes", "apply", file(WELS), "--database", database)

    after = answer("world", "export", "--database", database)

    assert before == answer("world", "export", "--world", BRAND)
    assert before == answer("world", "export", "--database", database, "--as-of", 1)
    assert "wels" in json.loads(after)["organizations"]


def test_changes_on_behalf_of_somebody_are_judged(database, file):
    apply = ("changes", "apply", file(WELS, VERA), "--database", database)

    assert "changes[0] is denied (organization.created): no rule allows `user:miriam`" in refusal(
        *apply, "--on-behalf-of", "user:miriam"
    )
    unseen = "changes[0] is denied: `parent` names nothing that `user:clara` may see"
    assert unseen in refusal(*apply, "--on-behalf-of", "user:clara")
    assert answer(*apply, "--on-behalf-of", "user:anton") == "revision 2\n"
    assert "user:anton" in answer("changes", "list", "--after", 1, "--database", database)


def test_a_list_is_made_whole_or_not_at_all_and_only_at_the_revision_expected(database, file):
    bad = file(WELS, {"op": "remove_user", "user": "nobody"}, name="bad.json")
    good = ("changes", "apply", file(WELS), "--database", database)

    assert "changes[1].user" in refusal("changes", "apply", bad, "--database", database)
    assert "expected revision 7" in refusal(*good, "--expect-revision", 7)
    assert answer(*good, "--expect-revision", 1) == "revision 2\n"


def test_a_key_makes_a_repeated_write_one(database, file):
    apply = ("changes", "apply", file(WELS), "--database", database, "--idempotency-key", "k")

    assert answer(*apply) == "revision 2\n"
    assert answer(*apply) == "revision 2 (made before under this key)\n"
    assert json.loads(answer(*apply, "--json")) == {"revision": 2, "repeated": True}


def test_a_world_is_loaded_over_another(database, tmp_path):
    small = tmp_path / "small.world.json"
    small.write_text('{"organizations": {"only": {}}}')

    load = ("world", "load", small, "--database", database)
    assert "expected revision 0" in refusal(*load, "--expect-revision", 0)
    assert answer(*load) == "revision 2\n"
    assert list(json.loads(answer("world", "export", "--database", database))["users"]) == []


@pytest.mark.parametrize("text", ["{}", "[]", "7", '{"changes": {}}'])
def test_a_file_without_changes_is_refused(database, tmp_path, text):
    path = tmp_path / "none.json"
    path.write_text(text)

    assert "list of changes" in refusal("changes", "apply", path, "--database", database)


@pytest.mark.parametrize("url", ["nonsense", "127.0.0.1:8080", "ftp://x", "http://", "http://a?b"])
def test_what_is_no_address_of_a_service_is_told_so_and_nothing_is_sent(file, url):
    told = refusal("changes", "apply", file(WELS), "--url", url)

    assert "--url" in told and "such as http://127.0.0.1:8080" in told
    assert "idempotency" not in told


def test_whoever_has_read_the_whole_log_is_told_that_nothing_is_newer(database):
    for after in (1, 99):
        shown = run("changes", "list", "--after", after, "--database", database)
        assert (0, "") == (shown.exit_code, shown.stdout)
        assert f"nothing is newer than revision {after}; the newest is 1" in shown.stderr
    assert "" == run("changes", "list", "--database", database).stderr


@pytest.mark.parametrize("verb", [("changes", "list"), ("world", "export"), ("serve",)])
@pytest.mark.parametrize(
    "url", ["facts.db", "sqlite://facts.db", "mysql://db/facts", "postgresql://127.0.0.1:1/facts"]
)
def test_a_database_that_cannot_be_used_is_refused_with_the_name_of_its_setting(verb, url):
    world = ("--world", BRAND) if verb == ("serve",) else ()

    assert "WATERSHED_DATABASE, or --database" in refusal(*verb, *world, "--database", url)


def test_a_running_service_is_written_to_with_a_key(file, variables):
    with serving(WATERSHED_API_KEYS=KEY, WATERSHED_WORKERS="1") as server:
        apply = ("changes", "apply", file(WELS, VERA), "--url", server.address)
        bad = ("changes", "apply", file({"op": "x"}, name="bad.json"), "--url", server.address)

        assert "not-authenticated" in refusal(*apply)
        variables.setenv("WATERSHED_API_KEYS", KEY)
        assert "(change-denied)" in refusal(*apply, "--on-behalf-of", "user:clara")
        assert "changes[0].op" in refusal(*bad)
        assert answer(*apply, "--on-behalf-of", "user:anton") == "revision 2\n"
        assert answer(*apply, "--idempotency-key", "k") == "revision 3\n"
        assert answer(*apply, "--idempotency-key", "k") == "revision 3\n"
    assert "no answer from the service" in refusal(*apply)
    assert "nothing was sent: is it the right --url" in refusal(*apply)


# Which facts


def test_the_one_that_is_named_is_asked_whatever_the_variables_say(database, variables):
    dora = ("check", "user:dora", "reply", "conversation:test-drive")
    variables.setenv("WATERSHED_DATABASE", "sqlite:////nowhere/at/all.db")

    assert answer(*dora, "--world", BRAND).startswith("allow")
    assert answer(*dora, "--database", database).startswith("allow")
    assert "not both" in refusal(*dora, "--database", database, "--world", BRAND)
    assert "is not there" in refusal(*dora)


def test_reading_makes_no_database_out_of_a_misspelt_name(tmp_path):
    url = f"sqlite:///{tmp_path}/mispelt.db"

    assert "is not there" in refusal("world", "export", "--database", url)
    assert [] == list(tmp_path.iterdir())


def test_a_database_that_nobody_named_is_asked_for():
    assert "WATERSHED_DATABASE: is not set" in refusal("world", "load", BRAND)


@pytest.mark.parametrize(
    ("world", "url"),
    [
        (None, "sqlite:///watershed.db"),
        ("fixtures/accounts.world.toml", "sqlite:///accounts.world.db"),
        ("plain", "sqlite:///watershed.db"),
    ],
)
def test_the_default_database_lies_in_the_current_folder_named_after_the_world(world, url):
    assert default_database(Settings(world=world and Path(world))) == url


# Passwords


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cr3t@db/facts",
        "postgresql://ann:s3cr3t@host:5432/facts?sslmode=require",
        "postgresql://ann:a@s3cr3t@db/facts",
        "postgresql://db/facts?user=ann&password=s3cr3t",
        "ann:s3cr3t@db",
    ],
)
def test_a_password_in_a_url_is_never_shown(url, variables):
    variables.setenv("WATERSHED_DATABASE", url)

    assert "s3cr3t" not in masked(url)
    assert "s3cr3t" not in answer("config") + answer("config", "--json")
    shown = run("changes", "list")
    assert shown.exit_code == 2
    assert "s3cr3t" not in shown.output + shown.stderr
    variables.setenv("WATERSHED_PORT", "x")
    with pytest.raises(ConfigurationError) as refused:
        read_settings()
    assert "s3cr3t" not in str(refused.value.problems)


def test_a_world_that_is_refused_leaves_no_database_behind(tmp_path):
    database = tmp_path / "facts.db"

    refusal("serve", "--world", tmp_path / "nowhere.toml", "--database", f"sqlite:///{database}")

    assert not database.exists()


def test_a_database_without_facts_decides_nothing(tmp_path, database):
    open_store(f"sqlite:///{tmp_path}/empty.db", schema(), 3).close()
    question = ("check", "user:dora", "view", "organization:linz", "--database")

    assert "holds no facts yet" in refusal(*question, f"sqlite:///{tmp_path}/empty.db")


def test_changes_go_to_one_place(database, file):
    both = ("--url", "http://127.0.0.1:9", "--database", database)

    assert "not both" in refusal("changes", "apply", file(WELS), *both)


def test_what_changes_apply_takes_is_what_impact_and_simulate_take(tmp_path, file):
    path = tmp_path / "move.toml"
    path.write_text(
        '[[changes]]\nop = "move_organization"\norganization = "linz"\nto = "meridian"\n'
    )
    world = ("--world", BRAND, "--json")

    by_toml, by_json = (
        json.loads(answer("impact", made, *world))
        for made in (
            path,
            '[{"op": "move_organization", "organization": "linz", "to": "meridian"}]',
        )
    )

    assert by_toml == by_json
    (tmp_path / "no.toml").write_text("[[")
    assert f"`{tmp_path}/no.toml` is not TOML" in refusal("impact", tmp_path / "no.toml", *world)
