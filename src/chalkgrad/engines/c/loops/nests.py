"""Loops round lines of C."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....formula import Size
from ....formula.nodes import Element, walk
from ....program.statement import Statement

Lines = list[str]


def indented(lines: Sequence[str]) -> Lines:
    """The lines one step to the right."""
    return [f"    {line}" if line else line for line in lines]


def braced(head: str, body: Sequence[str]) -> Lines:
    """A loop or function with its body."""
    if len(body) == 1 and len(head) + len(body[0]) < 118 and not body[0].startswith(("/*", "SIMD", "const", "real")):
        return [f"{head} {body[0]}"]
    return [f"{head} {{", *indented(body), "}"]


@dataclass(frozen=True, slots=True)
class Nest:
    """Loops round a body.

    Attributes:
        ranges: every loop's index and size, outermost first.
        body: what is inside.
        before: what stands before the loops.
        vectors: whether the innermost loop may be vectorised.
        made: the statement, where others with the same loops may stand in the same body.
        outputs: what is set inside.
        around: what stands before and behind the innermost loop.
    """

    ranges: tuple[tuple[str, int], ...]
    body: tuple[str, ...]
    before: tuple[str, ...]
    vectors: bool
    made: Statement | None
    outputs: tuple[str, ...] = ()
    around: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def with_behind(self, other: Nest) -> Nest | None:
        """Both in the same loops; None where that is not possible."""
        one, two = self.made, other.made
        if one is None or two is None or self.ranges != other.ranges or self.vectors != other.vectors:
            return None
        outputs = (*self.outputs, one.output)
        for element in walk(two.body):
            if isinstance(element, Element) and element.name in outputs and element.indices != one.place:
                return None
        before = (*self.before, *other.before)
        (opening, closing), (further, last) = self.around, other.around
        around = (*opening, *further), (*closing, *last)
        return Nest(self.ranges, (*self.body, *other.body), before, self.vectors, two, outputs, around)

    def lines(self) -> Lines:
        """The loops as C."""
        loops = nested([i for i, _ in self.ranges], dict(self.ranges), list(self.body), self.vectors, self.around)
        return [*self.before, *loops]


def nested(
    loops: Sequence[str],
    sizes: Mapping[str, Size],
    body: Lines,
    vectors: bool,
    around: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> Lines:
    """Loops round a body, the innermost vectorised where it is long enough, and with `around` before and behind it."""
    lines = body
    for depth, index in enumerate(reversed(loops)):
        size = sizes[index]
        lines = braced(f"for (int {index} = 0; {index} < {size}; {index}++)", lines)
        if depth == 0 and vectors and isinstance(size, int) and size >= 4:
            lines = ["SIMD", *lines]
        if depth == 0:
            lines = [*around[0], *lines, *around[1]]
    return lines
