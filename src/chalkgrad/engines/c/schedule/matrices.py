"""Weight matrices that many rows of a sample are multiplied with: every step of a sequence.

A vector of such a product's sums is loaded and stored by whole rows, so a matrix that is summed over along its own rows
(`dh[n,t,v] = sum_u dz[n,t+1,u] * U[v,u]`) is copied, turned, once in a step: sums across a vector's lanes would take
longer. Both lie in blocks of columns, each of which stays in the first cache while all rows go by.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import replace

from ....formula import Shape
from ....formula.nodes import Element, Symbol
from ....formula.rewrite import replaced
from ....formula.text import text
from ....program.statement import SAMPLES, Statement
from .products import LEAST, factors

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
    """The statements, with copies of the matrices that are summed over along their rows.

    Args:
        statements: in order.
        shapes: the shape of every named value; gets those of the copies.
    """
    for statement in statements:
        matrix = matrix_of(statement, shapes)
        if matrix is None or matrix.indices[0] != statement.place[-1]:
            yield statement
            continue
        name, (row, column) = f"{matrix.name}_turned", matrix.indices
        other = Element(name, (column, row))
        if name not in shapes:
            shapes[name] = shapes[matrix.name][::-1]
            letters = [i.name for i in other.indices if isinstance(i, Symbol)]
            sizes = {i: statement.sizes[i] for i in letters}
            line = f"{text(other)} = {text(matrix)}"
            yield Statement(name, other.indices, matrix, sizes, tuple(letters), False, line, statement.step)
        yield replace(statement, body=replaced(statement.body, matrix, other))
