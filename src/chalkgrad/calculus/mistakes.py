"""Mistakes made from a formula: its tree with one thing changed, as people change it without meaning to.

    dz[...] = da[...] * a[...] * (1 - a[...])

gives dz = a (1 - a), the upstream derivative left out; dz = da; dz = da (1 - a); dz = da a - a, brackets forgotten;
dz = da z (1 - z), where z has the same indices; and so on. Nothing here knows what a formula is for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..base.errors import FormulaError
from ..formula.affine import affine
from ..formula.formula import Formula
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
    Reduction,
    Symbol,
    children,
    walk,
)
from ..formula.rewrite import at, rebuilt, renamed, replaced, rewritten
from ..formula.text import formula_text
from .said import said
from .terms import Key, key, tidied

ONE = Number(1.0)
MOST_FACTORS = 6
"""Of a product of more factors, two at once are not left out."""
_OPPOSITE = {"<": ">=", ">": "<=", "<=": ">", ">=": "<"}
INDEX_NAMES = {"n": "sample", "t": "step", "c": "channel", "k": "class"}


@dataclass(frozen=True, slots=True)
class Change:
    """A formula with one thing changed.

    Attributes:
        formula: the changed formula.
        words: what was done, with {0}, {1}, ... for `parts`.
        parts: the trees that the words speak of.
        distance: how far-fetched it is, from 1 on.
        takes: the names that stand in it and not in the right formula.
    """

    formula: Formula
    words: str
    parts: tuple[Node, ...]
    distance: float
    takes: tuple[str, ...] = ()

    def said(self, names: Mapping[str, str | None]) -> str:
        """What was done, with other names for the values."""
        return self.words.format(*(said(p, names) for p in self.parts))


@dataclass(frozen=True, slots=True)
class _Tree:
    """A changed tree, before it is a formula."""

    node: Node
    words: str
    parts: tuple[Node, ...]
    distance: float

    def inside(self, parent: Node, place: int) -> _Tree:
        """It as a child of a node."""
        return replace(self, node=_with_child(parent, place, self.node))


def made(
    formula: Formula,
    alike: Mapping[str, Collection[str]] | None = None,
    upstream: Collection[str] = (),
    settings: Collection[str] = (),
    applied: tuple[str, Formula] | None = None,
) -> tuple[Change, ...]:
    """The mistakes that can be made from a formula, the least far-fetched first; no two of them the same formula.

    Args:
        formula: the right formula.
        alike: for each name the other names with the same indices, that may be taken for it.
        upstream: the names that are derivatives from above.
        settings: the names that are settings, each of which may be taken for another.
        applied: a function of one array, element by element, with its name, that may be applied where it is not.
    """
    maker = _Maker(formula, alike or {}, frozenset(upstream), frozenset(settings), applied)
    found: dict[tuple[Key, Key, bool], Change] = {}
    right = _same(formula)
    own = formula.arrays | formula.symbols
    for tree in sorted(maker.trees(), key=lambda t: t.distance):
        changed = formula_of(formula, formula.left, tree.node, formula.accumulates)
        if changed is None or (same := _same(changed)) == right or same in found:
            continue
        takes = tuple(sorted((changed.arrays | changed.symbols) - own))
        found[same] = Change(changed, tree.words, tree.parts, tree.distance, takes)
    for left, words, distance in _left_sides(formula):
        changed = formula_of(formula, left, formula.right, formula.accumulates)
        if changed is not None and (same := _same(changed)) not in found and same != right:
            found[same] = Change(changed, words, (), distance)
    return tuple(sorted(found.values(), key=lambda c: c.distance))


def _same(formula: Formula) -> tuple[Key, Key, bool]:
    return key(formula.left), key(tidied(formula.right)), formula.accumulates


def formula_of(formula: Formula, left: Node, right: Node, adds: bool = False) -> Formula | None:
    """A formula of other sides, with the settings of the given one; None where they make none."""
    changed = formula.changed(lambda side: left if side is formula.left else right)
    changed.accumulates = adds
    try:
        return Formula(formula_text(changed), formula.options)
    except FormulaError:
        return None


def _left_sides(formula: Formula) -> Iterator[tuple[Node, str, float]]:
    """Other places where the terms may be put."""
    if not isinstance(formula.left, Element):
        return
    for place, index in enumerate(formula.left.indices):
        if isinstance(index, (Symbol, Number)) or affine(index) is None:
            continue
        for tree in _of_an_index(index, formula.options):
            left = _with_child(formula.left, place, tree.node)
            yield left, tree.words.format(*(said(p, {}) for p in tree.parts)), tree.distance


class _Maker:
    def __init__(
        self,
        formula: Formula,
        alike: Mapping[str, Collection[str]],
        upstream: frozenset[str],
        settings: frozenset[str],
        applied: tuple[str, Formula] | None,
    ) -> None:
        self.formula, self.alike, self.upstream, self.settings = formula, alike, upstream, settings
        self.applied = applied
        self.letters = sorted(formula.indices - {ELLIPSIS})

    def trees(self) -> Iterator[_Tree]:
        """Every changed right side; some of them are the same."""
        right = self.formula.right
        yield from self._everywhere(right, "")
        yield from self._all_places(right)
        yield _Tree(_negative(right), "the sign is flipped", (), 1.4)
        for index in sorted(self.formula.indices):
            if index in self.formula.bounds:
                continue
            each = _each(index)
            count = Count(index)
            yield _Tree(Binary("/", right, count), f"it is divided by {{0}}, the number of {each}", (count,), 1.7)
            yield _Tree(Binary("*", right, count), f"it is multiplied by {{0}}, the number of {each}", (count,), 1.8)

    def _everywhere(self, node: Node, above: str) -> Iterator[_Tree]:
        """The changes of a node and of every node below it; `above` is the kind of chain that the node goes on."""
        kind = _chain(node)
        if kind == "*" and above != "*":
            yield from self._product(node)
        elif kind == "+" and above != "+":
            yield from self._sum(node)
        yield from self._node(node)
        if isinstance(node, Element):
            return
        for place, child in enumerate(children(node)):
            # a divisor is a chain of its own
            below = kind if not (isinstance(node, Binary) and node.operator == "/" and place == 1) else ""
            for tree in self._everywhere(child, below):
                yield tree.inside(node, place)

    # -- products ------------------------------------------------------------------------------------------------

    def _product(self, node: Node) -> Iterator[_Tree]:
        factors = _factors(node)
        for place, (factor, power) in enumerate(factors):
            rest = _product([*factors[:place], *factors[place + 1 :]])
            if isinstance(factor, Number) and abs(factor.value) == 1:
                continue
            if power < 0:
                yield _Tree(rest, "the division by {0} is left out", (factor,), 1.2)
                turned = _product([*factors[:place], (factor, 1), *factors[place + 1 :]])
                yield _Tree(turned, "{0} multiplies where it divides", (factor,), 1.6)
            elif self._from_above(factor):
                yield _Tree(rest, "the derivative from above, {0}, is left out", (factor,), 1.3)
                yield from self._applied_above(factor, rest)
            else:
                yield _Tree(rest, f"the {_kind(factor)} {{0}} is left out", (factor,), 1.2)
                turned = _product([*factors[:place], (factor, -1), *factors[place + 1 :]])
                if not isinstance(factor, Indicator):
                    yield _Tree(turned, "{0} divides where it multiplies", (factor,), 1.8)
                if isinstance(factor, Element):  # of a gate, what it lets through for what it keeps back
                    less = Binary("-", ONE, factor)
                    changed = _product([*factors[:place], (less, 1), *factors[place + 1 :]])
                    yield _Tree(changed, "{0} stands where {1} belongs", (less, factor), 1.75)
            if place and power > 0:
                added = _sum([(_product(factors[:place]), 1), (_product(factors[place:]), 1)])
                yield _Tree(added, "{0} is added, not multiplied", (_product(factors[place:]),), 1.9)
                if len(factors) > 2 and factors[place - 1][1] > 0:
                    both = _sum([(factors[place - 1][0], 1), (factor, 1)])
                    changed = _product([*factors[: place - 1], (both, 1), *factors[place + 1 :]])
                    yield _Tree(changed, "{0} is added to {1}, not multiplied", (factor, factors[place - 1][0]), 1.95)
            if isinstance(factor, Number):
                for other in (factor.value * 2, factor.value / 2, factor.value + 1, factor.value - 1):
                    changed = _product([*factors[:place], (Number(other), power), *factors[place + 1 :]])
                    yield _Tree(changed, "{0} stands where {1} belongs", (Number(other), factor), 1.9)
            again = _product([*factors[: place + 1], (factor, power), *factors[place + 1 :]])
            yield _Tree(again, f"the {_kind(factor)} {{0}} is taken twice", (factor,), 1.8)
            if power > 0 and not isinstance(factor, (Number, Symbol, Count, Indicator)):
                for name in ("sign", "abs"):
                    changed = _product([*factors[:place], (Function(name, (factor,)), 1), *factors[place + 1 :]])
                    words = f"the {'sign' if name == 'sign' else 'absolute value'} of {{0}} is taken"
                    yield _Tree(changed, words, (factor,), 2.0)
            if power > 0 and not isinstance(factor, Element):
                for other in self._instead_of(factor):
                    changed = _product([*factors[:place], (other, 1), *factors[place + 1 :]])
                    yield _Tree(changed, "{0} stands where {1} belongs", (other, factor), 1.7)
            if power > 0 and _chain(factor) == "+":
                yield from self._brackets(factors, place)
                yield from self._in_one_term(factors, place)
        yield from self._groups(factors)
        if len(factors) > 2:
            for factor, power in factors:
                if power > 0 and not isinstance(factor, Number):
                    yield _Tree(factor, "only the factor {0} is left", (factor,), 1.6)
        divisors = [(f, 1) for f, power in factors if power < 0]
        if len(divisors) > 1:
            turned = _product([(f, 1) for f, _ in factors])
            yield _Tree(turned, "{0} multiplies where it divides", (_product(divisors),), 1.65)
        below = [(place, f) for place, (f, power) in enumerate(factors) if power < 0 and _chain(f) == "+"]
        for place, factor in below:  # a / (b + c) as a / b + c
            terms = _terms(factor)
            first = _product([*factors[:place], (terms[0][0], -1), *factors[place + 1 :]])
            yield _Tree(
                _sum([(first, terms[0][1]), *terms[1:]]), "the brackets around {0} are forgotten", (factor,), 1.7
            )

    def _brackets(self, factors: Sequence[tuple[Node, int]], place: int) -> Iterator[_Tree]:
        """a * (b + c) as a * b + c."""
        factor, others = factors[place][0], [*factors[:place], *factors[place + 1 :]]
        if not others:
            return
        terms = _terms(factor)
        for which in sorted({0, len(terms) - 1}):
            node, sign = terms[which]
            inner = _product([*others, (node, 1)])
            changed = _sum([*terms[:which], (inner, sign), *terms[which + 1 :]])
            distance = 1.6 if which == 0 else 1.7
            yield _Tree(changed, "the brackets around {0} are forgotten", (factor,), distance)

    def _in_one_term(self, factors: Sequence[tuple[Node, int]], place: int) -> Iterator[_Tree]:
        """(a + b) / |n| as a / (|n| - 1) + b / |n|: a count that is off in one term only."""
        others = [*factors[:place], *factors[place + 1 :]]
        counts = [n for f, _ in others for n in walk(f) if isinstance(n, Count)]
        terms = _terms(factors[place][0])
        for count in counts:
            less = [(replaced(f, count, Binary("-", count, ONE)), power) for f, power in others]
            for which, (term, _) in enumerate(terms):
                every = [
                    (_product([(t, 1), *(less if k == which else others)]), sign) for k, (t, sign) in enumerate(terms)
                ]
                parts = (Binary("-", count, ONE), count, term)
                yield _Tree(_sum(every), "{0} stands where {1} belongs, in the term {2} only", parts, 1.7)

    def _groups(self, factors: Sequence[tuple[Node, int]]) -> Iterator[_Tree]:
        """Several factors at once: all but the derivative from above, and pairs."""
        above = [f for f in factors if f[1] > 0 and self._from_above(f[0])]
        if above and len(factors) - len(above) > 1:
            gone = _product([f for f in factors if f not in above])
            yield _Tree(_product(above), "the factor {0} is left out", (gone,), 1.25)
            less = Binary("-", ONE, gone)
            yield _Tree(_product([*above, (less, 1)]), "{0} stands where {1} belongs", (less, gone), 1.9)
            for other in self._instead_of(gone):
                yield _Tree(_product([*above, (other, 1)]), "{0} stands where {1} belongs", (other, gone), 1.6)
        if not 3 <= len(factors) <= MOST_FACTORS:
            return
        for first in range(len(factors)):
            for second in range(first + 1, len(factors)):
                pair = [factors[first], factors[second]]
                if any(f in above for f in pair):
                    continue
                rest = [f for k, f in enumerate(factors) if k not in (first, second)]
                yield _Tree(_product(rest), "the factor {0} is left out", (_product(pair),), 1.5)
                twice = _product([*factors, *pair])
                yield _Tree(twice, "the factor {0} is taken twice", (_product(pair),), 1.9)

    def _instead_of(self, node: Node) -> Iterator[Element]:
        """The values that may be taken for a whole factor: those with the output's indices, of it and like it."""
        places = self.formula.left.indices if isinstance(self.formula.left, Element) else ()
        names = [n.name for n in walk(node) if isinstance(n, Element) and n.indices == places and places]
        for name in dict.fromkeys(names):
            yield Element(name, places)
            yield from (Element(other, places) for other in self.alike.get(name, ()))

    def _from_above(self, node: Node) -> bool:
        return isinstance(node, (Element, Symbol)) and node.name in self.upstream

    # -- sums ----------------------------------------------------------------------------------------------------

    def _sum(self, node: Node) -> Iterator[_Tree]:
        terms = _terms(node)
        one_minus = len(terms) == 2 and terms[0] == (ONE, 1) and terms[1][1] < 0
        for place, (term, sign) in enumerate(terms):
            rest = [*terms[:place], *terms[place + 1 :]]
            if one_minus and place == 0:
                other = terms[1][0]
                yield _Tree(other, "{0} stands where {1} belongs", (other, node), 1.4)
                yield _Tree(_negative(other), "{0} stands where {1} belongs", (_negative(other), node), 1.5)
                two = Binary("-", Number(2.0), other)
                yield _Tree(two, "{0} stands where {1} belongs", (two, node), 1.9)
                squared = Binary("-", ONE, Binary("^", terms[1][0], Number(2.0)))
                yield _Tree(squared, "{0} stands where {1} belongs", (squared, node), 1.8)
            elif not one_minus:
                yield _Tree(_sum(rest), "the term {0} is left out", (term,), 1.2)
                if len(rest) == 1 and rest[0][1] < 0:
                    yield _Tree(rest[0][0], "{0} stands where {1} belongs", (rest[0][0], node), 1.5)
                twice = [*terms[: place + 1], (term, sign), *terms[place + 1 :]]
                yield _Tree(_sum(twice), "the term {0} is taken twice", (term,), 1.8)
            if place or len(terms) == 2:
                flipped = [*terms[:place], (term, -sign), *terms[place + 1 :]]
                done = ("added", "subtracted") if sign < 0 else ("subtracted", "added")
                yield _Tree(_sum(flipped), f"{{0}} is {done[0]}, not {done[1]}", (term,), 1.4)
            if place and not one_minus:
                times = _product([(_sum(terms[:place]), 1), (_sum([(term, sign), *terms[place + 1 :]]), 1)])
                yield _Tree(times, "{0} is multiplied, not added", (term,), 1.9)
            if isinstance(term, Number) and not one_minus:
                for other in (term.value * 2, term.value + 1):
                    changed = _sum([*terms[:place], (Number(other), sign), *terms[place + 1 :]])
                    yield _Tree(changed, "{0} stands where {1} belongs", (Number(other), term), 1.9)
            if len(terms) > 2:
                yield _Tree(_sum([terms[place]]), "only the term {0} is left", (term,), 1.5)
        yield from self._roots(node, terms)

    def _roots(self, node: Node, terms: Sequence[tuple[Node, int]]) -> Iterator[_Tree]:
        """sqrt(v) + eps as sqrt(v + eps)."""
        for place, (term, sign) in enumerate(terms):
            if sign > 0 and isinstance(term, Function) and term.name == "sqrt" and len(terms) == 2:
                other, its = terms[1 - place]
                inside = Function("sqrt", (_sum([(term.arguments[0], 1), (other, its)]),))
                yield _Tree(inside, "{0} stands inside the root", (other,), 1.3)

    # -- other nodes ---------------------------------------------------------------------------------------------

    def _node(self, node: Node) -> Iterator[_Tree]:
        match node:
            case Negative(body=body):
                yield _Tree(body, "the minus before {0} is left out", (body,), 1.4)
            case Reduction(kind="sum" | "mean"):
                yield from self._reduction(node)
            case Reduction(kind="max"):
                yield _Tree(Reduction("mean", node.indices, node.body), "the mean is taken, not the largest", (), 1.8)
                yield _Tree(Reduction("sum", node.indices, node.body), "the sum is taken, not the largest", (), 1.9)
            case Function():
                yield from self._function(node)
            case Binary(operator="^", left=base, right=exponent):
                yield from self._power(node, base, exponent)
            case Count(index=index):
                yield from self._count(node, index)
            case Indicator(comparison=sign, left=left, right=right):
                turned = _OPPOSITE.get(sign, sign)
                if turned != sign:
                    words = "the comparison is turned round: {0} where {1} belongs"
                    changed = Indicator(turned, left, right)
                    yield _Tree(changed, words, (changed, node), 1.5)
            case Element():
                yield from self._element(node)
            case Symbol(name=name) if name in self.settings and name not in self.letters:
                for other in sorted(self.settings - {name}):
                    yield _Tree(Symbol(other), "{0} stands where {1} belongs", (Symbol(other), node), 1.7)
                less = Binary("-", ONE, node)
                yield _Tree(less, "{0} stands where {1} belongs", (less, node), 1.6)
            case _:
                pass

    def _reduction(self, node: Reduction) -> Iterator[_Tree]:
        kind, letters, body = node.kind, node.indices, node.body
        other = "mean" if kind == "sum" else "sum"
        words = "averaged instead of summed" if kind == "sum" else "summed instead of averaged"
        yield _Tree(Reduction(other, letters, body), f"{words} over the {_all_of(letters)}", (), 1.3)
        if kind == "mean" and not self.formula.bounds.keys() & set(letters):
            count = _product([(Count(letter), 1) for letter in letters])
            less = Binary("-", count, ONE)
            summed = Binary("/", Reduction("sum", letters, body), less)
            yield _Tree(summed, "{0} stands where {1} belongs, below the sum", (less, count), 1.5)
        for letter in letters:
            if letter in self.formula.bounds:
                continue
            if len(letters) > 1:
                count = Count(letter)
                part = Binary("/" if kind == "sum" else "*", node, count)
                yield _Tree(part, f"{words} over the {_each(letter)}", (), 1.5)
            if letter == ELLIPSIS:
                continue
            ends = ((Number(0.0), "first"), (Binary("-", Count(letter), ONE), "last"))
            for end, which in ends:
                only: Node = Binary("*", Indicator("=", Symbol(letter), end), body)
                inner = Reduction("sum", letters, only)
                one = _each(letter, several=False)
                done = "summed over" if kind == "sum" else "taken of"
                yield _Tree(inner, f"{done} the {which} {one} only", (), 1.6 if which == "first" else 1.65)
        yield _Tree(Reduction("max", letters, body), f"the largest is taken, not the {kind}", (), 1.9)
        square = Reduction(kind, letters, Binary("^", body, Number(2.0)))
        yield _Tree(square, f"the squares are {'summed' if kind == 'sum' else 'averaged'}", (), 2.0)

    def _function(self, node: Function) -> Iterator[_Tree]:
        name, first = node.name, node.arguments[0]
        if len(node.arguments) == 2:
            for kept, gone in (node.arguments, node.arguments[::-1]):
                if not isinstance(kept, (Number, Symbol)):
                    yield _Tree(kept, f"{name} with {{0}} is left out", (gone,), 1.5)
            other = "min" if name == "max" else "max"
            yield _Tree(Function(other, node.arguments), f"{other} stands where {name} belongs", (), 1.8)
            return
        title = {"sqrt": "the square root", "abs": "the absolute value", "log": "the logarithm"}.get(name, name)
        yield _Tree(first, f"{title} is left out", (), 1.4 if name == "sqrt" else 1.6)
        if name in ("exp", "tanh", "erf", "log"):
            yield _Tree(Function(name, (_negative(first),)), f"the sign inside {name} is flipped", (), 1.6)
        if name == "log":
            for base in (2.0, 10.0):
                below = Function("log", (Number(base),))
                yield _Tree(Binary("/", node, below), f"the logarithm is that to base {base:g}", (), 1.6)
        if name == "exp":
            power = Binary("^", Number(2.0), first)
            yield _Tree(power, "a power of 2 stands where one of e belongs", (), 1.8)
        if name == "sqrt":
            terms = _terms(first)
            if len(terms) == 2 and terms[1][1] > 0:
                outside = Binary("+", Function("sqrt", (terms[0][0],)), terms[1][0])
                yield _Tree(outside, "{0} stands outside the root", (terms[1][0],), 1.3)
                inverse = Binary("/", ONE, node)
                read = Function("sqrt", (Binary("+", inverse, terms[1][0]),))
                yield _Tree(read, "{0}, the inverse deviation, stands where {1} belongs", (inverse, terms[0][0]), 1.7)
            yield _Tree(Binary("^", first, Number(2.0)), "the square is taken, not the root", (), 1.9)
        swaps = {"tanh": ("erf", "sin"), "sin": ("cos",), "cos": ("sin",), "sign": ("abs",), "abs": ("sign",)}
        for other in swaps.get(name, ()):
            yield _Tree(Function(other, node.arguments), f"{other} stands where {name} belongs", (), 1.8)

    def _power(self, node: Binary, base: Node, exponent: Node) -> Iterator[_Tree]:
        if isinstance(exponent, Number):
            value = exponent.value
            for other in dict.fromkeys((1.0, value - 1, value + 1, value / 2, value * 2, -value)):
                if other not in (0.0, value):
                    changed = base if other == 1 else Binary("^", base, Number(other))
                    distance = 1.3 if other == 1 else 1.6
                    words = "{0} stands where {1} belongs" if other != 1 else "{1} is not raised: {0} stands there"
                    yield _Tree(changed, words, (changed, node), distance)
            times = Binary("*", Number(value), base)
            yield _Tree(times, "{0} stands where {1} belongs", (times, node), 1.8)
            if value == 2 and isinstance(base, Element):
                for name in self.alike.get(base.name, ()):
                    mixed = Binary("*", base, Element(name, base.indices))
                    yield _Tree(mixed, "{0} stands where {1} belongs", (mixed, node), 1.7)
            if value == 2:
                yield _Tree(
                    Function("abs", (base,)), "{0} stands where {1} belongs", (Function("abs", (base,)), node), 1.7
                )
            return
        yield _Tree(base, "{0} stands where {1} belongs", (base, node), 1.4)
        for sign, distance in (("-", 1.4), ("+", 1.5)):
            changed = Binary("^", base, Binary(sign, exponent, ONE))
            yield _Tree(changed, "{0} stands where {1} belongs: the count is off by one", (changed, node), distance)
        product = Binary("*", base, exponent)
        yield _Tree(product, "{0} stands where {1} belongs", (product, node), 1.9)

    def _count(self, node: Count, index: str) -> Iterator[_Tree]:
        less = Binary("-", node, ONE)
        yield _Tree(less, "{0} stands where {1} belongs", (less, node), 1.5)
        for other in sorted(self.formula.indices - {index}):
            if other not in self.formula.bounds:
                yield _Tree(Count(other), "{0} stands where {1} belongs", (Count(other), node), 1.6)
        both = [Count(i) for i in sorted(self.formula.indices - {index}) if i not in self.formula.bounds]
        for other in both:
            product = Binary("*", node, other)
            yield _Tree(product, "{0} stands where {1} belongs", (product, node), 1.8)

    def _applied(self, node: Element) -> Iterator[_Tree]:
        """The function of a value in the place of one: s(g), s(a) again."""
        if self.applied is None:
            return
        title, function = self.applied
        (operand,) = function.arrays
        if not isinstance(function.left, Element) or node.indices != function.left.indices:
            return
        for name in dict.fromkeys(e.name for e in self.formula.elements if e.indices == node.indices):
            if name not in (self.formula.output, operand):
                argument = Element(name, node.indices)
                changed = renamed(function.right, {operand: name})
                yield _Tree(changed, f"the {title} of {{0}} stands where {{1}} belongs", (argument, node), 1.7)

    def _applied_above(self, above: Node, rest: Node) -> Iterator[_Tree]:
        """s (1 - s(g)) for g s (1 - s): the derivative from above is taken for what the function is of."""
        for node in dict.fromkeys(n for n in walk(rest) if isinstance(n, Element)):
            for tree in self._applied(node):
                if tree.parts[0] == above:
                    words = f"{tree.words}, and {{0}} is no factor"
                    for changed in _each_place(rest, node, tree.node):
                        yield replace(tree, node=changed, words=words, distance=1.9)

    def _element(self, node: Element) -> Iterator[_Tree]:
        yield from self._applied(node)
        for other in self.alike.get(node.name, ()):
            changed = Element(other, node.indices)
            yield _Tree(changed, "{0} stands where {1} belongs", (changed, node), 1.5)
        if node.indices == (Symbol(ELLIPSIS),):  # gamma of the row for that of the column
            for letter in self.letters:
                words = f"{{0}} is taken at the number of the {_each(letter, several=False)}, not of the position"
                yield _Tree(Element(node.name, (Symbol(letter),)), words, (node,), 1.6)
        plain = [i for i in node.indices if isinstance(i, Symbol) and i.name in self.letters]
        if len(plain) == len(node.indices) > 1 or (len(node.indices) > 2 and plain):
            yield from _crossed(node)
        for place, index in enumerate(node.indices):
            if isinstance(index, Symbol) and index.name in self.letters:
                for letter in self.letters:
                    if Symbol(letter) not in node.indices and letter not in self.formula.bounds:
                        changed = _with_child(node, place, Symbol(letter))
                        words = f"{{0}} is taken at the number of the {_each(letter, several=False)}, not of the "
                        yield _Tree(changed, words + _each(index.name, several=False), (node,), 1.6)
                if len(node.indices) == 1 or place == 0:
                    one = _each(index.name, several=False)
                    first = _with_child(node, place, Number(0.0))
                    yield _Tree(first, f"{{0}} of the first {one} is taken for all", (node,), 1.8)
                    if any(index in e.indices for e in self.formula.elements if e is not node and e.name != node.name):
                        for sign, word in (("-", "before"), ("+", "after")):
                            moved = _with_child(node, place, Binary(sign, index, ONE))
                            yield _Tree(moved, f"{{0}} of the {one} {word} is taken", (node,), 1.9)
            elif affine(index) is not None and not isinstance(index, (Symbol, Number)):
                for tree in _of_an_index(index, self.formula.options):
                    yield tree.inside(node, place)

    def _all_places(self, right: Node) -> Iterator[_Tree]:
        """One name taken for another in all of its places, or its indices crossed there."""
        names = [n.name for n in walk(right) if isinstance(n, Element)]
        for name in sorted({n for n in names if names.count(n) > 1}):
            for other in self.alike.get(name, ()):
                words, parts = "{0} stands where {1} belongs", (Element(other, ()), Element(name, ()))
                yield _Tree(renamed(right, {name: other}), f"{words}, everywhere", parts, 1.45)
            for tree in self._applied(next(n for n in walk(right) if isinstance(n, Element) and n.name == name)):
                everywhere = replaced(right, tree.parts[1], tree.node)
                yield replace(tree, node=everywhere, words=f"{tree.words}, everywhere", distance=1.65)
        yield from self._exponents(right)
        yield from self._letters_crossed(right)
        yield from self._cases_crossed(right)
        numbers = sorted(self.settings & {n.name for n in walk(right) if isinstance(n, Symbol)})
        for place, one in enumerate(numbers):
            for two in numbers[place + 1 :]:
                if _scales_an_index(right, one) != _scales_an_index(right, two):
                    continue  # nobody takes a stride for a padding
                crossed = renamed(right, {one: two, two: one})
                yield _Tree(crossed, "{0} and {1} are crossed", (Symbol(one), Symbol(two)), 1.5)

    def _cases_crossed(self, right: Node) -> Iterator[_Tree]:
        """[z > 0] + slope [z <= 0] with each of the two cases in the other's place."""
        cases = [n for n in walk(right) if isinstance(n, Indicator)]
        if len(cases) < 2 or {n.comparison for n in cases} & {"=", "!="}:
            return

        def turned(node: Node) -> Node:
            return Indicator(_OPPOSITE[node.comparison], node.left, node.right) if isinstance(node, Indicator) else node

        words = "the cases are crossed: what belongs to {0} stands at {1}"
        yield _Tree(rewritten(right, turned), words, (cases[0], turned(cases[0])), 1.6)

    def _letters_crossed(self, right: Node) -> Iterator[_Tree]:
        """Two indices in each other's place in every array: another one is summed, rows stand for columns."""
        for place, one in enumerate(self.letters):
            for two in self.letters[place + 1 :]:
                letters = {one: Symbol(two), two: Symbol(one)}

                def cross(node: Node, letters: Mapping[str, Node] = letters) -> Node:
                    if isinstance(node, Element):
                        return Element(node.name, tuple(at(i, letters) for i in node.indices))
                    return node

                words = f"the indices {one} and {two} are crossed, everywhere"
                yield _Tree(rewritten(right, cross), words, (), 1.6)

    def _exponents(self, right: Node) -> Iterator[_Tree]:
        """A count in exponents, as the t of beta1^t and beta2^t, changed in all of them."""
        powers = [n for n in walk(right) if isinstance(n, Binary) and n.operator == "^" and isinstance(n.right, Symbol)]
        for name in sorted({n.right.name for n in powers if isinstance(n.right, Symbol)}):
            count = Symbol(name)
            if sum(n.right == count for n in powers) < 2:
                continue
            for sign, distance in (("-", 1.35), ("+", 1.4)):
                other = Binary(sign, count, ONE)
                words = "{0} stands where {1} belongs, everywhere: the count is off by one"
                yield _Tree(replaced(right, count, other), words, (other, count), distance)
            words = "it is not raised to the power {0}, everywhere"
            yield _Tree(_raised(right, count, lambda base: base), words, (count,), 1.45)
            words = "it is multiplied by {0} where it is raised to that power, everywhere"
            yield _Tree(_raised(right, count, lambda base, c=count: Binary("*", base, c)), words, (count,), 1.6)

            def turned(node: Node, count: Symbol = count) -> Node:
                match node:
                    case Binary(operator="/", left=left, right=right) if any(_raised_to(n, count) for n in walk(right)):
                        return node if any(isinstance(n, Element) for n in walk(right)) else Binary("*", left, right)
                    case _:
                        pass
                return node

            yield _Tree(rewritten(right, turned), "the corrections multiply where they divide", (), 1.45)


