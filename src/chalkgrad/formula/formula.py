"""A formula: its two sides as trees, and what they say about shapes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

import numpy as np

from ..base.caching import cached_property
from ..base.errors import FormulaError
from .affine import affine, coefficients, span
from .evaluation import Evaluation, OutsideError
from .nodes import (
    ELLIPSIS,
    Count,
    Element,
    Node,
    Number,
    Position,
    Reduction,
    Shape,
    Size,
    Symbol,
    children,
    symbols_in,
    walk,
)
from .parser import Parser
from .rewrite import at, without


class Formula:
    """One index formula, parsed.

    Args:
        text: the formula.
        options: the names that are settings, never indices: the T of `h[n,T-1,u]`.

    Attributes:
        text: the formula as text.
        output: the name on the left.
        left, right: the two sides as trees.
        accumulates: whether terms are added where they fall (`+=`).
        bounds: the ranges given after `for`.
        options: the names that are settings.

    Raises:
        FormulaError: where the text is not a formula, or an index stands only on the right of `=` and nothing sums it.
    """

    def __init__(self, text: str, options: Collection[str] = ()) -> None:
        self.text = " ".join(text.split())
        self.options = frozenset(options)
        left, sign, self.right, self.bounds = Parser(self.text).formula()
        if not isinstance(left, (Element, Symbol)):  # the parser has checked it
            raise FormulaError(f"a formula is 'element = expression', not {text!r}")
        self.left: Element | Symbol = left
        self.output = self.left.name
        self.accumulates = sign == "+="
        if not self.accumulates and (loose := self._loose(self.right, _names(self.left))):
            raise FormulaError(
                f"the index {loose} stands only on the right of {self.text!r}: sum over it, sum_{loose}, or write +="
            )

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"

    @property
    def sides(self) -> tuple[Node, Node]:
        """The two sides as trees."""
        return self.left, self.right

    @cached_property
    def indices(self) -> frozenset[str]:
        """The index letters: those that stand alone in an index place, those of reductions and bounds."""
        letters = set(self.bounds)
        for node in self.nodes:
            if isinstance(node, Reduction):
                letters.update(node.indices)
            elif isinstance(node, Element):
                letters.update(i.name for i in node.indices if isinstance(i, Symbol) and i.name not in self.options)
            elif isinstance(node, Position):
                letters.add(ELLIPSIS)
            elif isinstance(node, Count):
                letters.add(node.index)
        return frozenset(letters)

    @cached_property
    def arrays(self) -> frozenset[str]:
        """The names of the elements that it reads: those on the right, and those that are indices on the left."""
        left = self.left.indices if isinstance(self.left, Element) else ()
        return frozenset(n.name for side in (self.right, *left) for n in walk(side) if isinstance(n, Element))

    @cached_property
    def ids(self) -> frozenset[str]:
        """The arrays whose elements are indices: the x of W[x[n,t],d]."""
        places = [i for n in self.elements for i in n.indices]
        return frozenset(n.name for place in places for n in walk(place) if isinstance(n, Element))

    @property
    def gives_shape(self) -> bool:
        """Whether the arrays' shapes give the output's: every index on the left is bound by an array or a range."""
        places = self.left.indices if isinstance(self.left, Element) else ()
        bound = {i for n in walk(self.right) if isinstance(n, Element) for i in n.indices if isinstance(i, Symbol)}
        return all(isinstance(p, Symbol) and (p in bound or p.name in self.bounds) for p in places)

    @property
    def recurs(self) -> bool:
        """Whether it names its own output on the right, at another place."""
        return self.output in self.arrays

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The names on either side that are neither indexed nor indices: options and single numbers."""
        names = {n.name for n in self.nodes if isinstance(n, Symbol)}
        return frozenset(names - self.indices - ({self.output} if isinstance(self.left, Symbol) else set()))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node of both sides and of the bounds."""
        return tuple(node for side in (self.left, self.right, *self.bounds.values()) for node in walk(side))

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """Every place where an array is indexed, on either side."""
        return tuple(node for node in self.nodes if isinstance(node, Element))

    @cached_property
    def _trimmed(self) -> dict[str, Formula]:
        return {}

    def _loose(self, node: Node, bound: frozenset[str]) -> str | None:
        """An index that is free on the right, neither on the left nor summed over; None where there is none."""
        match node:
            case Reduction(indices=indices, body=body):
                return self._loose(body, bound | frozenset(indices))
            case Symbol(name=name) if name in self.indices - bound:
                return name
            case Position() if ELLIPSIS not in bound:
                return ELLIPSIS
            case _:
                return next((i for child in children(node) if (i := self._loose(child, bound))), None)

    def delays(self, name: str) -> frozenset[int]:
        """How many steps earlier in time the formula reads the array `name`: 1 for `h[n,t-1,v]`, -1 for one step later.

        Time is the second index on the left. Empty for an array that has no time, as parameters.
        """
        return self._delays.get(name, frozenset())

    @cached_property
    def _delays(self) -> Mapping[str, frozenset[int]]:
        left = self.left.indices if isinstance(self.left, Element) else ()
        found: dict[str, set[int]] = {}
        for node in walk(self.right):
            if not isinstance(node, Element) or node.indices[:1] != left[:1]:
                continue
            if Symbol(ELLIPSIS) in left[:2] and node.indices[:2] == left[:2]:
                found.setdefault(node.name, set()).add(0)
            elif len(left) > 1 and len(node.indices) > 1 and isinstance(left[1], Symbol):
                terms = affine(node.indices[1]) or {}
                if terms.get(left[1].name) == 1 and len(terms) == 2:
                    found.setdefault(node.name, set()).add(-terms[""])
        return {name: frozenset(delays) for name, delays in found.items()}

    def changed(self, change: Callable[[Node], Node]) -> Formula:
        """This formula with both sides changed; its text is the old one."""
        other = copy.copy(self)
        for cached in ("indices", "arrays", "symbols", "ids", "nodes", "elements", "_letters", "_delays", "_trimmed"):
            other.__dict__.pop(cached, None)
        left = change(self.left)
        assert isinstance(left, (Element, Symbol))
        other.left, other.right, other.output = left, change(self.right), left.name
        return other

    def without(self, operand: str) -> Formula:
        """This formula without the term that holds `operand` (a layer without a bias)."""
        if operand not in self._trimmed:
            trimmed = self.changed(lambda side: side if side is self.left else without(side, operand))
            trimmed.text = f"{self.text} (without {operand})"
            self._trimmed[operand] = trimmed
        return self._trimmed[operand]

    def sizes(self, shapes: Mapping[str, Shape], options: Mapping[str, Any]) -> dict[str, Any]:
        """The size of each index (how many values it takes) by the arrays' shapes; `...` has a tuple of sizes.

        Args:
            shapes: the shape of each array, the output's too if it is known.
            options: the rule's options, for the ranges after `for`.

        Raises:
            FormulaError: where two arrays give one index two sizes, or an array has the wrong rank.
        """
        sizes: dict[str, Any] = {}
        origin: dict[str, tuple[str, Shape]] = {}
        for index, bound in self.bounds.items():
            sizes[index] = int(Evaluation(self.text, {}, options, {}).value(bound))
        for name, letters in self._letters:
            if name in shapes:
                self._bind(name, letters, shapes[name], sizes, origin)
        return sizes

    @cached_property
    def _letters(self) -> tuple[tuple[str, tuple[str | None, ...]], ...]:
        """Every indexed array with the index letter in each of its places, None where another expression stands."""
        found = dict.fromkeys((element.name, element.indices) for element in self.elements)
        return tuple(
            (name, tuple(i.name if isinstance(i, Symbol) and i.name in self.indices else None for i in places))
            for name, places in found
        )

    def _bind(
        self,
        name: str,
        letters: tuple[str | None, ...],
        shape: Shape,
        sizes: dict[str, Any],
        origin: dict[str, tuple[str, Shape]],
    ) -> None:
        spread = ELLIPSIS in letters
        if (len(shape) < len(letters) - 1) if spread else (len(shape) != len(letters)):
            raise FormulaError(f"{name} has shape {shape}, but {self.text!r} gives it {len(letters)} indices")
        extents: Sequence[Any] = shape
        if spread:
            at = letters.index(ELLIPSIS)
            rest = len(shape) - (len(letters) - 1)
            extents = [*shape[:at], tuple(shape[at : at + rest]), *shape[at + rest :]]
        for letter, size in zip(letters, extents, strict=True):
            if letter is None:
                continue
            if letter not in sizes:
                sizes[letter] = size
                origin[letter] = name, shape
            elif sizes[letter] != size:
                where = "{} {}".format(*origin[letter]) if letter in origin else "the options"
                raise FormulaError(
                    f"the index {letter} takes {sizes[letter]} values in {where} "
                    f"but {size} in {name} {shape}, in {self.text!r}"
                )

    def output_shape(self, shapes: Mapping[str, Shape], options: Mapping[str, Any], begins: Shape = ()) -> Shape | None:
        """The output's shape as the arrays' shapes give it; None where an index on the left is bound by no array, or
        is affine and does not begin at 0.

        Args:
            shapes: the shape of each array.
            options: the rule's options.
            begins: what the shape begins with, where that is known.
        """
        if isinstance(self.left, Symbol):
            return ()
        sizes = self.sizes(shapes, options)
        for place, size in zip(self.left.indices, begins, strict=False):
            if isinstance(place, Symbol):
                sizes.setdefault(place.name, size)
        shape: list[Size] = []
        for place in self.left.indices:
            size = sizes.get(place.name) if isinstance(place, Symbol) else self._reach(place, sizes, options)
            if size is None:
                return None
            shape.extend(cast("Shape", size) if isinstance(size, tuple) else [size])
        return tuple(shape)

    def _reach(self, place: Node, sizes: Mapping[str, Any], options: Mapping[str, Any]) -> int | None:
        """How far an affine index expression reaches from 0 on; None where it does not begin there, or where terms are
        added where they fall, which may leave places after them out.
        """
        if self.accumulates:
            return None
        settings = {o: Number(float(options[o])) for o in self.options if isinstance(options.get(o), (int, float))}
        numbered = at(place, settings)
        letters = coefficients(numbered)
        if not letters or not all(isinstance(sizes.get(letter), int) for letter in letters):
            return None
        low, high = span(numbered, sizes)
        return high + 1 if low == 0 else None

    def evaluate(
        self,
        arrays: Mapping[str, Any],
        options: Mapping[str, Any],
        shape: tuple[int, ...] | None = None,
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The formula's value, float64, of the output's shape: the slow oracle, element by element in plain loops.

        Args:
            arrays: the operands by the names that the formula gives them; absent ones are None.
            options: the rule's options.
            shape: the output's shape, where the formula alone does not give it.

        Raises:
            FormulaError: where neither gives the output's shape, two arrays give one index two sizes, or a name is
                unknown.
        """
        formula = self
        operands: dict[str, Any] = {}
        for name, array in arrays.items():
            if array is None:
                formula = formula.without(name)
            else:
                operands[name] = np.asarray(array)
        shapes: dict[str, Shape] = {n: a.shape for n, a in operands.items()}
        if shape is None:
            output = formula.output_shape(shapes, options)
            if output is None:
                raise FormulaError(f"{self.text!r} does not give the output's shape; say its indices' ranges: for k<4")
            shape = tuple(int(s) for s in output)
        sizes = formula.sizes({**shapes, formula.output: shape}, options)
        result = np.zeros(shape)
        if formula.recurs and formula.output not in operands:
            operands[formula.output] = result  # what is computed at an earlier time is there at a later one
        run = Evaluation(formula.text, operands, options, sizes)
        if isinstance(formula.left, Symbol):
            result[()] = run.value(formula.right)
            return result
        bound = {i for n in walk(formula.right) if isinstance(n, Reduction) for i in n.indices}
        # at a place that an array chooses (W[x[n,t],d]) "=" assigns, and the last one stays
        chosen = not formula.accumulates and any(isinstance(n, Element) for i in formula.left.indices for n in walk(i))
        free = [i for i in _in_order(formula) if i not in bound or i in _names(formula.left)]
        for _ in run.loop(tuple(free), backward=any(delay < 0 for delay in formula.delays(formula.output))):
            try:
                place = run.place(formula.left, shape)
                value = run.value(formula.right)
            except OutsideError:
                continue
            if chosen:
                result[place] = value
            else:
                result[place] += value
        return result


def _names(node: Node) -> frozenset[str]:
    return frozenset(symbols_in(node))


def _in_order(formula: Formula) -> list[str]:
    """The indices in the order in which they are first written."""
    order: dict[str, None] = {}
    for node in formula.nodes:
        if isinstance(node, Symbol) and node.name in formula.indices:
            order[node.name] = None
        elif isinstance(node, Position):
            order[ELLIPSIS] = None
        elif isinstance(node, Reduction):
            order.update(dict.fromkeys(node.indices))
    return list(order)
