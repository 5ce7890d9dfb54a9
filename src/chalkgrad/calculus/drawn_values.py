"""All values of forward lines and of their backward lines, on operands drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from ..base.errors import FormulaError
from ..formula.formula import Formula
from ..formula.nodes import Element, Symbol
from .derivation import Derivation
from .draws import Draw, draw
from .names import derivative_name

Array = np.ndarray[Any, Any]
Values = dict[str, Array]
DRAWS = 6
"""How often operands are drawn."""


class DrawnValues:
    """The values of forward lines and of the right backward lines.

    Args:
        derivation: the backward lines.
        settings: the names that are settings.
        one: whether the derivative of the last value is 1, as of a loss.

    Attributes:
        back: the name of what comes back: the derivative of the last forward value, or, where that is computed from
            later times, the part of it that comes from outside.
    """

    def __init__(self, derivation: Derivation, settings: frozenset[str], *, one: bool) -> None:
        self.derivation = derivation
        self.lines: Sequence[Formula] = derivation.lines
        self.settings = settings
        self.one = one
        texts = [(d.of, Formula(d.text)) for d in derivation.derivatives]
        self.backward = [(of, Formula(line.text, settings & line.symbols)) for of, line in texts]
        self.back = self._coming()

    def _coming(self) -> str:
        """The one name that the backward lines read and nothing gives."""
        last = derivative_name(self.lines[-1].output)
        every = {n for line in self.lines for n in (*line.arrays, *line.symbols, line.output)}
        given = every | self.settings | {derivative_name(n) for n in every} - {last}
        given |= {line.output for _, line in self.backward}
        read = {n for _, line in self.backward for n in line.arrays | line.symbols}
        return min(read - given, default=last)

    @cached_property
    def draws(self) -> tuple[Draw, ...]:
        """Operands on which all values are finite, and what comes back.

        Raises:
            FormulaError: where there are none.
        """
        found: list[Draw] = []
        misfit: FormulaError | None = None
        for positive in (False, True):
            for seed in range(3 * DRAWS):
                drawn = draw(self.lines, seed, positive=positive)
                try:
                    values = self.values(drawn)
                except FormulaError as error:  # sizes that do not fit one another, in this draw
                    misfit = error
                    continue
                if values is not None:
                    found.append(replace(drawn, arrays={**drawn.arrays, self.back: values[self.back]}))
                if len(found) == DRAWS:
                    break
            if found:
                return tuple(found)
        if misfit is not None:
            raise FormulaError(f"no operands could be drawn that fit the forward lines: {misfit}")
        raise FormulaError(f"{self.lines[-1].text!r} gives no finite numbers on operands drawn at random")

    def values(self, drawn: Draw) -> Values | None:
        """All values on drawn operands, what comes back among them; None where one is not finite."""
        try:
            values = self._computed(drawn)
        except (ArithmeticError, ValueError):  # a division by 0, the logarithm of a negative number
            return None
        except KeyError as missing:
            raise FormulaError(
                f"the lines read {missing.args[0]} at another time before it is given; such lines cannot be tried "
                "together, one of them alone can"
            ) from None
        return values if all(np.isfinite(v).all() for v in values.values()) else None

    def _computed(self, drawn: Draw) -> Values:
        values: Values = dict(drawn.arrays)
        with np.errstate(all="ignore"):
            for line in self.lines:
                values[line.output] = line.evaluate(values, own_settings(line, drawn), _shape(line, drawn))
            if self.back not in values:
                shape = values[self.lines[-1].output].shape
                rng = np.random.default_rng(len(values))
                values[self.back] = np.ones(()) if self.one else rng.standard_normal(shape)
            reached = {of for of, _ in self.backward}
            for line in self.lines[:-1]:  # to what no later line reads nothing comes back
                if line.output not in reached:
                    values[derivative_name(line.output)] = np.zeros(np.shape(values[line.output]))
            for of, line in self.backward:
                values[line.output] = line.evaluate(values, own_settings(line, drawn), values[of].shape)
        for name in drawn.arrays:
            values.setdefault(derivative_name(name), np.zeros(np.shape(values[name])))
        return values

    def sums(self) -> list[tuple[str, str, int]]:
        """The forward values that add up to 0 or 1 over one of their indices on every draw: (value, index, sum)."""
        every = [v for d in self.draws if (v := self.values(d)) is not None]
        found: list[tuple[str, str, int]] = []
        for line in self.lines:
            places = line.left.indices if isinstance(line.left, Element) else ()
            if not all(isinstance(p, Symbol) and p.name.isalnum() for p in places):
                continue
            for axis, letter in enumerate(places):
                for total in (0, 1):
                    if all(np.abs(v[line.output].sum(axis=axis) - total).max(initial=0.0) < 1e-9 for v in every):
                        found.append((line.output, letter.name if isinstance(letter, Symbol) else "", total))
        return found


def own_settings(line: Formula, drawn: Draw) -> dict[str, float | int]:
    """The settings of a line as they were drawn."""
    return {name: drawn.settings[name] for name in line.options if name in drawn.settings}


def _shape(line: Formula, drawn: Draw) -> tuple[int, ...] | None:
    """The shape of what a line gives by the drawn sizes; None where its left side is no row of letters."""
    if not isinstance(line.left, Element):
        return ()
    shape: list[int] = []
    for place in line.left.indices:
        size = drawn.sizes.get(place.name) if isinstance(place, Symbol) else None
        if size is None:
            return None
        shape.extend(cast("tuple[int, ...]", size) if isinstance(size, tuple) else [int(size)])
    return tuple(shape)