def _each_place(node: Node, one: Node, other: Node) -> Iterator[Node]:
    """The tree with another node in one of the places of one."""
    if node == one:
        yield other
        return
    for place, child in enumerate(children(node)):
        for changed in _each_place(child, one, other):
            yield _with_child(node, place, changed)


def _raised(node: Node, count: Symbol, change: Callable[[Node], Node]) -> Node:
    """The tree with `change` of the base for every power with this exponent."""

    def put(inner: Node) -> Node:
        match inner:
            case Binary(operator="^", left=left, right=right) if right == count:
                return change(left)
            case _:
                return inner

    return rewritten(node, put)


def _raised_to(node: Node, count: Symbol) -> bool:
    return isinstance(node, Binary) and node.operator == "^" and node.right == count


def _crossed(node: Element) -> Iterator[_Tree]:
    """Two indices beside each other in the other order."""
    for place in range(len(node.indices) - 1):
        one, two = node.indices[place : place + 2]
        if Symbol(ELLIPSIS) in (one, two):
            continue
        indices = (*node.indices[:place], two, one, *node.indices[place + 2 :])
        words = "{0} is transposed, or the transpose is left out" if len(node.indices) == 2 else (
            f"the indices {said(one, {})} and {said(two, {})} of {{0}} are crossed"
        )  # fmt: skip
        yield _Tree(Element(node.name, indices), words, (node,), 1.3)


