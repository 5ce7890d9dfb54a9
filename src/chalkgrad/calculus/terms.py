"""Sums and products in a normal form, in which like terms add up and equal factors cancel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..formula.nodes import (
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
    walk,
)
from ..formula.rewrite import rebuilt, renamed_letters

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A number times powers of factors.

    Attributes:
        number: the number.
        powers: each factor with its exponent, by the factor's key, in the order in which they were written.
    """

    number: float
    powers: Mapping[Key, tuple[Node, float]]

    def __mul__(self, other: Product) -> Product:
        powers = dict(self.powers)
        for key, (factor, exponent) in other.powers.items():
            total = powers.get(key, (factor, 0.0))[1] + exponent
            if isinstance(factor, Indicator):
                total = min(total, 1.0)  # it is 0 or 1
            powers.pop(key, None) if total == 0 else powers.__setitem__(key, (factor, total))
        number = self.number * other.number
        return Product(number, powers) if number else ZERO

    def to(self, exponent: float) -> Product:
        """The product to a power, where it can be taken factor by factor."""
        return Product(self.number**exponent, {k: (f, e * exponent) for k, (f, e) in self.powers.items()})

    def scaled(self, by: float) -> Product:
        """The product times a number."""
        return Product(self.number * by, self.powers) if by else ZERO

    @property
    def key(self) -> frozenset[tuple[Key, float]]:
        """The same for two products that differ in their number only."""
        return frozenset((key, exponent) for key, (_, exponent) in self.powers.items())

    @property
    def node(self) -> Node:
        """The product as a tree."""
        return _tree(self)


ONE = Product(1.0, {})
ZERO = Product(0.0, {})


@lru_cache(maxsize=50_000)
def tidied(node: Node) -> Node:
    """The tree with like terms added up, equal factors cancelled, and what a sum does not run over in front of it."""
    return tree_of(terms(node))


def tree_of(products: Iterable[Product]) -> Node:
    """A sum of products as a tree; positive terms come first where the first one is negative."""
    entries = [p for p in products if p.number]
    if not entries:
        return Number(0.0)
    first = next((p for p in entries if p.number > 0), entries[0])
    total = first.node
    for entry in entries:
        if entry is not first:
            sign = "+" if entry.number > 0 else "-"
            total = Binary(sign, total, entry.scaled(1.0 if sign == "+" else -1.0).node)
    return total


def terms(node: Node) -> list[Product]:
    """The terms of a sum, like ones added up."""
    found: dict[object, Product] = {}
    for term in _flat(node, 1.0):
        key = term.key
        number = term.number + (found[key].number if key in found else 0.0)
        found[key] = Product(number, term.powers)
    return [p for p in found.values() if p.number]


def _flat(node: Node, sign: float) -> Iterable[Product]:
    match node:
        case Binary(operator="+", left=left, right=right):
            return [*_flat(left, sign), *_flat(right, sign)]
        case Binary(operator="-", left=left, right=right):
            return [*_flat(left, sign), *_flat(right, -sign)]
        case Negative(body=body):
            return _flat(body, -sign)
        case _:
            whole = product(node).scaled(sign)
            inner = _only_sum(whole)
            return [whole] if inner is None else _flat(inner, whole.number)


def _only_sum(whole: Product) -> Node | None:
    """The sum that a product of +1 or -1 and nothing else holds."""
    if abs(whole.number) == 1 and len(whole.powers) == 1:
        ((factor, exponent),) = whole.powers.values()
        if exponent == 1 and is_sum(factor):
            return factor
    return None


def is_sum(node: Node) -> bool:
    """Whether it is a sum of terms."""
    return isinstance(node, Binary) and node.operator in "+-"


