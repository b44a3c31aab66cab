"""What the rules of a law can tell at all of what they are asked about."""

from typing import NamedTuple

from service.domain.schema import BUILT_IN_TYPES, LIST_KINDS, Schema
from service.policy.policy_set import PolicySet
from service.policy.source import attribute_reads


class Sight(NamedTuple):
    """What the rules of a law can see of an entity besides how it lies to others."""

    schema: Schema
    ids: bool
    """Whether any of them reads `id`."""
    members: bool
    """Whether any of them goes through the `organizations` of a user."""
    listing: frozenset[str]
    """The types that declare a list."""
    bare: frozenset[str]
    """The types of resources that declare nothing."""


def sight_of(policies: PolicySet) -> Sight:
    """What the rules of this law can see."""
    read = {name for each in attribute_reads(policies.files) for name in each.chain}
    schema, lists = policies.schema, ("strings", *LIST_KINDS)
    listing = frozenset(
        name
        for name, known in schema.types.items()
        if any(each.kind in lists for each in known.attributes.values())
    )
    bare = frozenset(
        name
        for name, known in schema.types.items()
        if name not in BUILT_IN_TYPES and not known.attributes
    )
    return Sight(schema, "id" in read, "organizations" in read, listing, bare)
