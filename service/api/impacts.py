"""How JSON spells what a change of the facts would turn."""

from typing import Any

from service.domain.identifiers import reference
from service.explain.questions import Difference, Impact, Resource, Subject


def impact_body(impact: Impact) -> dict[str, Any]:
    """Every decision that would turn, as classes of questions; the largest first."""
    return {
        "revision": impact.revision,
        "policy": impact.policy,
        "questions": impact.questions,
        "decided": impact.decided,
        "gained": impact.count(gained=True),
        "lost": impact.count(gained=False),
        "left_out": list(impact.left_out),
        "differences": [_difference_body(each) for each in impact.differences],
    }


def _difference_body(difference: Difference) -> dict[str, Any]:
    body: dict[str, Any] = {
        "decision": difference.gained,
        "count": difference.count,
        "actions": list(difference.actions),
        "subjects": [subject_body(each) for each in difference.subjects],
        "resources": [resource_body(each) for each in difference.resources],
    }
    if difference.apart:
        body["apart"] = [
            {"subject": subject_body(subject), "resource": resource_body(resource)}
            for subject, resource in sorted(difference.apart)
        ]
    return body


def subject_body(subject: Subject) -> dict[str, Any]:
    """Who asks, and for whom."""
    body = {"subject": reference(subject.key)}
    return body if subject.acts_for is None else {**body, "acts_for": subject.acts_for}


def resource_body(resource: Resource) -> dict[str, Any]:
    """What is asked about; one that is not stored is any of its type in that organization."""
    if resource.described_at is None:
        return {"resource": reference(resource.key)}
    return {"type": resource.key[0], "organization": resource.described_at}
