"""The work of a program, and whether it is worth compiling for."""

from __future__ import annotations

from collections.abc import Iterable

from ..program import Program, Step
from ..program.statement import terms_of

CALLED = 4e-6
"""Seconds that the reference engine takes for a line of the program, however little it computes, where it calls the
rule,"""
RECORDED = 1.5e-6
"""and in a training, where it recorded what the rule calls."""
DENSE = 8e10
"""Operations in a second that it makes in matrix products, and"""
OTHER = 8e9
"""in convolutions and all else (measured on two cores with AVX-512)."""
WORTH = 2.0
"""Seconds of training on the reference engine from which compiling (about a second, once) is worth it,"""
LINE = 0.015
"""and for each line of a long program: those are compiled for so long."""
WORTH_PREDICTING = 0.25
"""The same for predictions: they are asked for again and again, and what was compiled is kept."""
AT_HAND = 8
"""For so few samples copying the parameters would take longer than computing: the compiled engine then reads them where
they lie."""


def worth(program: Program) -> float:
    """Seconds of training on the reference engine from which compiling a program is worth it."""
    return max(WORTH, LINE * len(program.steps))


def seconds(program: Program, steps: Iterable[Step], samples: int, line: float = CALLED) -> float:
    """The time, about, that the reference engine takes for the steps once, with so many samples."""
    total = 0.0
    for step in steps:
        times = samples if any(program.shapes[n][:1] == ("N",) for n in step.inputs if n is not None) else 1
        rate = DENSE if step.rule.product else OTHER
        total += line + 2 * terms_of(step, program.shapes) * times / rate
    return total
