"""Weight matrices that many rows of a sample are multiplied with: every step of a sequence.

A vector of such a product's sums is loaded and stored by whole rows, so a matrix that is summed over along its own rows
(`dh[n,t,v] = sum_u dz[n,t+1,u] * U[v,u]`) is copied, turned, once in a step: sums across a vector's lanes would take
longer. Both lie in blocks of columns, each of which stays in the first cache while all rows go by.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import replace

from ....formula import Shape, Size
from ....formula.nodes import Element, Symbol
from ....formula.rewrite import replaced
from ....formula.text import text
from ....program.statement import SAMPLES, Statement
from .products import LEAST, factors, without_scale

SEQUENCE, PAIRS = 3, 4
"""A sequence has so many indices, samples, rows and columns; a value for every two rows more."""
ROWS = 4
"""A sample has at least so many rows where this is worth it."""


def matrix_of(statement: Statement, shapes: MutableMapping[str, Shape]) -> Element | None:
    """The weight matrix of a product that has many rows for a sample; None where it is no such product."""
    parts = factors(statement)
    if parts is None or not statement.by_sample or statement.terms < LEAST:
        return None
    _, left, right, _ = parts
    for matrix, other in ((left, right), (right, left)):
        shape = shapes[matrix.name]
        plain = len(shape) == 2 and SAMPLES not in shape and all(isinstance(i, Symbol) for i in matrix.indices)
        rows = [i for i in statement.loops if Symbol(i) not in matrix.indices and i != statement.sample]
        if plain and shapes[other.name][0] == SAMPLES and any(int(statement.sizes[i]) >= ROWS for i in rows):
            return matrix
    return None


def turned(statements: Sequence[Statement], shapes: MutableMapping[str, Shape]) -> Iterator[Statement]:
    """The statements, with copies of what is summed over along its rows.

    Args:
        statements: in order.
        shapes: the shape of every named value; gets those of the copies.
    """
    for statement in statements:
        factor = matrix_of(statement, shapes) or _keys(statement)
        if factor is None or factor.indices[-2] != statement.place[-1]:
            yield statement
            continue
        name, (*samples, row, column) = f"{factor.name}_turned", factor.indices
        other = Element(name, (*samples, column, row))
        if name not in shapes:
            *first, rows, columns = shapes[factor.name]
            shapes[name] = (*first, columns, rows)
            yield _copy(factor, other, shapes[name], statement)
        yield replace(statement, body=replaced(statement.body, factor, other))


def _keys(statement: Statement) -> Element | None:
    """The factor of a product of two values of the same sample, each row with each, whose rows are the product's
    columns: the keys of attention.
    """
    _, statement = without_scale(statement)
    parts = factors(statement)
    if parts is None or not statement.by_sample or statement.terms < LEAST or len(statement.place) < PAIRS:
        return None
    _, left, right, _ = parts
    both = [e for e in (left, right) if len(e.indices) == SEQUENCE and e.indices[0] == statement.place[0]]
    if len(both) < len((left, right)):
        return None
    return next((e for e in both if e.indices[-2] == statement.place[-1]), None)


def _copy(factor: Element, other: Element, shape: Shape, statement: Statement) -> Statement:
    """The statement that makes a turned copy."""
    letters: tuple[str, ...] = ("n", "v", "u")[-len(shape) :]
    *samples, row, column = map(Symbol, letters)
    place = (*samples, row, column)
    made, read = Element(other.name, place), Element(factor.name, (*samples, column, row))
    sizes: dict[str, Size] = dict(zip(letters, shape, strict=True))
    line = f"{text(made)} = {text(read)}"
    return Statement(other.name, place, read, sizes, letters, False, line, statement.step)
