"""Copies that need no memory of their own: the derivative that an addition hands to each of its terms is the one that
came in. As every value is set by one statement, whoever reads the copy may read what it is a copy of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ....formula import Shape
from ....formula.nodes import Element
from ....program.names import GIVEN
from ....program.statement import Statement


def without_copies(
    statements: Sequence[Statement], shapes: Mapping[str, Shape], apart: Collection[str]
) -> list[Statement]:
    """The statements without those that copy a value with samples, the others reading what was copied.

    Args:
        statements: in order.
        shapes: the shape of every named value.
        apart: values that have a place of their own: what is handed out, what loops over time compute.
    """
    own = {*GIVEN, *apart}
    originals: dict[str, str] = {}
    result: list[Statement] = []
    for statement in statements:
        statement = _reading(statement, originals)
        source = _source(statement)
        names = {statement.output, source}
        if source is None or names & own or shapes[source] != shapes[statement.output]:
            result.append(statement)
        else:
            originals[statement.output] = source
    return result


def _source(statement: Statement) -> str | None:
    """The value whose elements a statement copies to the same places of another, for every sample."""
    copies = statement.by_sample and statement.pointwise and isinstance(statement.body, Element)
    return statement.body.name if copies and isinstance(statement.body, Element) else None


def _reading(statement: Statement, originals: Mapping[str, str]) -> Statement:
    """The statement with the originals in place of their copies, in its step's operands and its text, too."""
    if statement.reads.isdisjoint(originals):
        return statement
    inputs = tuple(None if name is None else originals.get(name, name) for name in statement.step.inputs)
    text = re.sub(r"[\w.]+(?=\[)", lambda found: originals.get(found[0], found[0]), statement.text)
    return replace(statement.renamed(originals), step=replace(statement.step, inputs=inputs), text=text)
