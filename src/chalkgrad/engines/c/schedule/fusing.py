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
"""The most times, on average, that a cheap value may be computed instead of once."""


def fused(statements: Sequence[Statement], outputs: Collection[str]) -> list[Statement]:
    """The statements, with those that need no value of their own put into others.

    Args:
        statements: the statements in order.
        outputs: values that must be stored.
    """
    result = list(statements)
    for name in [s.output for s in statements if s.output not in outputs]:
        statement = next((s for s in result if s.output == name), None)
        if statement is not None:
            result = _into_pool(result, statement) or _into_falling(result, statement) or result
    return result


def _into_pool(statements: Sequence[Statement], statement: Statement) -> list[Statement] | None:
    """The statements with one computed where its largest is looked for; None where it has another use."""
    if not (statement.by_sample and statement.pointwise and _cheap(statement.body)):
        return None
    readers = [s for s in statements if statement.output in s.reads]
    if not readers or not all(_looks_through(s, statement) for s in readers):
        return None

    def change(node: Node) -> Node:
        return _at(statement, node.indices) if isinstance(node, Element) and node.name == statement.output else node

    return [
        replace(s, body=rewritten(s.body, change), text=f"{s.text}, where {statement.text}") if s in readers else s
        for s in statements
        if s is not statement
    ]


def _into_falling(statements: Sequence[Statement], statement: Statement) -> list[Statement] | None:
    """The statements with one's only reader computed where its terms are added; None where that is not possible."""
    if not statement.adds or not statement.by_sample or statement.overlaps or reduces(statement.body):
        return None
    readers = [s for s in statements if statement.output in s.reads]
    if len(readers) != 1 or not readers[0].pointwise:
        return None
    (reader,) = readers
    if not is_factor(reader.body, statement.output):
        return None
    body = replaced(_at(reader, statement.place), Element(statement.output, statement.place), statement.body)
    fusion = replace(
        statement, output=reader.output, body=body, text=f"{reader.text}, where {statement.text}", step=reader.step
    )
    return [fusion if s is reader else s for s in statements if s is not statement]


def _cheap(body: Node) -> bool:
    """Whether a tree is computed of one value by few and quick operations."""
    kinds = (Element, Symbol, Number, Binary, Negative, Indicator, Function)
    inner = list(walk(body))
    functions = {n.name for n in inner if isinstance(n, Function)}
    powers = any(isinstance(n, Binary) and n.operator in "/^" for n in inner)
    values = {n.name for n in inner if isinstance(n, Element)}
    return all(isinstance(n, kinds) for n in inner) and functions <= {"max", "min"} and not powers and len(values) == 1


def _looks_through(reader: Statement, statement: Statement) -> bool:
    """Whether a statement is the largest of a value's elements, or where it stands, and looks at few of them twice."""
    body = reader.body
    if not isinstance(body, Reduction) or body.kind not in ("max", "argmax") or not isinstance(body.body, Element):
        return False
    return body.body.name == statement.output and reader.terms <= AGAIN * statement.terms


def _at(statement: Statement, place: Sequence[Node]) -> Node:
    """A pointwise statement's right side at another place."""
    return at(statement.body, {i.name: p for i, p in zip(statement.place, place, strict=True) if isinstance(i, Symbol)})


def is_factor(body: Node, name: str) -> bool:
    """Whether a tree is a product of which the value is one factor: nothing, where nothing was added."""
    match body:
        case Element(name=own):
            return own == name
        case Negative(body=inner):
            return is_factor(inner, name)
        case Binary(operator="*", left=left, right=right):
            in_left = name in names_in(left)
            return in_left != (name in names_in(right)) and is_factor(left if in_left else right, name)
        case Binary(operator="/", left=left, right=right):
            return name not in names_in(right) and is_factor(left, name)
        case _:
            return False