def _scales_an_index(node: Node, setting: str) -> bool:
    """Whether a setting multiplies an index, as a stride does, and is no shift."""
    places = [i for n in walk(node) if isinstance(n, Element) for i in n.indices]
    return any(
        len(factors) > 1 and (Symbol(setting), 1) in factors
        for i in places
        for term, _ in _terms(i)
        for factors in (_factors(term),)
    )


def _of_an_index(index: Node, options: Collection[str]) -> Iterator[_Tree]:
    """Changes of an affine index: a stride or a shift forgotten, one too far, turned round."""
    terms = _terms(index)
    for place, (term, sign) in enumerate(terms):
        if len(terms) > 1 and (isinstance(term, Number) or (isinstance(term, Symbol) and term.name in options)):
            rest = _sum([*terms[:place], *terms[place + 1 :]])
            yield _Tree(rest, f"{said(term, {})} is forgotten in the index", (), 1.5)
            flipped = _sum([*terms[:place], (term, -sign), *terms[place + 1 :]])
            yield _Tree(flipped, f"{said(term, {})} has the other sign in the index", (), 1.7)
        factors = _factors(term)
        for which, (factor, _) in enumerate(factors):
            if len(factors) > 1 and isinstance(factor, Symbol) and factor.name in options:
                less = _product([*factors[:which], *factors[which + 1 :]])
                changed = _sum([*terms[:place], (less, sign), *terms[place + 1 :]])
                yield _Tree(changed, f"the stride {said(factor, {})} is forgotten in the index", (), 1.5)
    for sign in "+-":
        yield _Tree(Binary(sign, index, ONE), "the index is off by one", (), 1.8)
    letters = [t for t in terms if isinstance(t[0], Symbol) and t[0].name not in options and t[1] > 0]
    if len(terms) > 1 and len(letters) == 1 and letters[0][0] != terms[0][0]:
        letter = letters[0][0]
        assert isinstance(letter, Symbol)
        turned = at(index, {letter.name: Binary("-", Binary("-", Count(letter.name), ONE), letter)})
        yield _Tree(turned, f"the index {letter.name} runs the other way: turned round", (), 1.6)


