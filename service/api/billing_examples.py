"""Requests and answers about money, reports and subscriptions, for the OpenAPI document.

They are true of `fixtures/brand-dealers.world.toml` in the winter of 2026; a test asks for them.
"""

import json
from typing import Any

_PETRA = {"type": "user", "id": "petra"}
_MIRIAM = {"type": "user", "id": "miriam"}
_ANTON = {"type": "user", "id": "anton"}


def _paid(name: str, *organizations: str) -> dict[str, Any]:
    return {"id": name, "organizations": list(organizations)}


INVOICE_REQUEST = {"subject": _PETRA, "period": "2026-11", "prices": {"user": "40", "add_on": "25"}}

INVOICE = {
    "account": "corvane",
    "name": "Corvane Austria",
    "period": {"from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"},
    "lines": [
        {"item": "user", "quantity": 13, "price": "40", "amount": "520.00"},
        {"item": "add_on", "organization": "graz", "quantity": 1, "price": "25", "amount": "25.00"},
        {"item": "add_on", "organization": "linz", "quantity": 1, "price": "25", "amount": "25.00"},
    ],
    "total": "570.00",
    "paid_users": [
        _paid("anton", "corvane"),
        _paid("bruno", "linz"),
        _paid("clara", "linz"),
        _paid("dora", "linz"),
        _paid("franz", "graz"),
        _paid("gerda", "graz"),
        _paid("hanna", "salzburg"),
        _paid("helene", "corvane"),
        _paid("ida", "salzburg"),
        _paid("jakob", "graz", "linz"),
        _paid("lukas", "corvane"),
        _paid("miriam", "corvane"),
        _paid("night-shift", "corvane"),
    ],
    "free_users": ["emil", "greta"],
    "revision": 1,
    "obligations": [{"name": "audit"}],
}

REPORT_REQUEST = {"subject": _MIRIAM, "filter": ["linz", "graz"]}

REPORT = {
    "organization": "corvane",
    "account": "corvane",
    "organizations": ["linz", "graz"],
    "revision": 1,
}

USAGE_REQUEST: dict[str, Any] = {
    "subject": _ANTON,
    "period": "2026-11",
    "records": [
        {
            "type": "agents",
            "user": "lukas",
            "from": "2026-11-02T08:00:00+01:00",
            "until": "2026-11-02T16:30:00+01:00",
        },
        {"type": "webex_connect", "at": "2026-11-02T09:30:00+01:00", "quantity": 1200},
        {
            "type": "agents",
            "user": "nobody",
            "from": "2026-11-02T09:31:00+01:00",
            "until": "2026-11-02T17:00:00+01:00",
        },
    ],
}

USAGE_LINES = "\n".join(json.dumps(each) for each in USAGE_REQUEST["records"])

USAGE = {
    "organization": "corvane",
    "revision": 1,
    "accepted": 2,
    "refused": 1,
    "outside": 0,
    "problems": [
        {"line": 3, "path": "user", "reason": "is no user of `corvane` or of what lies below it"}
    ],
    "stretches": [
        {
            "from": "2026-11-01T00:00:00Z",
            "until": "2026-12-01T00:00:00Z",
            "primary": "corvane-care",
            "type": "named",
            "usage": [
                {
                    "type": "agents",
                    "used": 1,
                    "entitled": 12,
                    "overage": 0,
                    "subscriptions": [{"id": "corvane-care", "used": 1, "overage": 0}],
                },
                {
                    "type": "webex_connect",
                    "used": 1200,
                    "entitled": 0,
                    "overage": 0,
                    "subscriptions": [{"id": "corvane-care", "used": 1200, "overage": 0}],
                },
            ],
        }
    ],
}

SUBSCRIPTIONS = {
    "organization": "corvane",
    "revision": 1,
    "at": "2026-12-01T00:00:00Z",
    "primary": "corvane-care",
    "type": "named",
    "entitlements": {"agents": 12},
    "responsible": {
        "agents": "corvane-care",
        "ivr": "corvane-care",
        "webex_connect": "corvane-care",
        "ai_agent": "corvane-care",
        "ai_assistant": "corvane-care",
        "ivr_campaigns": "corvane-care",
    },
    "subscriptions": [
        {
            "id": "corvane-care",
            "status": "active",
            "primary": True,
            "type": "named",
            "starts": "2025-02-01T00:00:00Z",
            "ends": "2028-02-01T00:00:00Z",
            "plan": "Flex",
            "telephony": "bundled PSTN",
            "department": "Customer care",
            "entitlements": {"agents": 12},
            "mapped": 3,
        }
    ],
}

COVERAGE = {
    "organization": "corvane",
    "revision": 1,
    "at": "2026-12-01T00:00:00Z",
    "subscription_required": False,
    "people": 15,
    "changes": [],
    "states": [
        {
            "at": "2026-12-01T00:00:00Z",
            "without_access": [],
            "can_map": ["anton", "helene"],
            "locked_out": False,
        }
    ],
}

ADDITION_REQUEST = {
    "subject": _ANTON,
    "subscription": {"type": "concurrent", "telephony": "VPOP", "plan": "Flex 3"},
}

ADDITION = {
    "decision": False,
    "context": {
        "id": "5d2c9a0f3e6b4c7d8a1b2c3d4e5f6071",
        "reason": "prohibited",
        "rules": [
            "tenants-keep-their-first-telephony-option",
            "tenants-never-mix-subscription-types",
        ],
        "revision": 1,
        "policy": "aec280d3551d3d86",
        "valid_until": "2028-02-01T00:00:00Z",
    },
    "reasons": [
        {
            "rule": "tenants-keep-their-first-telephony-option",
            "says": "All subscriptions of a tenant use the telephony option that its first one "
            "chose, even if that one has ended (S2-31, S2-33).",
        },
        {
            "rule": "tenants-never-mix-subscription-types",
            "says": "A tenant never mixes concurrent and named subscriptions; those that have "
            "ended bind nobody (S2-18, S2-19, DC-17).",
        },
    ],
    "bound": [
        {"name": "type", "value": "named", "by": ["corvane-care"], "until": "2028-02-01T00:00:00Z"},
        {"name": "telephony", "value": "bundled PSTN", "by": ["corvane-care"]},
    ],
    "instead": {"type": "named", "telephony": "bundled PSTN", "plan": "Flex 3"},
}
