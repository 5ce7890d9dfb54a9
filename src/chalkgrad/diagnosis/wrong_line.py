"""The line of mathematics that a mistake computes, with the network's names."""

from __future__ import annotations

from ..errors import FormulaError
from ..explain.derive import equation
from ..program import Program, Step
from ..render.board import Equation
from .slips import BEFORE, UNBIASED


def wrong_line(mistaken: Step, program: Program) -> Equation | None:
    """The step with the mistake as an equation; None where its shapes do not fit together."""
    shapes = dict(program.shapes)
    for name in mistaken.inputs:
        if name is not None and name not in shapes:
            base = name.removesuffix(UNBIASED).removesuffix(BEFORE)
            shapes[name] = shapes[base]
    widened = _Widened(program, shapes)
    try:
        made = equation(mistaken, widened, None)  # pyright: ignore[reportArgumentType]
    except (FormulaError, KeyError):
        return None
    return Equation(made.left, made.lines, "", ("wrong",), sign=made.sign)


class _Widened:
    """A program with the shapes of values that are no steps of it."""

    def __init__(self, program: Program, shapes: dict[str, tuple[int | str, ...]]) -> None:
        self._program = program
        self.shapes = shapes

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._program)
