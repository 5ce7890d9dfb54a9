"""Loops round instructions, and which may share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....formula import Size
from ....formula.nodes import Element, walk
from ....program.statement import Statement
from .ir import Code, Instruction, Loop, whole


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
