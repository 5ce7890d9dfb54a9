"""A step's formula in the network's own names: one assignment for every value of its indices.

A statement is a rule's index formula with all that the network settles put in: operands by their names in the network,
settings as numbers, `...` as indices of their own. It is what loops are made from, work is estimated with, and
matrix notation is found for. Nothing of the mathematics is written here again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from ..base.caching import cached_property
from ..formula import Formula, Shape, Size
from ..formula.affine import coefficients
from ..formula.nodes import ELLIPSIS, Binary, Count, Element, Node, Number, Position, Reduction, Symbol, walk
from ..formula.rewrite import folded, renamed, rewritten, shortened
from .step import Step

SAMPLES = "N"
"""The size of the index over the samples, and the name under which their number is known."""


@dataclass(frozen=True)
class Spelling:
    """The spelling of a statement: its letters, and how far its arithmetic is done.

    Attributes:
        letters: names for the indices that `...` stands for, as far as the formula leaves the letters free.
        sample: the name of the one over the samples among them; empty for the next letter.
        computed: whether arithmetic with settings is computed, and the number of samples a value called N; else it
            stands as in the formula.
    """

    letters: Sequence[str]
    sample: str
    computed: bool


COMPUTED = Spelling("ijkchwrst", "n", True)
"""The spelling for loops."""
WRITTEN = Spelling("jkpqhw", "", False)
"""The spelling for readers."""


@dataclass(frozen=True)
class Statement:
    """One assignment.

    Attributes:
        output: the value that is set.
        place: the indices on the left; () where it is one number.
        body: the right side; its elements bear the network's names.
        sizes: the size of each index (how many values it takes), "N" for the samples.
        loops: the indices that are free: those on the left, outermost first, then any others.
        adds: whether terms are added where they fall, so that the value has to be zero before.
        text: the formula in the network's names, for a comment.
        step: the step whose formula it is.
    """

    output: str
    place: tuple[Node, ...]
    body: Node
    sizes: Mapping[str, Size]
    loops: tuple[str, ...]
    adds: bool
    text: str
    step: Step

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names on its right side, indices among them, and of the values that are indices on its left."""
        chosen = [n for place in self.place for n in walk(place) if isinstance(n, Element)]
        return names_in(self.body).union(*map(names_in, chosen))

    @property
    def left(self) -> Node:
        """The element that is set; a symbol where the value is one number."""
        return Element(self.output, self.place) if self.place else Symbol(self.output)

    @cached_property
    def sample(self) -> str | None:
        """The index over the samples, where the statement has one."""
        return next((name for name, size in self.sizes.items() if size == SAMPLES), None)

    @cached_property
    def by_sample(self) -> bool:
        """Whether it sets something for every sample."""
        return bool(self.place) and isinstance(self.place[0], Symbol) and self.sizes.get(self.place[0].name) == SAMPLES

    @property
    def terms(self) -> int:
        """The number of terms in all, for one sample."""
        return math.prod(size for size in self.sizes.values() if isinstance(size, int))

    @property
    def over_samples(self) -> tuple[Reduction, ...]:
        """The sums on the right that reach over the samples."""
        return tuple(n for n in walk(self.body) if isinstance(n, Reduction) and self.sample in n.indices)

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """The elements on the right, from left to right, each as often as it stands there."""
        return tuple(n for n in walk(self.body) if isinstance(n, Element))

    @cached_property
    def pointwise(self) -> bool:
        """Whether every element on the right stands at the place that is set."""
        return (
            bool(self.place)
            and not self.adds
            and not reduces(self.body)
            and all(e.indices == self.place for e in self.elements)
        )

    @property
    def overlaps(self) -> bool:
        """Whether the places to which it adds may be the same for different indices."""
        for place in self.place:
            if isinstance(place, Element):  # ids may be the same
                return True
            terms = coefficients(place)
            if len(terms) < 2:
                continue
            reach = 0
            for index, factor in sorted(terms.items(), key=lambda t: abs(t[1])):
                if abs(factor) <= reach:
                    return True
                reach += abs(factor) * (int(self.sizes[index]) - 1)
        return False

    def renamed(self, names: Mapping[str, str]) -> Statement:
        """This statement with other names for some of the values on its right."""
        if self.reads.isdisjoint(names):
            return self
        return replace(self, body=renamed(self.body, names, self.sizes))

    def __str__(self) -> str:
        return self.text


def reduces(node: Node) -> bool:
    """Whether there is a sum, a mean or a maximum in a tree."""
    return any(isinstance(n, Reduction) for n in walk(node))


def names_in(node: Node) -> frozenset[str]:
    """The names of a tree's elements and symbols."""
    return frozenset(n.name for n in walk(node) if isinstance(n, (Element, Symbol)))


