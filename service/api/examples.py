"""Requests and answers that go together, for the OpenAPI document.

They are true of `fixtures/brand-dealers.world.toml` in the winter of 2026; a test asks for them.
"""

from typing import Any

DORA = {"type": "user", "id": "dora"}
TEST_DRIVE = {"type": "conversation", "id": "test-drive"}

EVALUATION = {"subject": DORA, "action": {"name": "reply"}, "resource": TEST_DRIVE}

_RULE = "users-work-on-conversations-at-and-below-their-organization"
_LAW_AND_FACTS = {"revision": 1, "policy": "aec280d3551d3d86"}

DECISION = {
    "decision": True,
    "context": {
        "id": "2f1c7c0de0b14c4f9b1f9d3c5f6a7b80",
        "reason": "granted",
        "rules": [_RULE],
        **_LAW_AND_FACTS,
    },
}

BATCH = {
    "subject": DORA,
    "action": {"name": "read"},
    "evaluations": [
        {"resource": TEST_DRIVE},
        {"resource": {"type": "conversation", "id": "winter-tyres"}},
    ],
    "options": {"evaluations_semantic": "execute_all"},
}

BATCH_ANSWER = {
    "evaluations": [
        DECISION,
        {
            "decision": False,
            "context": {
                "id": "9a0b4b61f7f94b5f8f1a9be1a9f1c2d3",
                "reason": "no-grant",
                "rules": [],
                **_LAW_AND_FACTS,
            },
        },
    ]
}

ORGANIZATION = {
    "id": "linz",
    "name": "Autohaus Brandl, Linz",
    "kind": "dealer",
    "level": 3,
    "path": ["meridian", "corvane", "linz"],
    "parent": "corvane",
    "status": "active",
    "children": 0,
}

ACCOUNT = {
    "id": "corvane",
    "name": "Corvane Austria",
    "kind": "nso",
    "level": 2,
    "path": ["meridian", "corvane"],
    "parent": "meridian",
    "status": "active",
    "children": 3,
}


def _dealer(name: str, title: str) -> dict[str, Any]:
    more = {"kind": "dealer", "status": "active", "level": 3, "children": []}
    return {"id": name, "name": title, **more}


TREE = {
    "id": "corvane",
    "name": "Corvane Austria",
    "kind": "nso",
    "status": "active",
    "level": 2,
    "children": [
        _dealer("graz", "Murtal Automobile, Graz"),
        _dealer("linz", "Autohaus Brandl, Linz"),
        _dealer("salzburg", "Garage Hofer, Salzburg"),
    ],
}

RESOURCES = {
    "organization": "linz",
    "revision": 1,
    "results": [
        {
            "type": "channel",
            "id": "hotline",
            "owner": "corvane",
            "source": "inherited",
            "share": {"with": "all", "depth": "children", "via": "corvane"},
        },
        {
            "type": "channel",
            "id": "launch-line",
            "owner": "corvane",
            "source": "inherited",
            "share": {"with": ["linz"], "depth": "children", "via": "linz"},
            "valid_from": "2026-09-01T00:00:00Z",
            "valid_until": "2027-03-01T00:00:00Z",
        },
    ],
}

MEMBERSHIPS = {
    "user": "jakob",
    "revision": 1,
    "results": [
        {
            "id": "graz",
            "name": "Murtal Automobile, Graz",
            "role": "agent",
            "level": 3,
            "path": ["meridian", "corvane", "graz"],
            "selected": False,
        },
        {
            "id": "linz",
            "name": "Autohaus Brandl, Linz",
            "role": "agent",
            "level": 3,
            "path": ["meridian", "corvane", "linz"],
            "selected": True,
        },
    ],
}

READY = {
    "status": "ready",
    "newest": 1,
    "behind": 0,
    "age_seconds": 0.25,
    "reading_seconds": 0.0,
    **_LAW_AND_FACTS,
    "counts": {"channel": 7, "organization": 6, "user": 19},
}

CHANGES = {
    "changes": [
        {"op": "put_organization", "organization": "wels", "name": "Wels", "parent": "corvane"},
        {"op": "put_user", "user": "vera", "name": "Vera", "memberships": {"wels": "admin"}},
    ],
    "expect_revision": 1,
    "on_behalf_of": {"type": "user", "id": "anton"},
}

