"""Why two right sides that look different are equal: the moves that bring their difference down to 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..formula.formula import Formula
from ..formula.nodes import Binary, Element, Node, Number, Reduction, Symbol, walk
from ..formula.rewrite import rewritten
from ..formula.text import text
from .replacing import lettered
from .simplify import Known, expanded, factored, folded, simplest, size
from .terms import Key, key, tidied

DEEPEST = 5
"""How many moves at most are made."""
WIDEST, LARGE, FEW = 12, 50, 3
"""How many expressions are followed up after each move, the shortest first; of long ones, of more parts than the second
number, so many.
"""
SAME = "equal on all numbers that were drawn"
"""What is said where no moves are found."""


def because(right: Node, claimed: Node, lines: Sequence[Formula], known: Sequence[Known]) -> tuple[str, ...]:
    """The moves by which a claimed right side is the right one, in words.

    Args:
        right: the right side.
        claimed: the other one, equal on all numbers.
        lines: the forward lines, whose values may be written out.
        known: what else is known of the values, as that they add up to 1.
    """
    start = tidied(Binary("-", right, claimed))
    if (forms := simplest(start, known))[-1].node == Number(0.0):
        return tuple(dict.fromkeys(f.name for f in forms if f.name)) or ("terms in another order",)
    states: list[tuple[Node, tuple[str, ...]]] = [(start, ())]
    seen: set[Key] = {key(start)}
    widest = WIDEST if size(start)[0] <= LARGE else FEW
    for _ in range(DEEPEST):
        following: list[tuple[Node, tuple[str, ...]]] = []
        for node, words in states:
            for other, move in _moves(node, lines, known):
                if other == Number(0.0):
                    return tuple(dict.fromkeys([*words, *([move] if move else [])])) or ("multiplied out",)
                place = key(other)
                if place not in seen:
                    seen.add(place)
                    following.append((other, (*words, move) if move else words))
        states = sorted(following, key=lambda state: (len(state[1]), size(state[0])))[:widest]
    return (SAME,)


def adding_up(lines: Sequence[Formula], sums: Sequence[tuple[str, str, int]]) -> list[Known]:
    """What is known where forward values add up to 0 or 1: (value, index, sum)."""
    found: list[Known] = []
    for name, letter, total in sums:
        left = next(line.left for line in lines if line.output == name)
        whole = Reduction("sum", (letter,), left)
        found.append(Known(Number(float(total)), whole, f"{text(whole)} = {total}"))
    return found


def _moves(node: Node, lines: Sequence[Formula], known: Sequence[Known]) -> Iterator[tuple[Node, str]]:
    yield expanded(node), ""
    yield tidied(factored(expanded(node), denominator=True)), ""
    for value in known:
        for start in (node, expanded(node)):
            yield tidied(folded(start, value)), value.words
    names = {n.name for n in walk(node) if isinstance(n, (Element, Symbol))}
    for line in lines:
        if line.output in names and not line.recurs:
            yield tidied(written_out(node, line)), f"{text(line.left)} = {text(line.right)}"


def written_out(node: Node, line: Formula) -> Node:
    """A tree with what a line gives in the place of its value."""
    places = line.left.indices if isinstance(line.left, Element) else ()

    def change(inner: Node) -> Node:
        if not isinstance(inner, (Element, Symbol)) or inner.name != line.output:
            return inner
        return lettered(line.right, places, inner.indices if isinstance(inner, Element) else ())

    return rewritten(node, change)