def sizes_of(step: Step, formula: Formula, shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """The size of each index of a step's formula (how many values it takes); a tuple for `...`.

    Args:
        step: the step.
        formula: its formula, without absent operands.
        shapes: the shape of every named value.
    """
    known: dict[str, Shape] = {step.rule.output: step.shape}
    for operand, name in zip(step.rule.operands, step.inputs, strict=True):
        if name is not None:
            known[operand] = shapes[name]
    return formula.sizes(known, step.options)


def terms_of(step: Step, shapes: Mapping[str, Shape]) -> int:
    """The number of terms of a step in all, for one sample: its statement's, or the numbers drawn.

    Args:
        step: the step.
        shapes: the shape of every named value.
    """
    formula = step.formula
    if formula is None:
        return _count(step.shape)
    return math.prod(map(_count, sizes_of(step, formula, shapes).values()))


def _count(size: Any) -> int:
    if isinstance(size, tuple):
        return math.prod(map(_count, cast("tuple[Any, ...]", size)))
    return size if isinstance(size, int) else 1


def statement_of(step: Step, shapes: Mapping[str, Shape], spelling: Spelling = COMPUTED) -> Statement:
    """The statement of a step; of a step that draws at random, one that sets each element to 0.

    Args:
        step: the step.
        shapes: the shape of every named value.
        spelling: how it is spelled.
    """
    formula = step.formula
    if formula is None:
        return _draw(step)
    names = {o: n for o, n in zip(step.rule.operands, step.inputs, strict=True) if n is not None}
    text = _text_in(names, formula, step.output)
    names.setdefault(step.rule.output, step.output)  # an operand called like the output may be another value
    speller = _Speller(spelling, names, step.options, sizes_of(step, formula, shapes), formula.indices)
    left = speller.tree(formula.left)
    place = left.indices if isinstance(left, Element) else ()
    body = speller.tree(formula.right)
    bound = {i for n in walk(body) if isinstance(n, Reduction) for i in n.indices}
    on_left = [n.name for i in place for n in walk(i) if isinstance(n, Symbol)]
    free = [*on_left, *(i for i in speller.indices if i not in bound)]
    loops = tuple(dict.fromkeys(i for i in free if i in speller.indices))
    return Statement(step.output, place, body, speller.indices, loops, formula.accumulates, text, step)


def _text_in(names: Mapping[str, str], formula: Formula, output: str) -> str:
    """The formula's text with other names for the values; an index of the same name keeps its own."""

    def renamed_one(match: re.Match[str]) -> str:
        name, bracket = match.groups()
        return match.group() if name in formula.indices and not bracket else names.get(name, name) + bracket

    return output + re.sub(r"([A-Za-z_]\w*)(\[?)", renamed_one, formula.text.removeprefix(formula.output))


def _draw(step: Step) -> Statement:
    letters = tuple(f"i{k}" if k else "n" for k in range(len(step.shape)))
    sizes = dict(zip(letters, step.shape, strict=True))
    text = f"{step.output} is drawn (Philox)"
    return Statement(step.output, tuple(map(Symbol, letters)), Number(0.0), sizes, letters, False, text, step)


class _Speller:
    """A formula's trees with the network's names and settings put in."""

    def __init__(
        self,
        spelling: Spelling,
        names: Mapping[str, str],
        options: Mapping[str, Any],
        sizes: Mapping[str, Any],
        letters: frozenset[str],
    ) -> None:
        self.names = names
        self.letters = letters
        self.options = options
        self.sizes = sizes
        self.computed = spelling.computed
        self.arithmetic = folded if spelling.computed else shortened
        free = iter([c for c in spelling.letters if c not in letters])
        self.spread = tuple(
            spelling.sample if size == SAMPLES and spelling.sample else next(free) for size in sizes.get(ELLIPSIS, ())
        )
        self.indices: dict[str, Size] = {n: s for n, s in sizes.items() if n != ELLIPSIS}
        self.indices.update(zip(self.spread, sizes.get(ELLIPSIS, ()), strict=True))

    def tree(self, node: Node) -> Node:
        """A formula's tree in the network's names."""
        return rewritten(node, self._node)

    def _node(self, node: Node) -> Node:
        match node:
            case Element(name=name, indices=indices):
                return Element(self.names[name], tuple(self._spread_out(indices)))
            case Symbol(name=name) if name in self.names and name not in self.letters:
                return Symbol(self.names[name])
            case Symbol(name=name) if name in self.options:
                return Number(float(self.options[name]))
            case Binary(operator=operator, left=left, right=right):
                return self.arithmetic(operator, left, right)
            case Count(index=index):
                return self._count(node, self.sizes[index] if index == ELLIPSIS else (self.sizes[index],))
            case Position():
                place: Node = Number(0.0)
                for name, size in zip(self.spread, self.sizes[ELLIPSIS], strict=True):
                    place = folded("+", folded("*", place, Number(float(size))), Symbol(name))
                return place
            case Reduction(kind=kind, indices=over, body=body) if ELLIPSIS in over:
                letters = tuple(i for index in over for i in (self.spread if index == ELLIPSIS else (index,)))
                return Reduction(kind, letters, body) if letters or self.computed else body
            case _:
                return node

    def _spread_out(self, indices: tuple[Node, ...]) -> list[Node]:
        return [index for i in indices for index in (map(Symbol, self.spread) if i == Symbol(ELLIPSIS) else [i])]

    def _count(self, node: Count, sizes: Sequence[Size]) -> Node:
        if not self.computed and SAMPLES in sizes:
            return node
        number: Node = Number(1.0)
        for size in sizes:
            number = folded("*", number, Symbol(SAMPLES) if size == SAMPLES else Number(float(size)))
        return number
