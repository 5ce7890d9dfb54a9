"""Rewriting of formula trees: the one place where a tree is made from another.

A tree never changes; a rewriting gives a new one. `rebuilt` is one node with other children, `rewritten` a whole tree
from the leaves up; the rest is made of these two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from .affine import affine
from .nodes import Binary, Count, Element, Function, Indicator, Negative, Node, Number, Reduction, Symbol, walk

Change = Callable[[Node], Node]


def rebuilt(node: Node, change: Change) -> Node:
    """A node with each child replaced by `change` of it; one without children as it is."""
    match node:
        case Element(name=name, indices=indices):
            return Element(name, tuple(map(change, indices)))
        case Binary(operator=operator, left=left, right=right):
            return Binary(operator, change(left), change(right))
        case Function(name=name, arguments=arguments):
            return Function(name, tuple(map(change, arguments)))
        case Indicator(comparison=comparison, left=left, right=right):
            return Indicator(comparison, change(left), change(right))
        case Negative(body=body):
            return Negative(change(body))
        case Reduction(kind=kind, indices=indices, body=body):
            return Reduction(kind, indices, change(body))
        case _:
            return node


def rewritten(node: Node, change: Change) -> Node:
    """The tree with every node replaced by `change` of it, from the leaves up."""

    def rewrite(inner: Node) -> Node:
        return change(rebuilt(inner, rewrite))

    return rewrite(node)


def replaced(node: Node, old: Node, new: Node) -> Node:
    """The tree with `new` in every place of `old`."""
    return rewritten(node, lambda n: new if n == old else n)


def renamed(node: Node, names: Mapping[str, str], but: Collection[str] = ()) -> Node:
    """The tree with other names for some of its elements and symbols.

    Args:
        node: the tree.
        names: the new names by the old ones.
        but: the indices: symbols that keep their names.
    """

    def change(inner: Node) -> Node:
        match inner:
            case Element(name=name, indices=indices):
                return Element(names.get(name, name), indices)
            case Symbol(name=name) if name not in but:
                return Symbol(names.get(name, name))
            case _:
                return inner

    return rewritten(node, change)


def at(node: Node, places: Mapping[str, Node]) -> Node:
    """The tree with index expressions put in for indices."""
    return rewritten(node, lambda n: places.get(n.name, n) if isinstance(n, Symbol) else n)


def renamed_letters(node: Node, letters: Mapping[str, str]) -> Node:
    """The tree with other letters for some of its indices, those of sums and counts too, all at once."""

    def change(inner: Node) -> Node:
        match inner:
            case Symbol(name=name):
                return Symbol(letters.get(name, name))
            case Count(index=index):
                return Count(letters.get(index, index))
            case Reduction(kind=kind, indices=indices, body=body):
                return Reduction(kind, tuple(letters.get(i, i) for i in indices), body)
            case _:
                return inner

    return rewritten(node, change)


def spread(node: Node, index: str, over: tuple[str, ...]) -> Node:
    """The tree with several indices in every place of one: x[n,i] becomes x[n,t,i], sum_n sum_{n,t}, |n| |n| * |t|."""

    def each(letters: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for letter in letters for one in (over if letter == index else (letter,)))

    def change(inner: Node) -> Node:
        match inner:
            case Element(name=name, indices=places):
                spread_out = [o for p in places for o in (map(Symbol, over) if p == Symbol(index) else (p,))]
                return Element(name, tuple(spread_out))
            case Reduction(kind=kind, indices=letters, body=body):
                return Reduction(kind, each(letters), body)
            case Count(index=letter) if letter == index:
                product: Node = Count(over[0])
                for more in over[1:]:
                    product = Binary("*", product, Count(more))
                return product
            case Symbol(name=letter) if letter == index and len(over) == 1:
                return Symbol(over[0])
            case _:
                return inner

    return rewritten(node, change)


def mirrored(node: Node, index: str) -> Node:
    """The tree with one index counted from its other end: h[n,t-1,v] becomes h[n,t+1,v], [t = 0] [|t|-1-t = 0]."""
    match node:
        case Element(name=name, indices=places):
            return Element(name, tuple(_mirrored_place(place, index) for place in places))
        case Symbol(name=name) if name == index:
            return Binary("-", Binary("-", Count(index), Number(1.0)), node)
        case _:
            return rebuilt(node, lambda inner: mirrored(inner, index))


def _mirrored_place(place: Node, index: str) -> Node:
    """An index expression t+k as t-k; others as they are."""
    terms = affine(place) or {}
    shift = terms.get("", 0)
    if terms.get(index) != 1 or len(terms) != 2 or not shift:
        return place
    return Binary("-" if shift > 0 else "+", Symbol(index), Number(float(abs(shift))))


def without(node: Node, operand: str) -> Node:
    """A sum without the terms that hold `operand`, or an element of it."""
    if not isinstance(node, Binary) or node.operator not in "+-":
        return node
    left, right = without(node.left, operand), without(node.right, operand)
    if _holds(right, operand):
        return left
    if _holds(left, operand):
        return right if node.operator == "+" else Negative(right)
    return Binary(node.operator, left, right)


def _holds(node: Node, name: str) -> bool:
    return any(isinstance(n, (Element, Symbol)) and n.name == name for n in walk(node))


def shortened(operator: str, left: Node, right: Node) -> Node:
    """`left operator right` without zeros and ones that change nothing: p*1+u-0 is p+u."""
    match operator, left, right:
        case ("*", Number(value=0.0), _) | ("*", _, Number(value=0.0)):
            return Number(0.0)
        case "+", Number(value=0.0), other:
            return other
        case ("*", other, Number(value=1.0)) | ("*", Number(value=1.0), other):
            return other
        case (("+" | "-"), other, Number(value=0.0)):
            return other
        case _:
            return Binary(operator, left, right)


def folded(operator: str, left: Node, right: Node) -> Node:
    """`left operator right` as `shortened` gives it, and computed where both sides are numbers."""
    match operator, left, right:
        case (("+" | "-" | "*"), Number(value=a), Number(value=b)):
            return Number(a + b if operator == "+" else a - b if operator == "-" else a * b)
        case "/", other, Number(value=1.0):
            return other
        case _:
            return shortened(operator, left, right)
