"""Equations of sequences at one step of time after another, with their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..formula.affine import affine
from ..formula.expression import AtTime, Hadamard, MatrixProduct, Named, Rows, Terms, Transposed
from ..formula.nodes import Node, Number, Reduction, Symbol
from ..formula.rewrite import rebuilt
from .matrix import TIME

Array = np.ndarray[Any, Any]
RowsOf = Callable[[Array], Rows | None]


class _WithoutNumbersError(Exception):
    """A matrix is too large to be shown."""


def at_step(form: Node, step: int, times: int, values: Mapping[str, Array], rows: RowsOf) -> Node | None:
    """A form in matrix notation with the numbers that it has at one step; None where a matrix is too large.

    Args:
        form: the form, for the step t.
        step: the step.
        times: how many steps there are; a sum over them is written out.
        values: every named value.
        rows: a matrix's numbers in rows, None for large ones.
    """

    def at(node: Node, now: int) -> Node:
        match node:
            case AtTime(value=Named(name=name), time=time):
                terms = affine(time) or {}
                place = terms.get(TIME, 0) * now + terms[""]
                array = values[name]
                known = rows(array[:, place] if 0 <= place < array.shape[1] else np.zeros_like(array[:, 0]))
                if known is None:
                    raise _WithoutNumbersError
                return AtTime(Named(name, known), Number(float(place)))
            case Named(rows=None, single=False):
                raise _WithoutNumbersError
            case Symbol(name=name) if name == TIME:
                return Number(float(now))
            case Reduction(indices=indices, body=body) if indices == (TIME,):
                return Terms(tuple(at(body, place) for place in range(times)))
            case MatrixProduct(left=left, right=right):
                return MatrixProduct(at(left, now), at(right, now))
            case Hadamard(left=left, right=right):
                return Hadamard(at(left, now), at(right, now))
            case Transposed(body=body):
                return Transposed(at(body, now))
            case _:
                return rebuilt(node, lambda inner: at(inner, now))

    try:
        return at(form, step)
    except _WithoutNumbersError:
        return None
