"""The house stands as it was drawn: who may import whom, and what each room must not touch.

Everything is read from the source: an import inside a function, or one for a type checker only,
counts like any other.
"""

import ast
import sys
from functools import lru_cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "service"

# Room: the rooms that it may know of, each below itself.
FLOORS = {
    "errors": set(),
    "config": {"errors"},
    "domain": {"errors"},
    "policy": {"errors", "domain"},
    "search": {"errors", "domain", "policy"},
    "store": {"errors", "domain"},
    "api": {"errors", "config", "domain", "policy", "search", "store"},
    "serving": {"errors", "api"},
    "console": {"errors", "config", "domain", "policy", "store"},
    "bootstrap": {"errors", "config", "domain", "policy", "store", "api", "console"},
    "wsgi": {"errors", "config", "domain", "policy", "store", "api", "console", "bootstrap"},
    "asgi": {"errors", "config", "domain", "policy", "store", "api", "bootstrap", "wsgi"},
    "server": {"errors", "config", "domain", "policy", "store", "api", "bootstrap"},
}
FLOORS["server"] |= {"wsgi", "asgi", "serving"}
# Explanations stand on the law and the facts; whoever speaks to people may ask for them.
FLOORS["explain"] = {"errors", "domain", "policy"}
for _above in ("api", "console", "bootstrap", "wsgi", "asgi", "server"):
    FLOORS[_above].add("explain")
# The checker of proofs shares nothing with what it checks, and can be taken elsewhere.
FLOORS["checker"] = set()
# The command line stands on everything.
FLOORS["commands"] = set(FLOORS)
FLOORS["cli"] = set(FLOORS)
FLOORS["__main__"] = {"cli"}