@lru_cache(maxsize=50_000)
def product(node: Node) -> Product:
    """A tree as a product; a sum is one factor."""
    match node:
        case Number(value=value):
            return _number(value)
        case Negative(body=body):
            return product(body).scaled(-1.0)
        case Binary(operator="*", left=left, right=right):
            return product(left) * product(right)
        case Binary(operator="/", left=left, right=right):
            return product(left) * _power(right, -1.0)
        case Binary(operator="^", left=left, right=Number(value=exponent)):
            return _power(left, exponent)
        case Function(name="sqrt", arguments=(body,)):
            return _power(body, 0.5)
        case Function(name="exp", arguments=(body,)):
            return _exponential(body)
        case Reduction(kind="sum" | "mean"):
            return _reduction(node)
        case Binary(operator="+" | "-"):
            return _sum(node)
        case _:
            return _factor(rebuilt(node, tidied) if not isinstance(node, Element) else node)


def _number(value: float) -> Product:
    """A number; one of many digits, as pi, stays a factor that is written out."""
    if not value:
        return ZERO
    if float(f"{value:.9g}") == value:
        return Product(value, {})
    sign = 1.0 if value > 0 else -1.0
    return Product(sign, {key(Number(abs(value))): (Number(abs(value)), 1.0)})


def _factor(node: Node, exponent: float = 1.0) -> Product:
    if isinstance(node, Number) and exponent == int(exponent):
        return _number(node.value).to(exponent) if node.value else ZERO
    return Product(1.0, {key(node): (node, exponent)})


def _power(base: Node, exponent: float) -> Product:
    inner = product(base)
    if not inner.powers and exponent != int(exponent):  # sqrt(2) stays as it is, sqrt(4) is 2
        root = abs(inner.number) ** exponent
        return _number(root) if inner.number > 0 and root == int(root) else _factor(base, exponent)
    if exponent == int(exponent):
        return inner.to(exponent) if inner.number or exponent > 0 else _factor(base, exponent)
    odd = all(e != int(e) or e % 2 for _, e in inner.powers.values())  # sqrt(x^2) is |x|
    if inner.number > 0 and odd and len(inner.powers) <= 1:
        return inner.to(exponent)
    return _factor(inner.node, exponent)


def _exponential(body: Node) -> Product:
    """exp(-u) is exp(u) to the power -1."""
    inner = terms(body)
    if inner and all(t.number < 0 for t in inner):
        return _factor(Function("exp", (tree_of(t.scaled(-1.0) for t in inner),)), -1.0)
    return _factor(Function("exp", (tree_of(inner),)))


def _sum(node: Node) -> Product:
    entries = terms(node)
    if len(entries) < 2:
        return entries[0] if entries else ZERO
    sign = 1.0
    if all(e.number < 0 for e in entries):
        sign = -1.0
    elif len(entries) == 2 and entries[0].number * entries[1].number < 0:  # a - b and b - a are one factor
        later = max(entries, key=lambda e: repr(sorted(map(repr, e.key))))
        sign = -1.0 if later.number < 0 else 1.0
    scaled = [e.scaled(sign) for e in entries]
    body = tree_of(scaled)
    return Product(sign, {key(body): (body, 1.0)})


def _reduction(node: Reduction) -> Product:
    whole = product(node.body)
    letters = list(node.indices)
    while (inner := _inner_sum(whole, letters)) is not None:  # a sum of a sum is one over both
        place, reduction = inner
        outer = Product(whole.number, {k: v for k, v in whole.powers.items() if k != place})
        taken = names_in(outer.node) | set(letters)
        reduction = fresh(reduction, taken)
        letters.extend(reduction.indices)
        whole = outer * product(reduction.body)
    outside = {k: v for k, v in whole.powers.items() if not depends(v[0], letters)}
    inside = {k: v for k, v in whole.powers.items() if k not in outside}
    running = [i for i in letters if any(depends(f, [i]) for f, _ in inside.values())]
    result = Product(whole.number, outside)
    for letter in letters:
        if node.kind == "mean" and letter in node.indices:
            result = result * _factor(Count(letter), -1.0)
        if letter not in running:
            result = result * _factor(Count(letter))
    if running:
        result = result * _factor(Reduction("sum", tuple(running), Product(1.0, inside).node))
    return result


