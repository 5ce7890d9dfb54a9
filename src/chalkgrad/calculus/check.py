"""Derived backward lines against central differences, on operands drawn at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.errors import FormulaError
from ..formula.formula import Formula
from ..render.blocks import Paragraph, Table
from ..render.board import Board
from ..render.shown import Shown
from .derivation import OUTSIDE, Derivation
from .draws import Array, Draw, draw
from .given import Given
from .names import derivative_name

DRAWS, STEP, NEAR = 5, 1e-6, 1e-6
"""How many draws there are, how far differences go to both sides, and how far apart both may lie, relatively."""


@dataclass(frozen=True)
class Compared:
    """One derivative in one draw: the largest difference, relative to the largest of its numbers."""

    of: str
    draw: int
    difference: float
    numbers: int
    left_out: int


@dataclass(frozen=True)
class Report(Shown):
    """What the check found.

    Attributes:
        given: the forward lines.
        draws: what was drawn.
        compared: each derivative in each draw.
    """

    given: Given
    draws: tuple[Draw, ...]
    compared: tuple[Compared, ...]

    @property
    def passed(self) -> bool:
        """Whether every derivative agrees in every draw."""
        return all(c.difference <= NEAR for c in self.compared)

    def board(self) -> Board:
        """The report as it is written on the board."""
        rows = tuple(
            (
                derivative_name(c.of),
                str(c.draw + 1),
                str(c.numbers),
                f"{c.difference:.1e}" + ("" if c.difference <= NEAR else "  differs"),
            )
            for c in self.compared
        )
        lines = [Paragraph(f"Draw {k + 1}: {d.words}.") for k, d in enumerate(self.draws)]
        left_out = sum(c.left_out for c in self.compared)
        words = "All derivatives agree" if self.passed else "Not all derivatives agree"
        words += f" with central differences (step {STEP:g}) to {NEAR:g} of the largest number."
        if left_out:
            words += f" {left_out} numbers at a kink were left out."
        head = ("derivative", "draw", "numbers", "largest difference")
        title = f"{self.given.name}: derived against central differences"
        return Board(title, (*lines, Table(head, rows, right=(1, 2)), Paragraph(words)))


def checked(given: Given, seed: int = 0) -> Report:
    """The backward lines of forward lines against central differences, on several draws.

    Raises:
        FormulaError: where the lines cannot be computed one after another, or no draw gives finite numbers.
    """
    found = given.derivation
    draws = tuple(_finite(given, seed * DRAWS + k) for k in range(DRAWS))
    compared: list[Compared] = []
    upstream: Array
    for number, drawn in enumerate(draws):
        values = forward(given.formulas, drawn)
        rng = np.random.default_rng(seed + 10_000 + number)
        upstream = np.asarray(rng.standard_normal(values[given.output].shape), dtype=np.float64)
        derivatives = backward(found, drawn, values, upstream)
        for one in found.derivatives:
            if one.of not in drawn.arrays:
                continue
            expected = _differences(given.formulas, drawn, one.of, upstream, given.output)
            result = derivatives[one.of]
            kinks = np.isnan(expected)
            size = max(float(np.abs(expected[~kinks]).max(initial=0.0)), 1e-3)
            away = float(np.abs(result - expected)[~kinks].max(initial=0.0)) / size
            compared.append(Compared(one.of, number, away, int(result.size), int(kinks.sum())))
    return Report(given, draws, tuple(compared))


def forward(formulas: Sequence[Formula], drawn: Draw) -> dict[str, Array]:
    """All values of the forward lines."""
    values: dict[str, Array] = dict(drawn.arrays)
    for formula in formulas:
        shape = formula.output_shape({n: v.shape for n, v in values.items()}, drawn.settings)
        if shape is None:
            raise FormulaError(f"{formula.text!r} does not give the output's shape; say its indices' ranges: for k<4")
        values[formula.output] = _evaluated(formula, values, drawn, tuple(int(s) for s in shape))
    return values


def backward(found: Derivation, drawn: Draw, values: Mapping[str, Array], upstream: Array) -> dict[str, Array]:
    """The derivatives of all values and operands, from the derivative of the output."""
    output = found.lines[-1].output
    known: dict[str, Array] = dict(values)
    came = derivative_name(output)
    known[came + OUTSIDE if found.recurs else came] = upstream
    result: dict[str, Array] = {}
    for one in found.derivatives:
        formula = Formula(one.text, {o for line in found.lines for o in line.options})
        known[derivative_name(one.of)] = result[one.of] = _evaluated(formula, known, drawn, values[one.of].shape)
    return result


def _evaluated(formula: Formula, values: Mapping[str, Array], drawn: Draw, shape: tuple[int, ...]) -> Array:
    missing = formula.arrays - values.keys() - ({formula.output} if formula.recurs else set())
    if missing:
        raise FormulaError(
            f"{formula.text!r} reads {sorted(missing)[0]} before it is there: the lines are a loop over time, which is "
            "computed step by step only in a network"
        )
    names = formula.arrays | formula.symbols
    with np.errstate(all="ignore"):
        return formula.evaluate({n: v for n, v in values.items() if n in names}, drawn.settings, shape)


def _finite(given: Given, seed: int) -> Draw:
    """A draw whose values are all finite; of numbers above 0 where others leave the range of a logarithm."""
    for positive in (False, True):
        drawn = draw(given.formulas, seed, positive=positive, given=given.settings)
        try:
            values = forward(given.formulas, drawn)
        except FormulaError:  # it is so on every draw, and says why
            raise
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
        if all(np.isfinite(v).all() for v in values.values()):
            return drawn
    raise FormulaError(f"{given.formulas[-1].text!r} gives no finite numbers on what was drawn: {drawn.words}")


def _differences(formulas: Sequence[Formula], drawn: Draw, name: str, upstream: Array, output: str) -> Array:
    """Central differences of sum(output * upstream), NaN where the two sides do not agree: at a kink."""
    array = drawn.arrays[name]
    result = np.zeros(array.shape)

    def total(place: tuple[int, ...], step: float) -> float:
        moved = array.copy()
        moved[place] += step
        arrays: dict[str, Any] = {**drawn.arrays, name: moved}
        values = forward(formulas, Draw(arrays, drawn.settings, drawn.sizes))
        return float((values[output] * upstream).sum())

    middle = total((0,) * array.ndim, 0.0) if array.size else 0.0
    for place in np.ndindex(array.shape):
        above, below = total(place, STEP) - middle, middle - total(place, -STEP)
        size = max(abs(above), abs(below), STEP * 1e-3)
        result[place] = np.nan if abs(above - below) > 1e-3 * size else (above + below) / (2 * STEP)
    return result
