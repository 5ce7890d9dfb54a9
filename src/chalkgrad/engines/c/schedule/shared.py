"""Functions of the forward pass that the backward pass needs again: computed once, where that takes longer than keeping
the number does. The normal distribution's share in a GELU is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping, Sequence
from dataclasses import replace

from ....formula import Shape
from ....formula.nodes import Element, Function, Node, walk
from ....formula.rewrite import replaced
from ....formula.text import text
from ....program.statement import Statement, names_in

COSTLY = ("erf", "erfc")
"""Functions that take longer than a number takes to be stored and loaded."""


def with_shared(statements: Sequence[Statement], shapes: MutableMapping[str, Shape]) -> list[Statement]:
    """The statements, with what several of them compute as a value of its own.

    Args:
        statements: in order.
        shapes: the shape of every named value; gets those of the new ones.
    """
    counts = Counter(node for s in statements for node in dict.fromkeys(_functions(s)))
    known: dict[Node, Element] = {}
    result: list[Statement] = []
    for statement in statements:
        for node in dict.fromkeys(_functions(statement)):
            if counts[node] < 2:
                continue
            if node not in known:
                name = f"{statement.output}_{node.name}"
                known[node] = Element(name, statement.place)
                shapes[name] = shapes[statement.output]
                sizes = {i: size for i, size in statement.sizes.items() if i in names_in(known[node])}
                line = f"{text(known[node])} = {text(node)}"
                result.append(replace(statement, output=name, body=node, sizes=sizes, text=line))
            statement = replace(statement, body=replaced(statement.body, node, known[node]))
        result.append(statement)
    return result


def _functions(statement: Statement) -> list[Function]:
    """The functions in a statement that sets one element of each sample after another."""
    if not (statement.by_sample and statement.pointwise):
        return []
    return [n for n in walk(statement.body) if isinstance(n, Function) and n.name in COSTLY]
