"""Functions of the forward pass that the backward pass needs again: computed once, where that takes longer than keeping
the number does. A GELU's share of the normal distribution is one, the tanh of an LSTM's c another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping, Sequence
from dataclasses import replace

from ....formula import Shape
from ....formula.nodes import Element, Function, Node, Symbol, walk
from ....formula.rewrite import at, replaced
from ....formula.text import text
from ....program import Loop
from ....program.statement import Statement, names_in

COSTLY = ("erf", "erfc", "tanh")
"""Functions that take longer than a number takes to be stored and loaded."""


def with_shared(
    statements: Sequence[Statement], shapes: MutableMapping[str, Shape], loops: MutableMapping[str, Loop]
) -> list[Statement]:
    """The statements, with what several of them compute as a value of its own.

    Args:
        statements: in order.
        shapes: the shape of every named value; gets those of the new ones.
        loops: for what a loop over time computes, the loop; gets the new ones.
    """
    counts = Counter(key for s in statements for key in {_key(s, node) for node in _functions(s)})
    known: dict[Node, str] = {}
    result: list[Statement] = []
    for statement in statements:
        for node in dict.fromkeys(_functions(statement)):
            key = _key(statement, node)
            if counts[key] < 2:
                continue
            if key not in known:
                known[key] = name = f"{statement.output}_{node.name}"
                shapes[name] = shapes[statement.output]
                if statement.output in loops:
                    loops[name] = loops[statement.output]
                own = Element(name, statement.place)
                sizes = {i: size for i, size in statement.sizes.items() if i in names_in(own)}
                line = f"{text(own)} = {text(node)}"
                result.append(replace(statement, output=name, body=node, sizes=sizes, text=line))
            statement = replace(statement, body=replaced(statement.body, node, Element(known[key], statement.place)))
        result.append(statement)
    return result


def _functions(statement: Statement) -> list[Function]:
    """The functions in a statement that sets one element of each sample after another."""
    if not (statement.by_sample and statement.pointwise and all(isinstance(i, Symbol) for i in statement.place)):
        return []
    return [n for n in walk(statement.body) if isinstance(n, Function) and n.name in COSTLY]


def _key(statement: Statement, node: Node) -> Node:
    """A tree of a statement with other letters, the same for the same place of every statement."""
    letters = {i.name: Symbol(f"place{axis}") for axis, i in enumerate(statement.place) if isinstance(i, Symbol)}
    return at(node, letters)
