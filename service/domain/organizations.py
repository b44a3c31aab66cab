"""The account tree as a graph. The only module that imports networkx.

The graph judges a tree (is it a forest, how deep) and walks it for those who ask for a whole
subtree. A decision reads the path that each organization carries instead: three names, no walk.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from service.errors import Problem

if TYPE_CHECKING:
    import networkx as nx

DEFAULT_LEVELS = 3
MOST_LEVELS = 32


def paths(
    parents: Mapping[str, str | None], levels: int
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """The path of every organization from level 1 down, and what keeps the rest from having one.

    `parents` maps each organization to the one above it, None at level 1; the organizations named
    as parents must exist. Organizations on or below a cycle, or below the last level, have no path.
    """
    import networkx as nx  # here, because it takes longer to import than most commands take

    tree = nx.DiGraph()
    tree.add_nodes_from(parents)
    tree.add_edges_from((parent, child) for child, parent in parents.items() if parent is not None)
    problems = [_cycle_problem(members, parents) for members in _cycles(tree)]
    result: dict[str, tuple[str, ...]] = {}
    roots = [name for name, parent in parents.items() if parent is None]
    for level, layer in enumerate(nx.bfs_layers(tree, roots) if roots else (), start=1):
        for name in layer:
            parent = parents[name]
            if level > levels:
                problems.append(_depth_problem(name, level, levels, parent))
            elif parent is None:
                result[name] = (name,)
            else:
                result[name] = (*result[parent], name)
        if level > levels:
            break
    return result, problems


def _cycles(tree: "nx.DiGraph") -> Iterable[set[str]]:
    import networkx as nx

    # With one parent each, a cycle is a whole strongly connected component.
    for component in nx.strongly_connected_components(tree):
        if len(component) > 1 or any(tree.has_edge(name, name) for name in component):
            yield component


def _cycle_problem(members: set[str], parents: Mapping[str, str | None]) -> Problem:
    first = min(members)
    circle = [first]
    while (above := parents[circle[-1]]) != first:
        circle.append(above)
    shown = " → ".join([*circle[:8], first] if len(circle) <= 8 else [*circle[:8], "…"])
    return Problem(
        f"organizations.{first}.parent",
        parents[first],
        f"stands above itself ({shown}); give one of them another parent, or none",
    )


def _depth_problem(name: str, level: int, levels: int, parent: str | None) -> Problem:
    return Problem(
        f"organizations.{name}.parent",
        parent,
        f"would put it at level {level}; the last level is {levels} (WATERSHED_LEVELS)",
    )


def subtree(edges: Iterable[tuple[str, str]], root: str) -> dict:
    """`root` and everything below as nested `{id, children}`, children in order of their id."""
    import networkx as nx

    tree = nx.DiGraph()
    tree.add_node(root)
    tree.add_edges_from(sorted(edges))
    return nx.tree_data(tree, root)
