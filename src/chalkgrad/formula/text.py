"""The text of a formula's tree, as a person writes it; reading it gives the same tree."""

from __future__ import annotations

from .formula import Formula
from .nodes import (
    ELLIPSIS,
    Binary,
    Count,
    Element,
    Function,
    Indicator,
    Negative,
    Node,
    Number,
    Position,
    Reduction,
    Symbol,
)

_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)
_LEVELS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "^": _POWER}


def formula_text(formula: Formula) -> str:
    """The whole formula: its sides, and the ranges after `for`."""
    sign = "+=" if formula.accumulates else "="
    ranges = ", ".join(f"{index}<{text(bound)}" for index, bound in formula.bounds.items())
    return f"{text(formula.left)} {sign} {text(formula.right)}" + (f" for {ranges}" if ranges else "")


def text(node: Node) -> str:
    """A tree's text; index expressions are written without spaces."""
    return _text(node, _SUM)


def _text(node: Node, level: int, spaces: str = " ") -> str:
    own, written = _written(node, spaces)
    return f"({written})" if own < level else written


def _written(node: Node, spaces: str) -> tuple[int, str]:
    """How tightly a node binds, and its text."""
    match node:
        case Number(value=value):
            return _ATOM, f"{value:g}" if float(f"{value:g}") == value else repr(value)
        case Symbol(name=name):
            return _ATOM, name
        case Element(name=name, indices=indices):
            return _ATOM, f"{name}[{','.join(_text(i, _SUM, '') for i in indices)}]"
        case Count(index=index):
            return _ATOM, f"|{index}|"
        case Position():
            return _ATOM, f"#{ELLIPSIS}"
        case Function(name=name, arguments=arguments):
            return _ATOM, f"{name}({', '.join(_text(a, _SUM) for a in arguments)})"
        case Indicator(comparison=comparison, left=left, right=right):
            return _ATOM, f"[{_text(left, _SUM)} {comparison} {_text(right, _SUM)}]"
        case Negative(body=body):
            return _SIGN, f"-{_text(body, _SIGN, spaces)}"
        case Reduction(kind=kind, indices=indices, body=body):
            over = indices[0] if len(indices) == 1 and indices[0] != ELLIPSIS else f"{{{','.join(indices)}}}"
            return _SIGN, f"{kind}_{over} {_text(body, _PRODUCT, spaces)}"
        case Binary(operator="^", left=left, right=right):
            return _POWER, f"{_text(left, _ATOM, spaces)}^{_text(right, _SIGN, spaces)}"
        case Binary(operator=operator, left=left, right=right):
            own = _LEVELS[operator]
            # a sum reaches over the product that follows it, so on the left of a product it stands in brackets
            first = _POWER if own == _PRODUCT and _ends_in_reduction(left) else own
            between = f"{spaces}{operator}{spaces}"
            return own, f"{_text(left, first, spaces)}{between}{_text(right, own + 1, spaces)}"
        case _:
            raise TypeError(f"{type(node).__name__} is no part of a formula")


def _ends_in_reduction(node: Node) -> bool:
    match node:
        case Reduction():
            return True
        case Negative(body=body):
            return _ends_in_reduction(body)
        case Binary(operator=("*" | "/"), right=right):
            return _ends_in_reduction(right)
        case _:
            return False
