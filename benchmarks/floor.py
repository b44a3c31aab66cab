"""What memory alone costs: the least that an answer takes, so that nobody takes it for an engine's.

This is no engine. It knows one rule and no other, is made for one state of the facts and goes stale
with the first change, checks nothing that it is asked, and says neither why nor by which rule. But
it, too, looks up who asks and where, in dictionaries that grow with the world while caches do not:
what it loses on a large world, nothing that keeps its facts in dictionaries can save.
"""

from benchmarks.town import MAY, Asked, Town, Way

NAME = "a dict of frozensets, no engine"


def floor(town: Town) -> Way:
    """The answer of an index: a membership's organizations by action, not disjoint from a path."""
    paths = town.paths
    index = {
        membership: {action: frozenset((at,)) for action, roles in MAY.items() if role in roles}
        for membership, (at, role) in town.memberships.items()
    }

    def ask(membership: str, action: str, organization: str) -> bool:
        allowed = index[membership].get(action)
        return allowed is not None and not allowed.isdisjoint(paths[organization])

    def spell(asked: Asked) -> tuple[str, str, str]:
        return asked.membership, asked.action, asked.organization

    return Way(NAME, NAME, ask, spell)
