"""The OpenAPI document says what the service does, and the page that shows it needs nobody else."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from serving import BRAND, GOOD, KEY, environment, serving
from worlds import directory_of, engine

from service import errors
from service.api import billing_examples, examples
from service.api.app import build_app
from service.api.problems import KINDS
from service.config import Settings
from service.domain.world import parse_world
from service.policy.pdp import FixedFacts, PolicyDecisionPoint

CORVANE = "/organizations/corvane"
WINTER = datetime(2026, 12, 1, tzinfo=UTC)


def build(**settings):
    directory = directory_of(parse_world(BRAND.read_bytes(), BRAND.name))
    pdp = PolicyDecisionPoint(engine(), FixedFacts(directory), lambda: WINTER)
    return build_app(pdp, Settings(**settings))


@pytest.fixture(scope="module")
def app():
    return build()


@pytest.fixture(scope="module")
def document(app):
    return app.test_client().get("/openapi.json").json


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation


def test_every_route_is_documented_and_no_other(app, document):
    routes = {
        f"{method} {rule.rule.translate({ord('<'): '{', ord('>'): '}'})}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD"}
    }

    assert routes == {name for name, _ in operations(document)}


def test_every_operation_says_what_it_does_under_a_name_of_its_own(document):
    described = dict(operations(document))
    names = [operation["operationId"] for operation in described.values()]

    assert len(set(names)) == len(described)
    for name, operation in described.items():
        assert operation["summary"], name
        assert operation.get("description"), name
        assert operation["description"] != operation["summary"], name
    assert all("200" in operation["responses"] for operation in described.values())


def test_every_refusal_is_documented_as_a_problem_with_an_example(document):
    for _, operation in operations(document):
        for status, response in operation["responses"].items():
            if status == "304":
                assert "content" not in response and "ETag" in response["headers"]
            elif status != "200":
                (media_type,) = response["content"]
                assert media_type == "application/problem+json"
                example = response["content"][media_type]["example"]
                assert (int(status), True) == (example["status"], bool(example["code"]))


def test_a_key_is_demanded_in_the_document_only_where_there_are_keys(document):
    assert "security" not in document

    locked = build(api_keys=(KEY,)).test_client()
    document = locked.get("/openapi.json", headers={"Authorization": f"Bearer {KEY}"}).json
    assert [{"key": []}] == document["security"]
    open_to_all = {"GET /health/live", "GET /health/ready"}
    assert open_to_all | {"GET /.well-known/authzen-configuration"} == {
        name for name, operation in operations(document) if operation.get("security") == []
    }


# Examples


def without_what_differs(value):
    """The value without ids of decisions, and with any revision of the policies."""
    if isinstance(value, list):
        return [without_what_differs(each) for each in value]
    if not isinstance(value, dict):
        return value
    value = {name: without_what_differs(inner) for name, inner in value.items()}
    if "policy" in value:
        value["policy"] = ""
        value.pop("id", None)
    return value


@pytest.mark.parametrize(
    ("path", "body", "example"),
    [
        ("/authorize", examples.EVALUATION, examples.DECISION),
        ("/access/v1/evaluations", examples.BATCH, examples.BATCH_ANSWER),
        ("/simulate", examples.SUPPOSITION, examples.SIMULATION),
        ("/organizations/linz", None, examples.ORGANIZATION),
        ("/organizations/linz/account", None, examples.ACCOUNT),
        ("/organizations/corvane/tree", None, examples.TREE),
        ("/organizations/linz/resources?type=channel", None, examples.RESOURCES),
        ("/users/jakob/organizations", None, examples.MEMBERSHIPS),
        (f"{CORVANE}/invoice", billing_examples.INVOICE_REQUEST, billing_examples.INVOICE),
        (f"{CORVANE}/report", billing_examples.REPORT_REQUEST, billing_examples.REPORT),
        (f"{CORVANE}/usage", billing_examples.USAGE_REQUEST, billing_examples.USAGE),
        (f"{CORVANE}/subscriptions?subject=user:anton", None, billing_examples.SUBSCRIPTIONS),
        (f"{CORVANE}/coverage?subject=user:anton", None, billing_examples.COVERAGE),
        (
            f"{CORVANE}/subscriptions/check",
            billing_examples.ADDITION_REQUEST,
            billing_examples.ADDITION,
        ),
        ("/access/v1/search/subject", examples.SUBJECT_SEARCH, examples.SUBJECTS),
        ("/access/v1/search/resource", examples.RESOURCE_SEARCH, examples.RESOURCES_FOUND),
        ("/access/v1/search/action", examples.ACTION_SEARCH, examples.ACTIONS_FOUND),
        ("/scope", examples.SCOPE_REQUEST, examples.SCOPE),
        ("/.well-known/authzen-configuration", None, examples.METADATA),
    ],
)
def test_every_example_is_a_true_answer(app, path, body, example):
    client = app.test_client()
    answer = client.get(path) if body is None else client.post(path, json=body)

    assert without_what_differs(example) == without_what_differs(answer.json)


# The mapping of errors


def test_every_error_that_a_request_can_cause_has_a_status():
    def leaves(kind):
        below = kind.__subclasses__()
        return [leaf for each in below for leaf in leaves(each)] if below else [kind]

    caused = {*leaves(errors.RequestError), errors.UnknownEntity, errors.MalformedDocument}

    assert caused <= KINDS.keys()
    for error, kind in KINDS.items():
        of_the_store = issubclass(error, errors.StoreError) and kind.status == 503
        assert of_the_store or 400 <= kind.status < 500
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_a_failure_of_the_service_says_nothing_of_itself(caplog):
    app = build()

    @app.route("/break")
    def fail():
        raise RuntimeError("the secret of dora")

    answer = app.test_client().get("/break", headers={"X-Request-ID": "broken"})

    assert (500, "application/problem+json") == (answer.status_code, answer.content_type)
    assert ("internal-error", "broken") == (answer.json["code"], answer.headers["X-Request-ID"])
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert "request broken failed" in caplog.text and "the secret of dora" in caplog.text


def test_an_error_that_no_request_causes_is_a_failure_of_the_service():
    app = build()

    @app.route("/break")
    def fail():
        raise errors.InvalidPolicy([errors.Problem("secret.polar", "secret", "secret")])

    answer = app.test_client().get("/break")

    assert (500, "internal-error") == (answer.status_code, answer.json["code"])
    assert "secret" not in answer.text


# The page


class References(HTMLParser):
    """Everything that a page loads or points to."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.inline = 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.found += [attributes[name] for name in ("src", "href") if name in attributes]
        self.inline += (tag == "style") or (tag == "script" and "src" not in attributes)
        self.inline += any(name == "style" or name.startswith("on") for name in attributes)


