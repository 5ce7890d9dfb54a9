"""Index expressions as sums of indices times whole numbers."""

from __future__ import annotations

from collections.abc import Mapping

from .nodes import Binary, Negative, Node, Number, Size, Symbol


def affine(node: Node) -> dict[str, int] | None:
    """The whole-number coefficients of an index expression, the constant under ""; None if it is not affine."""
    match node:
        case Symbol(name=name):
            return {name: 1, "": 0}
        case Number(value=value):
            return {"": int(value)}
        case Negative(body=body):
            inner = affine(body)
            return None if inner is None else {k: -v for k, v in inner.items()}
        case Binary(operator=operator, left=left, right=right) if operator in "+-*":
            a, b = affine(left), affine(right)
            if a is None or b is None:
                return None
            if operator == "*":
                if len(a) > 1 and len(b) > 1:
                    return None
                factor, of = (a, b) if len(a) == 1 else (b, a)
                return {k: v * factor[""] for k, v in of.items()}
            sign = 1 if operator == "+" else -1
            return {k: a.get(k, 0) + sign * b.get(k, 0) for k in {**a, **b}}
        case _:
            return None


def coefficients(place: Node) -> dict[str, int]:
    """The coefficients of an affine index expression's indices, without the constant."""
    return {index: factor for index, factor in (affine(place) or {}).items() if index}


def span(place: Node, sizes: Mapping[str, Size]) -> tuple[int, int]:
    """The least and the largest value of an affine index expression.

    Args:
        place: the expression.
        sizes: how many values each of its indices takes.
    """
    terms = affine(place) or {"": 0}
    low = high = terms[""]
    for index, factor in terms.items():
        if index:
            reach = factor * (int(sizes[index]) - 1)
            low, high = low + min(0, reach), high + max(0, reach)
    return low, high
