"""The line of mathematics that a mistake computes, with the network's names."""

from __future__ import annotations

import dataclasses

from ...base.errors import FormulaError
from ...explain.derive import equation
from ...program import Program
from ...render.blocks import Equation
from .slip import Slip


def wrong_line(slip: Slip, program: Program) -> Equation | None:
    """The step with the mistake as an equation; None where it has none, or its shapes do not fit together."""
    if slip.mistaken is None:
        return None
    widened = dataclasses.replace(program, inputs=(*program.inputs, *(f.value for f in slip.further)))
    try:
        wrong = equation(slip.mistaken, widened, None)
    except (FormulaError, KeyError):
        return None
    return Equation(wrong.left, wrong.lines, "", ("wrong",), sign=wrong.sign)