# -- chains of products and sums -----------------------------------------------------------------------------------


def _chain(node: Node) -> str:
    match node:
        case Binary(operator="*" | "/"):
            return "*"
        case Binary(operator="+" | "-"):
            return "+"
        case _:
            return ""


def _factors(node: Node, power: int = 1) -> list[tuple[Node, int]]:
    """The factors of a product, with -1 for those that divide."""
    match node:
        case Binary(operator="*", left=left, right=right):
            return [*_factors(left, power), *_factors(right, power)]
        case Binary(operator="/", left=left, right=right):
            return [*_factors(left, power), *_factors(right, -power)]
        case Negative(body=body) if _chain(body) == "*":
            return [(Number(-1.0), 1), *_factors(body, power)]
        case _:
            return [(node, power)]


def _product(factors: Sequence[tuple[Node, int]]) -> Node:
    result: Node | None = None
    for factor, power in factors:
        if result is None:
            result = factor if power > 0 else Binary("/", ONE, factor)
        else:
            result = Binary("*" if power > 0 else "/", result, factor)
    return ONE if result is None else result


def _terms(node: Node, sign: int = 1) -> list[tuple[Node, int]]:
    """The terms of a sum with their signs."""
    match node:
        case Binary(operator="+", left=left, right=right):
            return [*_terms(left, sign), *_terms(right, sign)]
        case Binary(operator="-", left=left, right=right):
            return [*_terms(left, sign), *_terms(right, -sign)]
        case Negative(body=body):
            return _terms(body, -sign)
        case _:
            return [(node, sign)]


def _sum(terms: Sequence[tuple[Node, int]]) -> Node:
    result: Node | None = None
    for term, sign in terms:
        if result is None:
            result = term if sign > 0 else _negative(term)
        else:
            result = Binary("+" if sign > 0 else "-", result, term)
    return Number(0.0) if result is None else result


def _negative(node: Node) -> Node:
    return node.body if isinstance(node, Negative) else Negative(node)


def _with_child(node: Node, place: int, child: Node) -> Node:
    """The node with another child in one place."""
    places = iter(range(len(children(node))))
    return rebuilt(node, lambda old: child if next(places) == place else old)


def _kind(factor: Node) -> str:
    return "mask" if isinstance(factor, Indicator) else "factor"


def _each(letter: str, *, several: bool = True) -> str:
    """What an index counts, in words."""
    if letter == ELLIPSIS:
        return "positions" if several else "position"
    name = INDEX_NAMES.get(letter)
    if name is None:
        return f"values of {letter}" if several else f"value of {letter}"
    return name + ("es" if name.endswith("s") else "s") * several


def _all_of(letters: Sequence[str]) -> str:
    return " and ".join(map(_each, letters))
