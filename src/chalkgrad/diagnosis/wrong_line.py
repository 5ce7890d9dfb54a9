"""The line of mathematics that a mistake computes, with the network's names."""

from __future__ import annotations

import dataclasses

from ..base.errors import FormulaError
from ..explain.derive import equation
from ..program import Program, Role, Step, Value
from ..render.blocks import Equation
from .slips import BEFORE, UNBIASED


def wrong_line(mistaken: Step, program: Program) -> Equation | None:
    """The step with the mistake as an equation; None where its shapes do not fit together."""
    # its inputs may be values that no step of the program computes
    further = [
        Value(name, program.shapes[name.removesuffix(UNBIASED).removesuffix(BEFORE)], Role.GIVEN)
        for name in mistaken.inputs
        if name is not None and name not in program.shapes
    ]
    widened = dataclasses.replace(program, inputs=(*program.inputs, *further))
    try:
        made = equation(mistaken, widened, None)
    except (FormulaError, KeyError):
        return None
    return Equation(made.left, made.lines, "", ("wrong",), sign=made.sign)
