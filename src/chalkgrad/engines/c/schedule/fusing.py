"""Statements put into those beside them, so that values that are read once need not be stored.

Two kinds come up round pools. What is cheap to compute place by place (a ReLU) and only ever looked through for the
largest is computed where it is looked at. And what is computed place by place from terms that were added where they
fall (the pool's gradient, which the ReLU's derivative then multiplies) is computed where they fall.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ....formula.nodes import Binary, Element, Function, Indicator, Negative, Node, Number, Reduction, Symbol, walk
from ....formula.rewrite import at, replaced, rewritten
from ....program.statement import Statement, names_in, reduces

AGAIN = 1.5
"""How often, on average, a cheap value may be computed instead of once."""


def fused(statements: Sequence[Statement], kept: Collection[str]) -> list[Statement]:
    """The statements, with those that need no value of their own put into others.

    Args:
        statements: in order.
        kept: values that have to be there whoever reads them.
    """
    made = list(statements)
    for name in [s.output for s in statements if s.output not in kept]:
        one = next((s for s in made if s.output == name), None)
        if one is not None:
            made = _into_pool(made, one) or _into_falling(made, one) or made
    return made


def _into_pool(statements: Sequence[Statement], one: Statement) -> list[Statement] | None:
    """`one` computed where it is looked through for the largest; None where it is not for that alone."""
    if not (one.by_sample and one.pointwise and _cheap(one.body)):
        return None
    readers = [s for s in statements if one.output in s.reads]
    if not readers or not all(_looks_through(s, one) for s in readers):
        return None

    def change(node: Node) -> Node:
        return _at(one, node.indices) if isinstance(node, Element) and node.name == one.output else node

    return [
        replace(s, body=rewritten(s.body, change), text=f"{s.text}, where {one.text}") if s in readers else s
        for s in statements
        if s is not one
    ]


def _into_falling(statements: Sequence[Statement], one: Statement) -> list[Statement] | None:
    """What is computed from `one`, whose terms are added where they fall, computed there; None where that is not so."""
    if not one.adds or not one.by_sample or one.overlaps or reduces(one.body):
        return None
    readers = [s for s in statements if one.output in s.reads]
    if len(readers) != 1 or not readers[0].pointwise:
        return None
    (reader,) = readers
    if not is_factor(reader.body, one.output):
        return None
    body = replaced(_at(reader, one.place), Element(one.output, one.place), one.body)
    joined = replace(one, output=reader.output, body=body, text=f"{reader.text}, where {one.text}", step=reader.step)
    return [joined if s is reader else s for s in statements if s is not one]


def _cheap(body: Node) -> bool:
    """Whether a tree is computed of one value by few and quick operations."""
    kinds = (Element, Symbol, Number, Binary, Negative, Indicator, Function)
    inner = list(walk(body))
    functions = {n.name for n in inner if isinstance(n, Function)}
    powers = any(isinstance(n, Binary) and n.operator in "/^" for n in inner)
    values = {n.name for n in inner if isinstance(n, Element)}
    return all(isinstance(n, kinds) for n in inner) and functions <= {"max", "min"} and not powers and len(values) == 1


def _looks_through(reader: Statement, one: Statement) -> bool:
    """Whether a statement is the largest of a value's elements, or where it stands, and looks at few of them twice."""
    body = reader.body
    if not isinstance(body, Reduction) or body.kind not in ("max", "argmax") or not isinstance(body.body, Element):
        return False
    return body.body.name == one.output and reader.terms <= AGAIN * one.terms


def _at(made: Statement, place: Sequence[Node]) -> Node:
    """A pointwise statement's right side at another place."""
    return at(made.body, {i.name: p for i, p in zip(made.place, place, strict=True) if isinstance(i, Symbol)})


def is_factor(body: Node, name: str) -> bool:
    """Whether a tree is a product of which the value is one factor: nothing, where nothing was added."""
    match body:
        case Element(name=own):
            return own == name
        case Negative(body=inner):
            return is_factor(inner, name)
        case Binary(operator="*", left=left, right=right):
            one = name in names_in(left)
            return one != (name in names_in(right)) and is_factor(left if one else right, name)
        case Binary(operator="/", left=left, right=right):
            return name not in names_in(right) and is_factor(left, name)
        case _:
            return False
