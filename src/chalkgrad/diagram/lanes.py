"""The lanes beside the computation graph: on the left for values, on the right for shares of their derivatives."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from .computation import Graph

APART = 14.0
"""How far one lane lies from the next."""


class Lanes:
    """Where every value that passes some nodes goes down, and where the shares of its derivative come back up.

    Attributes:
        left: by the value's name.
        right: by the value's name and the place of the node that the share comes from.
    """

    def __init__(self, graph: Graph, reach: float) -> None:
        """Gives every value its lane; `reach` is how far from the middle the first ones lie."""
        values = {v: (graph.home(v), max(graph.skips(v))) for v in graph.passing}
        shares = {(v, k): (graph.home(v), k) for v in graph.passing for k in graph.skips(v)}
        self.left = {v: -reach - APART * lane for v, lane in _lanes(values).items()}
        self.right = {way: reach + APART * lane for way, lane in _lanes(shares).items()}


Way = TypeVar("Way", bound=Hashable)


def _lanes(ways: Mapping[Way, tuple[int, int]]) -> dict[Way, int]:
    """A number for each way such that ways beside the same node have different ones; short ways lie inside."""
    lanes: dict[Way, int] = {}
    for way in sorted(ways, key=lambda w: (ways[w][1] - ways[w][0], ways[w])):
        first, last = ways[way]
        numbers = {n for other, n in lanes.items() if ways[other][0] <= last and first <= ways[other][1]}
        lanes[way] = next(n for n in range(len(ways)) if n not in numbers)
    return lanes
