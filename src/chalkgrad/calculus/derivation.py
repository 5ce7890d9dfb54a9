"""A derivation: the forward lines, and how each backward line comes about, move by move."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..base.errors import FormulaError
from ..formula.formula import Formula
from ..formula.nodes import Element, Symbol, walk
from ..render.board import Board
from ..render.shown import Shown
from .board import derivation_board
from .derivative import Derivative, alike, derivative, with_outside
from .simplify import size

OUTSIDE = "_out"
"""The ending of the derivative that comes back to the output from outside, where the lines read it too: dh_out."""


@dataclass(frozen=True)
class Derivation(Shown):
    """How the backward lines of forward lines come about; it prints itself, and shows itself in a notebook.

    Attributes:
        lines: the forward lines in order; the last one gives the output.
        operands: the values by which the loss is derived.
        derivatives: the backward lines in order: of the values in between, from the last to the first, then of the
            operands.
        together: for some operands the backward line without the values in between, where that is shorter.
    """

    lines: tuple[Formula, ...]
    operands: tuple[str, ...]
    derivatives: tuple[Derivative, ...]
    together: tuple[Derivative, ...]

    @property
    def recurs(self) -> bool:
        """Whether the output is read by the lines themselves, at another time."""
        return any(d.of == self.lines[-1].output for d in self.derivatives)

    @cached_property
    def formulas(self) -> tuple[str, ...]:
        """The backward lines as formulas."""
        return tuple(d.text for d in self.derivatives)

    def board(self) -> Board:
        """The derivation as it is written on the board."""
        return derivation_board(self.lines, self.derivatives, self.together)

    def __str__(self) -> str:
        return self.to_text()


def derivation(lines: Sequence[Formula], operands: Collection[str] | None = None) -> Derivation:
    """The derivation of the backward lines.

    Args:
        lines: the forward lines in order; each reads what lines before it give. The last one gives the output.
        operands: the values by which the loss is derived; all that the lines read and do not give, if not given.

    Raises:
        FormulaError: where a line reads what a later one gives, two lines give the same value, or no rule of calculus
            leads to an operand.
    """
    if not lines:
        raise FormulaError("a derivation needs a forward line")
    _check(lines)
    lines = alike(lines)
    outputs = [line.output for line in lines]
    if operands is None:
        ids = {name for line in lines for name in line.ids}
        operands = [n for n in _read(lines) if n not in outputs and n not in ids]
    through = frozenset(outputs)
    found: list[Derivative] = []
    for name in [*reversed(outputs), *operands]:
        one = derivative(lines, name, through)
        if one is not None:
            found.append(with_outside(one, OUTSIDE) if name == outputs[-1] else one)
    together = [t for name in operands if (t := _together(lines, name, found)) is not None]
    return Derivation(tuple(lines), tuple(operands), tuple(found), tuple(together))


def _check(lines: Sequence[Formula]) -> None:
    given: list[str] = []
    later = [line.output for line in lines]
    for line in lines:
        if line.output in given:
            raise FormulaError(f"two lines give {line.output}: {line.text!r} is the second; give it another name")
        if line.accumulates:
            raise FormulaError(f"{line.text!r} adds with +=; a forward line gives its value with =")
        later.remove(line.output)
        for name in sorted(line.arrays & set(later)):
            if not line.delays(name) or 0 in line.delays(name):
                raise FormulaError(f"{line.text!r} reads {name}, which a later line gives; put that line before it")
        given.append(line.output)


def _read(lines: Sequence[Formula]) -> list[str]:
    """The arrays that the lines read, in the order in which they are first written."""
    names: dict[str, None] = {}
    for line in lines:
        inside = {n.name for e in line.elements for i in e.indices for n in walk(i) if isinstance(n, Element)}
        for node in walk(line.right):
            if (isinstance(node, Element) and node.name not in inside) or (
                isinstance(node, Symbol) and node.name in {other.output for other in lines}
            ):
                names[node.name] = None
    return list(names)


def _together(lines: Sequence[Formula], name: str, found: Sequence[Derivative]) -> Derivative | None:
    """The backward line of an operand from the output's derivative alone, where it is shorter than what it replaces."""
    own = next((d for d in found if d.of == name), None)
    by_name = {d.of: d for d in found}
    if own is None or any(d.of == lines[-1].output for d in found):
        return None
    replaced: dict[str, Derivative] = {}
    waiting = [own]
    while waiting:
        one = waiting.pop()
        for passing in one.passing:
            output = passing.line.output
            if output in by_name and output not in replaced:
                replaced[output] = by_name[output]
                waiting.append(by_name[output])
    if not replaced:
        return None
    try:
        whole = derivative(lines, name, {lines[-1].output})
    except FormulaError:
        return None
    if whole is None:
        return None
    before = size(own.right)[0] + sum(size(d.right)[0] for d in replaced.values())
    return whole if size(whole.right)[0] < before else None