def _inner_sum(whole: Product, letters: Collection[str]) -> tuple[Key, Reduction] | None:
    """A sum inside of another that depends on the outer one's indices; `...` within `...` stays: it has one name."""
    for place, (factor, exponent) in whole.powers.items():
        if not (isinstance(factor, Reduction) and factor.kind == "sum" and exponent == 1 and depends(factor, letters)):
            continue
        others = [f for k, (f, _) in whole.powers.items() if k != place]
        if ELLIPSIS in factor.indices and (ELLIPSIS in letters or any(depends(f, [ELLIPSIS]) for f in others)):
            continue
        return place, factor
    return None


def depends(node: Node, letters: Collection[str]) -> bool:
    """Whether a tree's value changes with one of the indices."""
    match node:
        case Symbol(name=name):
            return name in letters
        case Position():
            return ELLIPSIS in letters
        case Reduction(indices=indices, body=body):
            return depends(body, [i for i in letters if i not in indices])
        case Element(indices=parts) | Function(arguments=parts):
            return any(depends(p, letters) for p in parts)
        case Binary(left=left, right=right) | Indicator(left=left, right=right):
            return depends(left, letters) or depends(right, letters)
        case Negative(body=body):
            return depends(body, letters)
        case _:
            return False


def names_in(node: Node) -> set[str]:
    """Every letter and name of a tree."""
    found: set[str] = set()
    for inner in walk(node):
        match inner:
            case Symbol(name=name) | Count(index=name):
                found.add(name)
            case Element(name=name):
                found.add(name)
            case Reduction(indices=indices):
                found.update(indices)
            case _:
                pass
    return found


LETTERS = "jklmiuvpqrstwghyzabcdefo"
"""Letters for new indices, those that people take first."""


def new_letter(taken: Collection[str]) -> str:
    """An index letter that is not taken."""
    for letter in LETTERS:
        if letter not in taken:
            return letter
    return next(f"i{k}" for k in range(1, 1000) if f"i{k}" not in taken)


def fresh(node: Reduction, taken: Collection[str]) -> Reduction:
    """A reduction whose own indices are none of those taken."""
    for letter in node.indices:
        if letter in taken and letter != ELLIPSIS:
            other = new_letter({*taken, *names_in(node)})
            body = renamed_letters(node.body, {letter: other})
            node = Reduction(node.kind, tuple(other if i == letter else i for i in node.indices), body)
    return node


# -- back to a tree ------------------------------------------------------------------------------------------------


def _tree(entry: Product) -> Node:
    if not entry.number:
        return Number(0.0)
    above: list[Node] = []
    below: list[Node] = []
    roots: dict[bool, list[Node]] = {True: [], False: []}
    number = entry.number
    for factor, exponent in entry.powers.values():
        if number < 0 and exponent == 1 and is_sum(factor) and (turned := _turned(factor)) is not None:
            number, factor = -number, turned
        if isinstance(factor, Function) and factor.name == "exp" and exponent < 0:
            factor = Function("exp", (tree_of(t.scaled(-1.0) for t in terms(factor.arguments[0])),))
            exponent = -exponent
        if isinstance(factor, Number) and abs(exponent) == 0.5:
            roots[exponent > 0].append(factor)
            continue
        (above if exponent > 0 else below).append(_raised(factor, abs(exponent)))
    for positive, inside in roots.items():
        if inside:
            (above if positive else below).append(Function("sqrt", (_times(inside),)))
    size = abs(number)
    top, bottom = _fraction(size)
    if top != 1 or not above:
        above.insert(0, Number(top))
    if bottom != 1:
        below.insert(0, Number(bottom))
    above.sort(key=_place)
    result = _times(above)
    if below:
        result = Binary("/", result, _times(below))
    return Negative(result) if number < 0 else result


def _place(factor: Node) -> int:
    """Where a factor stands in a product: sums of terms after the others, and at the end what reaches over all that
    follows it.
    """
    return 2 if isinstance(factor, Reduction) else 1 if is_sum(factor) else 0


def _turned(factor: Node) -> Node | None:
    """a - b as b - a; None for a sum that would only get more signs."""
    entries = terms(factor)
    negative = sum(e.number < 0 for e in entries)
    return tree_of(e.scaled(-1.0) for e in entries) if 2 * negative >= len(entries) else None