# What is not of this house and not of Python: who may use it, as a room or a single module.
LIBRARIES = {
    "immutables": {"domain"},
    "msgspec": {"policy.decision"},
    "networkx": {"domain.organizations"},
    "orjson": {"domain.strict_json", "store"},
    "oso": {"policy.engine"},
    "polar": {"policy.engine"},
    "environs": {"config"},
    "marshmallow": {"api", "config"},
    "flask": {"api", "console", "wsgi", "server"},
    "flask_smorest": {"api"},
    "werkzeug": {"api", "console", "serving"},
    "swagger_ui_bundle": {"api"},
    "itsdangerous": {"api", "console"},
    "prometheus_client": {"api.metrics", "server"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "psycopg": {"store.postgresql"},
    "gunicorn": {"server"},
    "uvicorn": {"serving"},
    "uvicorn_worker": {"serving.worker"},
    "httptools": {"serving"},
    "a2wsgi": {"asgi", "server"},
    "click": {"cli", "commands"},
    "rich": {"commands"},
}

# The ground has no clock, no environment, no files and no network; the law has only what it reads.
OUTSIDE = {"asyncio", "gc", "http", "io", "multiprocessing", "os", "pathlib", "random", "resource"}
OUTSIDE |= {"secrets", "shutil", "signal", "socket", "subprocess", "tempfile", "threading", "time"}
OUTSIDE |= {"urllib", "uuid", "sqlite3"}
EXCEPTIONS = {
    "policy.engine": {"os"},  # oso reads its time limit from the environment
    "policy.pdp": {"os"},  # a decision's id is random
    "policy.policy_set": {"pathlib"},  # the folder of the policies
    "policy.trial": {"resource", "subprocess"},  # a policy is tried in a child with limits
    "policy.plan": {"threading"},  # threads of a worker graft one plan
    "policy.compiled": {"threading"},  # one of them at a time compiles
}

# Modules over the limit, and why they are one subject.
LINES_LIMIT = 300
LONG_MODULES = {
    "domain.changes": "one small function for each operation, read beside one another",
    "domain.effects": "one small function for each kind of record, and the words for what it finds",
    "domain.entities": "four short classes, which are the words of the policies",
    "domain.entries": "one small reader for each section of the world document",
    "errors": "one tree",
    "policy.question": "every word of a request and what it means, each with its own refusal",
}


def modules():
    """Every module of the house by its name below `service`; a package by the package's name."""
    for path in sorted(HOUSE.rglob("*.py")):
        parts = path.relative_to(HOUSE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        yield name, path


MODULES = dict(modules())
NAMES = sorted(MODULES)


@lru_cache
def tree(name):
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imported(name):
    """The full name of everything that a module imports anywhere in its text."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            # The checker may be taken elsewhere, so its files know one another by "." alone.
            assert node.level <= (room(name) == "checker"), f"{name} imports relatively"
            module = f"service.checker.{node.module}" if node.level else node.module
            for each in node.names:
                inner = f"{module}.{each.name}"
                is_module = inner.removeprefix("service.") in MODULES
                yield inner if is_module else module


def own(name):
    """The modules of the house that a module imports."""
    for each in imported(name):
        if each.startswith("service."):
            yield each.removeprefix("service.")


def room(name):
    return name.split(".")[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_room_knows_only_the_rooms_below_it(name):
    if room(name) == "__init__":
        return
    assert room(name) in FLOORS, "a new room: draw it into the architecture and into FLOORS"
    allowed = FLOORS[room(name)] | {room(name)}

    assert {room(each) for each in own(name)} - allowed == set()


def test_policy_and_store_are_strangers():
    known = {place: {room(each) for name in NAMES if room(name) == place for each in own(name)}
             for place in ("policy", "store")}  # fmt: skip

    assert "store" not in known["policy"]
    assert "policy" not in known["store"]


@pytest.mark.parametrize("name", NAMES)
def test_a_library_is_used_only_where_it_belongs(name):
    libraries = {each.split(".")[0] for each in imported(name)}
    libraries -= {"service", "__future__"} | sys.stdlib_module_names
    strangers = {
        library for library in libraries if not {name, room(name)} & LIBRARIES.get(library, set())
    }

    assert strangers == set()


def test_settings_use_nothing_of_marshmallow_but_its_checks():
    used = {each for each in imported("config") if each.startswith("marshmallow")}

    assert used == {"marshmallow.validate"}


INNER = [name for name in NAMES if room(name) in ("domain", "policy", "search")]


@pytest.mark.parametrize("name", INNER)
def test_ground_and_law_touch_nothing_outside(name):
    touched = {each.split(".")[0] for each in imported(name)} & OUTSIDE

    assert touched - EXCEPTIONS.get(name, set()) == set()


def test_every_exception_is_still_needed():
    needed = {
        name: {each.split(".")[0] for each in imported(name)} & OUTSIDE
        for name in EXCEPTIONS
        if name in MODULES
    }

    assert needed == {name: EXCEPTIONS[name] for name in needed}


CLOCKS = {"now", "utcnow", "today", "time", "monotonic"}


@pytest.mark.parametrize("name", INNER)
def test_only_the_decision_point_looks_at_the_clock(name):
    looks = {
        ast.unparse(node)
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("datetime", "date", "time")
    }

    assert not looks or name == "policy.pdp"


@pytest.mark.parametrize("name", [name for name in NAMES if room(name) == "domain"])
def test_the_ground_opens_no_files_and_prints_nothing(name):
    called = {
        node.func.id
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert called & {"open", "print", "input", "exec", "eval", "compile", "__import__"} == set()


def test_no_module_leads_back_to_itself():
    graph = {name: set(own(name)) & MODULES.keys() - {name} for name in NAMES}

    list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", NAMES)
def test_a_module_has_one_subject_or_says_why_it_is_long(name):
    lines = len(MODULES[name].read_text(encoding="utf-8").splitlines())

    assert lines <= LINES_LIMIT or name in LONG_MODULES


@pytest.mark.parametrize("name", NAMES)
def test_a_module_opens_with_what_lives_here(name):
    text = ast.get_docstring(tree(name))

    assert text
    assert text.splitlines()[0].endswith((".", "?"))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_called_by_a_name_that_says_nothing(name):
    empty = ("util", "helper", "common", "manager", "handler", "misc")

    assert not any(word in name.lower() for word in empty)


# Where whatever comes is caught, and what becomes of it.
BROAD = {
    "store.followed": "a thread that ended would end the following; it tells and tries again",
    "policy.engine": "an error in a rule, in oso or in a predicate denies",
    "search.attempts": "what a value that is watched cannot do leaves candidates to be decided",
    "policy.plans": "what fails on a plan is asked of oso, which says what failed",
    "checker.proofs": "whatever a proof makes fail shows nothing, and is no proof",
    "api.deciding": "becomes a problem document, as in the doors",
    "api.door": "becomes a problem document, as the other door's errors do",
    "api.bodies": "each server breaks off a body with exceptions of its own; the body is refused",
}


@pytest.mark.parametrize("name", NAMES)
def test_whatever_comes_is_caught_only_where_it_is_said(name):
    broad = [
        node.lineno
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    ]

    assert not broad or name in BROAD


@pytest.mark.parametrize("name", NAMES)
def test_no_value_of_the_house_is_a_global_that_changes(name):
    assert not any(isinstance(node, ast.Global) for node in ast.walk(tree(name)))
