"""A tree in a few words, as it stands in a sentence: names without indices, products side by side."""

from __future__ import annotations

from collections.abc import Mapping

from ..formula.nodes import (
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

_SUM, _PRODUCT, _POWER, _ATOM = range(4)


def said(node: Node, names: Mapping[str, str | None]) -> str:
    """The tree's text for a sentence.

    Args:
        node: the tree.
        names: other names of its values and settings; the others keep their own.
    """
    return _said(node, names, _SUM)


def _said(node: Node, names: Mapping[str, str | None], level: int) -> str:
    own, text = _written(node, names)
    return f"({text})" if own < level else text


def _written(node: Node, names: Mapping[str, str | None]) -> tuple[int, str]:
    match node:
        case Number(value=value):
            return _ATOM, f"{value:g}"
        case Symbol(name=name) | Element(name=name):
            return _ATOM, names.get(name) or name
        case Count(index=index):
            return _ATOM, "N" if index == "n" else f"|{index}|"
        case Position():
            return _ATOM, "the position"
        case Negative(body=body):
            return _PRODUCT, f"-{_said(body, names, _PRODUCT)}"
        case Function(name=name, arguments=arguments):
            return _ATOM, f"{name}({', '.join(_said(a, names, _SUM) for a in arguments)})"
        case Indicator(comparison=sign, left=left, right=right):
            return _ATOM, f"[{_said(left, names, _SUM)} {sign} {_said(right, names, _SUM)}]"
        case Reduction(kind=kind, indices=indices, body=body):
            over = "" if kind == "argmax" else f" over {', '.join(indices)}"
            return _ATOM, f"{kind}({_said(body, names, _SUM)}{over})"
        case Binary(operator="*", left=left, right=right):
            return _PRODUCT, f"{_said(left, names, _PRODUCT)} {_said(right, names, _POWER)}"
        case Binary(operator="/", left=left, right=right):
            return _PRODUCT, f"{_said(left, names, _PRODUCT)} / {_said(right, names, _POWER)}"
        case Binary(operator="^", left=left, right=right):
            return _POWER, f"{_said(left, names, _ATOM)}^{_said(right, names, _ATOM)}"
        case Binary(operator=sign, left=left, right=right):
            return _SUM, f"{_said(left, names, _SUM)} {sign} {_said(right, names, _PRODUCT)}"
        case _:
            return _ATOM, type(node).__name__