def _fraction(size: float) -> tuple[float, float]:
    """A number above and one below the line: 0.5 is 1 and 2."""
    for below in (1.0, 2.0, 3.0, 4.0, 6.0, 8.0):
        if abs(size * below - round(size * below)) < 1e-12 and round(size * below):
            return float(round(size * below)), below
    return size, 1.0


def _raised(factor: Node, exponent: float) -> Node:
    if exponent == 1:
        return factor
    if exponent == 0.5:
        return Function("sqrt", (factor,))
    return Binary("^", factor, Number(exponent))


def _times(factors: list[Node]) -> Node:
    result = factors[0]
    for factor in factors[1:]:
        result = Binary("*", result, factor)
    return result


# -- equal up to the order of terms and factors, and the names of summed indices -----------------------------------


def key(node: Node) -> Key:
    """A key that is the same for trees that differ in the order of terms and factors, or in the letters that are summed
    over.
    """
    return _key(node)


@lru_cache(maxsize=20_000)
def _key(node: Node) -> Key:
    return _sorted_key(node, {})


def _sorted_key(node: Node, bound: Mapping[str, str]) -> Key:
    match node:
        case Number(value=value):
            return ("number", repr(value))
        case Symbol(name=name):
            return ("symbol", bound.get(name, name))
        case Position():
            return ("position", bound.get(ELLIPSIS, ""))
        case Count(index=index):
            return ("count", bound.get(index, index))
        case Element(name=name, indices=indices):
            return ("element", name, *(_sorted_key(i, bound) for i in indices))
        case Negative(body=body):
            return ("negative", _sorted_key(body, bound))
        case Function(name="max" | "min" as name, arguments=arguments):
            return (name, *sorted((_sorted_key(a, bound) for a in arguments), key=repr))
        case Function(name=name, arguments=arguments):
            return (name, *(_sorted_key(a, bound) for a in arguments))
        case Indicator(comparison=comparison, left=left, right=right):
            return _comparison_key(comparison, _sorted_key(left, bound), _sorted_key(right, bound))
        case Reduction(kind=kind, indices=indices, body=body):
            masked = {**bound, **dict.fromkeys(indices, "_")}
            order = _order(body, indices, masked)
            numbered = {**bound, **{i: f"_{len(bound)}.{k}" for k, i in enumerate(order)}}
            return ("reduction", kind, len(indices), _sorted_key(body, numbered))
        case Binary(operator="+" | "-"):
            return ("sum", *sorted(_signed(node, "+", bound), key=repr))
        case Binary(operator="*"):
            return ("product", *sorted(_factors(node, bound), key=repr))
        case Binary(operator=symbol, left=left, right=right):
            return (symbol, _sorted_key(left, bound), _sorted_key(right, bound))
        case _:
            raise TypeError(f"{type(node).__name__} is no part of a formula")


def _comparison_key(comparison: str, left: Key, right: Key) -> Key:
    turned = {">": "<", ">=": "<="}
    if comparison in turned:
        return ("indicator", turned[comparison], right, left)
    if comparison == "=" and repr(right) < repr(left):
        left, right = right, left
    return ("indicator", comparison, left, right)


def _order(body: Node, indices: tuple[str, ...], masked: Mapping[str, str]) -> list[str]:
    """The summed letters, sorted by where they stand rather than by their names."""

    def place(letter: str) -> str:
        return repr(_sorted_key(body, {**masked, letter: "_own"}))

    return sorted(indices, key=place) if len(indices) > 1 else list(indices)


def _signed(node: Node, sign: str, bound: Mapping[str, str]) -> list[Key]:
    match node:
        case Binary(operator="+", left=left, right=right):
            return _signed(left, sign, bound) + _signed(right, sign, bound)
        case Binary(operator="-", left=left, right=right):
            return _signed(left, sign, bound) + _signed(right, "-" if sign == "+" else "+", bound)
        case Negative(body=body):
            return _signed(body, "-" if sign == "+" else "+", bound)
        case _:
            return [(sign, _sorted_key(node, bound))]


def _factors(node: Node, bound: Mapping[str, str]) -> list[Key]:
    if isinstance(node, Binary) and node.operator == "*":
        return _factors(node.left, bound) + _factors(node.right, bound)
    return [_sorted_key(node, bound)]
