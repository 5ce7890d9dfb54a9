"""Loops round instructions, and which may share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....formula import Size
from ....formula.nodes import Element, Symbol, walk
from ....program.statement import Statement
from .ir import Apart, Code, Instruction, Loop, whole


@dataclass(frozen=True, slots=True)
class Nest:
    """Loops round a body.

    Attributes:
        ranges: every loop's index and size, outermost first.
        body: the instructions inside.
        before: the instructions before the loops.
        vectors: whether the innermost loop may be vectorised.
        statement: the statement, where others with the same loops may stand in the same body.
        outputs: the values that are set inside.
        around: the instructions before and after the innermost loop.
    """

    ranges: tuple[tuple[str, int], ...]
    body: tuple[Instruction, ...]
    before: tuple[Instruction, ...]
    vectors: bool
    statement: Statement | None
    outputs: tuple[str, ...] = ()
    around: tuple[tuple[Instruction, ...], tuple[Instruction, ...]] = ((), ())

    def followed_by(self, other: Nest) -> Nest | None:
        """Both in the same loops; None where that is not possible."""
        first, two = self.statement, other.statement
        if first is None or two is None or self.ranges != other.ranges or self.vectors != other.vectors:
            return None
        outputs = (*self.outputs, first.output)
        for element in walk(two.body):
            if isinstance(element, Element) and element.name in outputs and element.indices != first.place:
                return None
        before = (*self.before, *other.before)
        (opening, closing), (further, last) = self.around, other.around
        around = (*opening, *further), (*closing, *last)
        return Nest(self.ranges, (*self.body, *other.body), before, self.vectors, two, outputs, around)

    def code(self) -> Code:
        """The loops."""
        loops = nested([i for i, _ in self.ranges], dict(self.ranges), list(self.body), self.vectors, self.around)
        return [*self.before, *loops]


@dataclass(frozen=True, slots=True)
class Rows:
    """Nests with the same outer loops: for one row after another, what the first does with it, then the next.

    A softmax over the keys of attention, or a layer normalisation, is several statements that add up along a row and
    change it: so the row stays in the first cache. It is never an image's, whose statements have sums of their own.

    Attributes:
        outer: the loops that they have in common, outermost first.
        nests: the nests.
    """

    outer: tuple[tuple[str, int], ...]
    nests: tuple[Nest, ...]

    @property
    def statement(self) -> Statement | None:
        """The last statement."""
        return self.nests[-1].statement

    def followed_by(self, other: Nest) -> Rows | None:
        """These and one more; None where that is not possible."""
        if not _has_rows(other, self.outer) or not _within_rows(self.nests, other, self.outer):
            return None
        *nests, last = self.nests
        union = last.followed_by(other)
        return Rows(self.outer, (*nests, union) if union is not None else (*self.nests, other))

    def code(self) -> Code:
        """The loops."""
        before = [i for nest in self.nests for i in nest.before]
        body: Code = []
        for nest in self.nests:
            body += [Apart()] if body else []
            inner = [i for i, _ in nest.ranges[len(self.outer) :]]
            body += nested(inner, dict(nest.ranges), list(nest.body), nest.vectors, nest.around)
        return [*before, *nested([i for i, _ in self.outer], dict(self.outer), body, False)]


def rows_of(first: Nest, other: Nest) -> Rows | None:
    """Both for one row after another, where one adds up along the rows that the other goes through."""
    outer = min(first.ranges, other.ranges, key=len)
    if first.ranges == other.ranges or not outer or not _has_rows(first, outer):
        return None
    return Rows(outer, (first,)).followed_by(other)


def _has_rows(nest: Nest, outer: tuple[tuple[str, int], ...]) -> bool:
    """Whether a nest goes through rows in these loops, or has one number for each."""
    statement = nest.statement
    if statement is None or not statement.by_sample:
        return False
    place = tuple(i.name if isinstance(i, Symbol) else None for i in statement.place[1 : len(outer) + 1])
    alone = nest.ranges == outer and not any(nest.around)
    return place == tuple(i for i, _ in outer) and (alone or nest.ranges[:-1] == outer)


def _within_rows(nests: Sequence[Nest], other: Nest, outer: tuple[tuple[str, int], ...]) -> bool:
    """Whether a nest reads of what the others set only its own row."""
    statement = other.statement
    outputs = {name for nest in nests for name in (*nest.outputs, nest.statement.output if nest.statement else "")}
    if statement is None:
        return False
    row = statement.place[: len(outer) + 1]
    return all(e.indices[: len(row)] == row for e in statement.elements if e.name in outputs)


def nested(
    loops: Sequence[str],
    sizes: Mapping[str, Size],
    body: Code,
    vectors: bool,
    around: tuple[tuple[Instruction, ...], tuple[Instruction, ...]] = ((), ()),
) -> Code:
    """Loops round a body, the innermost vectorised where it is long enough, and with `around` before and after it."""
    for depth, index in enumerate(reversed(loops)):
        size = int(sizes[index])
        body = [Loop(index, whole(size), body, vector=depth == 0 and vectors and size >= 4)]
        if depth == 0:
            body = [*around[0], *body, *around[1]]
    return body
