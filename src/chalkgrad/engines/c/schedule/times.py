"""Loops over time: the statements of one run together, one time after another, for every sample by itself.

In each of them the index over time is called t; whoever goes through the times fixes it, so that a statement is the
ordinary one without that index. What needs nothing of the loop is computed for all times before it: the x W + b of
x W + h' U + b.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import groupby

from ....formula import Shape
from ....formula.nodes import Binary, Element, Node, Symbol
from ....formula.rewrite import at
from ....formula.text import text
from ....program import Loop
from ....program.statement import Statement, names_in, reduces

TIME = "t"
"""The index over the times of a loop."""


def in_time(statement: Statement) -> Statement:
    """A statement of a loop, its second index called t."""
    _, time, *_ = statement.place
    assert isinstance(time, Symbol)
    if time.name == TIME:
        return statement
    assert TIME not in statement.sizes, statement.text
    new = {time.name: Symbol(TIME)}
    return replace(
        statement,
        place=tuple(at(place, new) for place in statement.place),
        body=at(statement.body, new),
        sizes={TIME if index == time.name else index: size for index, size in statement.sizes.items()},
        loops=tuple(TIME if index == time.name else index for index in statement.loops),
    )


def together(statements: Sequence[Statement], loops: Mapping[str, Loop]) -> list[list[Statement]]:
    """The statements in order, those of a loop in one list, the others alone."""

    def key(numbered: tuple[int, Statement]) -> int:
        number, statement = numbered
        return id(loops[statement.output]) if statement.output in loops else number

    return [[statement for _, statement in group] for _, group in groupby(enumerate(statements), key)]


def taken_out(
    statements: Sequence[Statement], loops: MutableMapping[str, Loop], shapes: MutableMapping[str, Shape]
) -> list[Statement]:
    """The statements, with what a loop need not wait for before it.

    Args:
        statements: in order.
        loops: for what a loop computes, the loop; loses what is no longer in one.
        shapes: the shape of every named value; gets those of the new ones.
    """
    kept: list[Statement] = []
    for group in together(statements, loops):
        own = {s.output for s in group if s.output in loops}
        before: list[Statement] = []
        inside: list[Statement] = []
        for statement in group:
            if statement.output not in own:
                inside.append(statement)
            elif own.isdisjoint(statement.reads):
                own.remove(statement.output)
                del loops[statement.output]
                before.append(statement)
            else:
                free = [term for term in _terms(statement.body) if own.isdisjoint(names_in(term))]
                if any(map(reduces, free)):
                    first, statement = _split(statement, free)
                    shapes[first.output] = shapes[statement.output]
                    before.append(first)
                inside.append(statement)
        kept += [*before, *inside]
    return kept


def _terms(node: Node) -> list[Node]:
    """The terms that a tree adds, in order."""
    if isinstance(node, Binary) and node.operator == "+":
        return [*_terms(node.left), *_terms(node.right)]
    return [node]


def _split(statement: Statement, free: Sequence[Node]) -> tuple[Statement, Statement]:
    """Some of a statement's terms as a value of its own, and the others added to that."""
    first = Element(f"{statement.output}_start", statement.place)
    rest = [term for term in _terms(statement.body) if term not in free]
    return _of_terms(statement, first, free), _of_terms(statement, statement.left, [*rest, first])


def _of_terms(statement: Statement, left: Node, terms: Sequence[Node]) -> Statement:
    """The statement with another left side and other terms."""
    assert isinstance(left, Element)
    body = reduce(lambda one, other: Binary("+", one, other), terms)
    names = {*statement.loops, *names_in(body)}
    sizes = {index: size for index, size in statement.sizes.items() if index in names}
    return replace(statement, output=left.name, body=body, sizes=sizes, text=f"{text(left)} = {text(body)}")


def of_one_time(statements: Sequence[Statement], loops: Mapping[str, Loop]) -> frozenset[str]:
    """What a loop computes, and nobody reads but the same loop at the same time: it need not be kept for every time."""
    lasting: set[str] = set()
    for statement in statements:
        for element in statement.elements:
            loop = loops.get(element.name)
            if loop is not None and (loop is not loops.get(statement.output) or element.indices[1] != Symbol(TIME)):
                lasting.add(element.name)
    return frozenset(loops) - lasting
