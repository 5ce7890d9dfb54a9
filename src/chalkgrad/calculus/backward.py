"""Backward lines: what comes back to an operand from all the places where it stands.

    z[n,o] = sum_i x[n,i] * W[i,o] + b[o]        gives        dW[i,o] = sum_n dz[n,o] * x[n,i]

The derivative of the loss by the output comes back at each element of the output; times the local derivative it is what
one element gives to one place. An index of the output that the place lacks collides: the place gets the sum over it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..formula.affine import affine
from ..formula.formula import Formula
from ..formula.nodes import (
    ELLIPSIS,
    Binary,
    Element,
    Negative,
    Node,
    Number,
    Reduction,
    Symbol,
    symbols_in,
    walk,
)
from ..formula.rewrite import at, renamed_letters, rewritten
from ..formula.text import text
from .local import Local, Path, local, places
from .names import derivative_name
from .simplify import Known, folded
from .terms import names_in


@dataclass(frozen=True, slots=True)
class Share:
    """What comes back to an operand through one of its places, or through several with the same indices.

    Attributes:
        place: the indices of the operand there, after turning round.
        body: the right side.
        scattered: whether the place is no plain row of letters, so that terms are added where they fall.
        bounds: the ranges of indices that no array gives.
        local: the local derivative that it is made from.
        collected: the indices that are summed because the place lacks them.
        turned: the index expressions that were turned round, as text: "k - o1".
    """

    place: tuple[Node, ...]
    body: Node
    scattered: bool
    bounds: Mapping[str, Node]
    local: Local
    collected: tuple[str, ...]
    turned: tuple[str, ...] = ()


def upstream(formula: Formula) -> Element | Symbol:
    """The derivative of the loss by the formula's output, at the output's indices."""
    left = formula.left
    return (
        Element(derivative_name(left.name), left.indices)
        if isinstance(left, Element)
        else Symbol(derivative_name(left.name))
    )


def shares(formula: Formula, operand: str) -> list[Share]:
    """What comes back to each place of the operand, in the order of the places."""
    return [_share(formula, local(formula, operand, path)) for path in places(formula, operand)]


def share(formula: Formula, operand: str, path: Path) -> Share:
    """What comes back to one place of the operand."""
    return _share(formula, local(formula, operand, path))


def _share(formula: Formula, by: Local) -> Share:
    back: Node = upstream(formula)
    place = by.place.indices if isinstance(by.place, Element) else ()
    letters = dict.fromkeys([*(i for i in symbols_in(formula.left) if i in formula.indices), *by.over])
    inside = {i for p in place for i in symbols_in(p)}
    collected = tuple(i for i in letters if i not in inside)
    factor = by.factor
    body = back if factor == Number(1.0) else Binary("*", back, factor)
    bounds = {
        **formula.bounds,
        **{new: formula.bounds[old] for new, old in by.letters.items() if old in formula.bounds},
    }
    turned: list[str] = []
    for index, expression in enumerate(place):
        solution = _solved(expression, [p for k, p in enumerate(place) if k != index], formula, letters)
        if solution is not None:
            letter, other = solution
            if not turned:  # while its indices are the formula's own
                factor = folded(factor, Known(formula.left, formula.right, ""))
                body = back if factor == Number(1.0) else Binary("*", back, factor)
            turned.append(text(expression))
            body = _shifted(at(body, {letter: other}))
            place = (*place[:index], Symbol(letter), *place[index + 1 :])
            bounds.pop(letter, None)
    if collected:
        body = Reduction("sum", collected, body)
    plain = all(isinstance(p, Symbol) and p.name in letters for p in place) and len(set(place)) == len(place)
    return Share(place, body, not plain, bounds, by, collected, tuple(turned))


def _shifted(node: Node) -> Node:
    """The tree with t for t + 1 - 1 in its index places."""

    def change(inner: Node) -> Node:
        return Element(inner.name, tuple(map(_added_up, inner.indices))) if isinstance(inner, Element) else inner

    return rewritten(node, change)


def _added_up(place: Node) -> Node:
    terms = affine(place)
    if terms is None or isinstance(place, (Symbol, Number)):
        return place
    result: Node | None = None
    for name, value in sorted(terms.items(), key=lambda pair: (pair[1] < 0, not pair[0])):
        if value:
            term = Number(float(abs(value))) if not name else _times(abs(value), Symbol(name))
            if result is None:
                result = term if value > 0 else Negative(term)
            else:
                result = Binary("+" if value > 0 else "-", result, term)
    return Number(0.0) if result is None else result


def _solved(
    expression: Node, others: list[Node], formula: Formula, letters: Collection[str]
) -> tuple[str, Node] | None:
    """The one index of k - o1, and what stands for it where the whole is called k: k + o1. None where it has several.

    The upstream derivative, or another array, must hold the index by itself: an element outside it is 0.
    """
    if isinstance(expression, (Symbol, Number)) or any(isinstance(n, Element) for n in walk(expression)):
        return None
    inside = [i for i in symbols_in(expression) if i in letters]
    terms = affine(expression)
    if len(inside) != 1 or terms is None or abs(terms.get(inside[0], 0)) != 1:
        return None
    (letter,) = inside
    if any(letter in symbols_in(other) for other in others):
        return None
    left = formula.left.indices if isinstance(formula.left, Element) else ()
    if Symbol(letter) not in left:
        return None
    rest = at(expression, {letter: Number(0.0)})
    if terms[letter] > 0:
        return letter, _added_up(Binary("-", Symbol(letter), rest))
    return letter, _added_up(Binary("+", Negative(Symbol(letter)), rest))


def _times(count: int, node: Node) -> Node:
    return node if count == 1 else Binary("*", Number(float(count)), node)


def aligned(entry: Share, body: Node, place: tuple[Node, ...]) -> Node | None:
    """A share's right side with the letters of another place; None where they are no plain rows of letters."""
    if entry.place == place:
        return body
    pairs = list(zip(entry.place, place, strict=True))
    if not all(isinstance(a, Symbol) and isinstance(b, Symbol) for a, b in pairs):
        return None
    names: dict[str, str] = {a.name: b.name for a, b in pairs if isinstance(a, Symbol) and isinstance(b, Symbol)}
    if names.pop(ELLIPSIS, ELLIPSIS) != ELLIPSIS or ELLIPSIS in names.values():
        return None
    spare = [a for a in names if a not in names.values()]  # a letter that is in use elsewhere takes a place left free
    for new in [b for b in names.values() if b not in names and b in names_in(body)]:
        names[new] = spare.pop(0)
    return renamed_letters(body, names)