def test_the_page_loads_only_what_is_here(http):
    page = References(http.get("/docs").text)

    assert page.inline == 0
    assert len(page.found) >= 4
    for reference in page.found:
        assert re.match(r"/[^/]", reference)
        assert http.get(reference).status_code == 200


def test_what_the_page_is_made_of_names_no_other_host(http):
    assert "://" not in http.get("/docs").text + http.get("/docs/start.js").text
    for reference in re.findall(r"url\(([^)]*)", http.get("/docs/swagger-ui.css").text):
        assert reference.strip("\"'").startswith("data:")


def test_the_page_may_run_its_own_scripts_and_no_others(http):
    policy = http.get("/docs").headers["Content-Security-Policy"]

    assert "script-src 'self'; style-src 'self';" in policy
    assert "connect-src 'self'" in policy


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("swagger-ui.css", "text/css"),
        ("swagger-ui-bundle.js", "text/javascript"),
        ("start.js", "text/javascript"),
        ("favicon-32x32.png", "image/png"),
    ],
)
def test_each_part_of_the_page_says_what_it_is(http, name, kind):
    assert http.get(f"/docs/{name}").headers["Content-Type"].startswith(kind)


@pytest.mark.parametrize(
    "name", ["index.html", "swagger-ui.js.map", "__init__.py", "..%2f__init__.py", "oauth2"]
)
def test_nothing_else_of_the_bundle_is_served(http, name):
    assert http.get(f"/docs/{name}").status_code == 404


# The document against the service


@pytest.fixture
def written_at_random():
    """A server whose world may be replaced by anything, and which never waits long."""
    with serving(
        WATERSHED_API_KEYS=KEY,
        WATERSHED_WORKERS="1",
        WATERSHED_WAIT_SECONDS="0",
        WATERSHED_POLL_SECONDS="0",
    ) as running:
        yield running


def _path_with_tests():
    return os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])


def test_no_generated_request_finds_an_undocumented_answer(written_at_random, tmp_path):
    locked = written_at_random
    # Not every string of the schema is taken: NUL, and page tokens that nobody gave out.
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{locked.address}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {KEY}", "--max-examples", "15", "--seed", "1"]
    command += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-color"]
    command += ["--exclude-checks", "positive_data_acceptance"]
    hooks = {"SCHEMATHESIS_HOOKS": "ndjson_serializer", "PYTHONPATH": _path_with_tests()}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment(**hooks), capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    key = f"Authorization: Bearer {KEY}".encode()
    assert locked.post(GOOD, key).status == 200