REVISION = {"revision": 2}

CHANGE_LOG = {
    "revision": 2,
    "entries": [
        {
            "revision": 2,
            "at": "2026-12-01T00:00:00Z",
            "caller": "api",
            "subject": "user:anton",
            "changes": CHANGES["changes"],
        }
    ],
}

WORLD = {
    "organizations": {"meridian": {"name": "Meridian"}, "corvane": {"parent": "meridian"}},
    "users": {"clara": {"memberships": {"corvane": "admin"}}},
    "resources": {"channel:hotline": {"organization": "corvane"}},
    "shares": [],
    "subscriptions": {},
    "partners": {},
}


def _found(results: list[dict[str, Any]]) -> dict[str, Any]:
    page = {"next_token": "", "count": len(results)}
    return {"page": page, "context": _LAW_AND_FACTS, "results": results}


SUBJECT_SEARCH = {
    "subject": {"type": "user"},
    "action": {"name": "manage"},
    "resource": {"type": "channel", "id": "hotline"},
}
SUBJECTS = _found([{"type": "user", "id": name} for name in ("petra", "anton", "helene")])

_SHARED = {
    "reason": "granted",
    "rules": ["sub-accounts-use-what-is-shared-with-them"],
    "paths": {"subject": ["meridian", "corvane", "linz"], "resource": ["meridian", "corvane"]},
}
RESOURCE_SEARCH = {
    "subject": DORA,
    "action": {"name": "view"},
    "resource": {"type": "channel", "properties": {"organization": "corvane"}},
    "page": {"limit": 100},
    "options": {"explain": True},
}
RESOURCES_FOUND = _found(
    [
        {
            "type": "channel",
            "id": "hotline",
            "context": {
                **_SHARED,
                "share": {"with": "all", "depth": "children", "via": "corvane"},
            },
        },
        {
            "type": "channel",
            "id": "launch-line",
            "context": {
                **_SHARED,
                "share": {"with": ["linz"], "depth": "children", "via": "linz"},
                "valid_until": "2027-03-01T00:00:00Z",
            },
        },
    ]
)

ACTION_SEARCH = {"subject": DORA, "resource": TEST_DRIVE}
ACTIONS_FOUND = _found(
    [{"name": name} for name in ("accept", "close", "join", "notify", "read", "reply")]
)

SCOPE_REQUEST = {
    "subject": {"type": "user", "id": "lukas"},
    "action": {"name": "read"},
    "resource": {"type": "conversation"},
}
SCOPE = {
    "scope": {"subtrees": [{"within": "corvane", "path": ["meridian", "corvane"]}]},
    "assumes": {"properties": {}, "absent": []},
    "context": _LAW_AND_FACTS,
}

_AT = "http://127.0.0.1:8080"
METADATA = {
    "policy_decision_point": _AT,
    "access_evaluation_endpoint": f"{_AT}/access/v1/evaluation",
    "access_evaluations_endpoint": f"{_AT}/access/v1/evaluations",
    "search_subject_endpoint": f"{_AT}/access/v1/search/subject",
    "search_resource_endpoint": f"{_AT}/access/v1/search/resource",
    "search_action_endpoint": f"{_AT}/access/v1/search/action",
}
SUPPOSITION = {
    "changes": [{"op": "move_organization", "organization": "linz", "to": "meridian"}],
    "requests": [
        {
            "subject": {"type": "user", "id": "lukas"},
            "action": {"name": "read"},
            "resource": {"type": "conversation", "id": "recall-linz"},
        }
    ],
    "now": "2026-12-01T00:00:00Z",
}

SIMULATION = {
    **_LAW_AND_FACTS,
    "now": "2026-12-01T00:00:00Z",
    "differ": 1,
    "results": [
        {
            "decision": False,
            "context": {"reason": "no-grant", "rules": []},
            "differs": True,
            "now": {
                "decision": True,
                "context": {
                    "reason": "granted",
                    "rules": ["users-work-on-conversations-at-and-below-their-organization"],
                },
            },
        }
    ],
}
