"""Gradient check: every gradient against central differences, in float64, stepping round the kinks.

The derivative of L for one number w is compared with (L(w + h) - L(w - h)) / 2h. Where a ReLU, a max-pool or
another kink changes its side between w - h and w + h, that quotient is no derivative of either side; h is then
made smaller until no kink lies between, and if w stands on the kink itself the number is left out and counted.
Where L is strongly bent (a normalisation of small numbers), the quotient is off by a multiple of h^2: one that does not
agree is taken again with h / 2, and the two are extrapolated to h = 0 (Richardson), before anything is called wrong.
Where the rounding of L decides, as in a network that is trained to its end, that is done with 16 h and 32 h.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .base.address import Address
from .base.checks import number, whole
from .base.columns import table
from .engines.numpy.runner import Runner, require_finite
from .model.model import Model
from .program import Step
from .render.blocks import Paragraph, Table
from .render.board import Board
from .render.shown import Displayed

Array = np.ndarray[Any, Any]

STEP = 1e-5
"""h for numbers of size 1; about the cube root of float64's precision, which balances both errors."""
SHRINK = 0.1
SHRINKS = 4
EPS = float(np.finfo(np.float64).eps)
COARSER = 16.0
"""How much larger h is where the rounding of L is more than the tolerance allows."""
NUDGES = 5
"""How often all numbers are moved"""
NUDGE = 1e-10
"""by so much, to see how far rounding moves L."""
ROUNDING = 4.0
"""L is known to about this many units in its last place: the quotient can be off by ROUNDING * eps * |L| / h."""


@dataclass(frozen=True, slots=True)
class ValueCheck:
    """The check of one array's gradient.

    Attributes:
        name: the gradient ("dW1").
        checked: how many of its numbers were compared.
        stepped: for how many of them h was made smaller to step round a kink.
        on_kink: how many were left out because they stand on a kink.
        undecided: how many were left out because the rounding of L moves the difference by more than the
            tolerance (a bias before a batch normalisation, whose gradient is 0).
        error: the largest relative error.
        worst: the address where it is ("dW1[0, 2]").
        gradient, difference: the backward pass's number there and the central difference.
    """

    name: str
    checked: int
    stepped: int
    on_kink: int
    undecided: int
    error: float
    worst: str
    gradient: float
    difference: float


@dataclass(frozen=True, slots=True, repr=False)
class GradientCheck(Displayed):
    """The check of all gradients. It is true where they all passed; printed, it is a table.

    Attributes:
        values: one entry for every parameter and for the input.
        tolerance: the largest relative error that passes.
    """

    values: tuple[ValueCheck, ...]
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether no gradient differs from the central differences."""
        return all(v.error <= self.tolerance for v in self.values)

    @property
    def largest_error(self) -> float:
        """The largest relative error of all."""
        return max(v.error for v in self.values)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<gradient check: {self._verdict()}>"

    def board(self) -> Board:
        """The table on a board, without the columns that are empty."""
        head, rows, right = self._columns(6, (), narrow=True)
        cells = tuple(tuple(map(str, row)) for row in rows)
        verdict = self._verdict()
        return Board("Gradient check", (Paragraph(f"{verdict[0].upper()}{verdict[1:]}."), Table(head, cells, right)))

    def _verdict(self) -> str:
        wrong = [v.name for v in self.values if not v.error <= self.tolerance]
        if wrong:
            differ = "differs" if len(wrong) == 1 else "differ"
            return f"of {len(self.values)} gradients {', '.join(wrong)} {differ} from the central differences"
        checked = sum(v.checked for v in self.values)
        if not checked:
            return f"no number of {len(self.values)} gradients could be decided"
        count = f"{checked:,} number{'s' * (checked != 1)} in {len(self.values)} gradients"
        return f"{count} agree with central differences, largest error {self.largest_error:.1e}"

    def to_text(self, *, width: int | None = None) -> str:
        """The table; `width` is that of the terminal, where it is to fit one: then without the columns that are empty,
        with fewer digits if need be, and at last without the numbers that the error is made of.
        """
        text = ""
        for digits, without in ((9, ()), (6, ()), (4, ()), (4, ("difference",)), (4, ("backward", "difference"))):
            text = self._table(digits, width, without)
            if width is None or max(map(len, text.split("\n"))) <= width:
                break
        return text

    def _table(self, digits: int, width: int | None, without: tuple[str, ...]) -> str:
        head, rows, right = self._columns(digits, without, narrow=width is not None)
        return table(head, rows, right=right, width=width)

    def _columns(
        self, digits: int, without: tuple[str, ...], *, narrow: bool
    ) -> tuple[tuple[str, ...], list[list[object]], tuple[int, ...]]:
        """Head, rows, and which columns are flush right; `narrow` leaves out the columns that are empty."""
        rows: list[tuple[object, ...]] = [
            (
                v.name,
                v.checked,
                v.stepped or "",
                v.on_kink or "",
                v.undecided or "",
                f"{v.error:.1e}" if v.checked else "",
                v.worst if v.checked else "",
                f"{v.gradient:.{digits}g}" if v.checked else "",
                f"{v.difference:.{digits}g}" if v.checked else "",
                ("same" if v.error <= self.tolerance else "DIFFERS") if v.checked else "undecided",
            )
            for v in self.values
        ]
        head = (
            "gradient",
            "checked",
            "stepped",
            "on kink",
            "undecided",
            "error",
            "worst at",
            "backward",
            "difference",
            "result",
        )
        told = [i for i in range(len(head)) if head[i] not in without]
        columns = [i for i in told if not narrow or any(row[i] != "" for row in rows)]
        return (
            tuple(head[i] for i in columns),
            [[row[i] for i in columns] for row in rows],
            tuple(place for place, i in enumerate(columns) if i not in (0, 6, 9)),
        )


def check_gradients(
    network: Model,
    x: Any,
    y: Any,
    *,
    tolerance: float = 1e-6,
    samples: int | None = None,
    training: bool = True,
    sample_weight: Any = None,
) -> GradientCheck:
    """Compares every gradient of the parameters and of the input with central differences.

    The error of a number is |gradient - difference| / max(|gradient|, |difference|). The rounding of L moves a
    difference by up to about 4 eps |L| / h, and by more where numbers cancel on the way to L, which is tried. Where
    that is more than the tolerance allows, a number is called wrong only if it is off by more than that; if it is not,
    it is counted as undecided, not as checked.

    Args:
        network: the network; it is left as it is (the check runs on a float64 copy).
        x: (N, *input_shape).
        y: targets (N, *output_shape) or class numbers (N,).
        tolerance: the largest relative error that passes.
        samples: how many numbers of each array to check, drawn from the seed; None for all.
        training: with dropout's masks (held fixed) and batch statistics.
        sample_weight: the samples' weights, as for `fit`.

    Raises:
        NotFiniteError: where the pass itself gives a NaN or an infinity.
        ShapeError, DataError: where x and y do not fit.
    """
    tolerance = number("check_gradients", "tolerance", tolerance, 0.0)
    samples = None if samples is None else whole("check_gradients", "samples", samples)
    twin = network.copy(dtype="float64")
    x, y = twin.pair(x, y)
    weights = twin.sample_weights(sample_weight, y)
    program = twin.program_for(training=training, weighted=weights is not None)
    inputs = [name for name in twin.layout.inputs if name not in twin.layout.ids and name not in twin.layout.masks]
    names = [*twin.parameters, *inputs]
    values = twin.given(x, y, weights)
    rows = Runner([step for step in program.part("forward") if step.owner.kind == "input"]).run(dict(values))
    values.update({name: np.array(rows[name]) for name in twin.layout.inputs})  # in one piece, to be moved
    derivatives = program.derivative_of
    gradients = Runner(program.needed_for(["L", *(program.derivative_of[n] for n in names)])).run(dict(values))
    require_finite(program.steps, gradients)
    probe = _Probe(tuple(s for s in program.needed_for(["L"]) if s.owner.kind != "input"), values, names)
    rng = np.random.default_rng(network.seed)
    return GradientCheck(
        tuple(
            _check_array(
                probe, name, derivatives[name], values[name], gradients[derivatives[name]], tolerance, samples, rng
            )
            for name in names
        ),
        tolerance,
    )


class _Probe:
    """Computes L, and on which side of every kink the values are.

    Args:
        steps: the steps to L.
        values: what they begin with, which is moved.
        names: those that are checked.

    Attributes:
        scatter: how far rounding moves L. Where numbers cancel on the way (the logarithm of a softmax near 1, y_hat - y
            of large targets) it is more than L's own last digits.
    """

    def __init__(self, steps: tuple[Step, ...], values: dict[str, Any], names: Sequence[str]) -> None:
        self.runner = Runner(steps)
        self.values = values
        self.kinked = [s for s in steps if s.rule.kinks is not None]
        self.scatter = self._scattered(names)

    def _scattered(self, names: Sequence[str]) -> float:
        """How far L is off a straight line between numbers so near that it is one but for rounding."""
        rng = np.random.default_rng(0)
        here, most = float(self.runner.run(dict(self.values))["L"]), 0.0
        for _ in range(NUDGES):
            nudges = {n: NUDGE * rng.choice([-1.0, 1.0], np.shape(self.values[n])) for n in names}
            sides = [{n: self.values[n] + sign * by for n, by in nudges.items()} for sign in (-1, 1)]
            low, high = (float(self.runner.run({**self.values, **side})["L"]) for side in sides)
            most = max(most, abs(low + high - 2 * here))
        return most

    def loss(self) -> tuple[float, list[Array]]:
        values = self.runner.run(dict(self.values))
        sides: list[Array] = []
        for step in self.kinked:
            kinks = step.rule.kinks
            if kinks is not None:
                sides.append(np.asarray(kinks(*[values[i or ""] for i in step.inputs], **step.options)))
        return float(values["L"]), sides


def _check_array(
    probe: _Probe,
    name: str,
    derivative: str,
    array: Array,
    gradient: Array,
    tolerance: float,
    samples: int | None,
    rng: np.random.Generator,
) -> ValueCheck:
    flat, slopes = array.reshape(-1), np.asarray(gradient).reshape(-1)
    places = np.arange(flat.size)
    if samples is not None and samples < flat.size:
        places = np.sort(rng.choice(flat.size, samples, replace=False))
    differences: dict[int, float] = {}
    error, worst = 0.0, int(places[0])
    stepped = on_kink = undecided = 0
    for place in places.tolist():
        quotient, step, shrinks = _difference(probe, flat, place)
        if quotient is None:
            on_kink += 1
            continue
        stepped += shrinks > 0
        slope = float(slopes[place])
        difference, noise = quotient
        distance, size = _apart(slope, difference)
        by_rounding = noise > tolerance * size
        if distance > 0 and (by_rounding or distance > tolerance * size):
            # what h^2 adds is taken out by two steps: smaller ones, or larger where rounding decides
            wider = COARSER if by_rounding else 0.5
            near, far = (_quotient(probe, flat, place, step * s) for s in (wider, 2 * wider))
            if near and far:
                difference, noise = (4 * near[0] - far[0]) / 3, (4 * near[1] + far[1]) / 3
                distance, size = _apart(slope, difference)
        differences[place] = difference
        if distance <= noise and noise > tolerance * size:
            undecided += 1
            continue
        relative = distance / size if math.isfinite(distance) else math.inf
        if relative >= error:
            error, worst = relative, place
    index = tuple(int(i) for i in np.unravel_index(worst, array.shape))
    return ValueCheck(
        derivative,
        len(places) - on_kink - undecided,
        stepped,
        on_kink,
        undecided,
        error,
        str(Address(derivative, index)),
        float(slopes[worst]),
        differences.get(worst, float("nan")),
    )


def _apart(slope: float, difference: float) -> tuple[float, float]:
    """How far two derivatives are apart, and the size of the larger one."""
    return abs(slope - difference), max(abs(slope), abs(difference), 1e-300)


def _difference(probe: _Probe, flat: Array, place: int) -> tuple[tuple[float, float] | None, float, int]:
    """The quotient at one number as `_quotient` gives it, its h, and how often h was made smaller."""
    step = STEP * max(1.0, abs(float(flat[place])))
    for shrinks in range(SHRINKS + 1):
        quotient = _quotient(probe, flat, place, step)
        if quotient is not None:
            return quotient, step, shrinks
        step *= SHRINK
    return None, step, SHRINKS


def _quotient(probe: _Probe, flat: Array, place: int, step: float) -> tuple[float, float] | None:
    """The central difference at one number and how far rounding can have moved it; None where a kink lies between."""
    start = flat[place]
    try:
        flat[place] = start + step
        above, sides_above = probe.loss()
        high = float(flat[place])
        flat[place] = start - step
        below, sides_below = probe.loss()
        low = float(flat[place])
    finally:
        flat[place] = start
    if not all(np.array_equal(a, b) for a, b in zip(sides_above, sides_below, strict=True)):
        return None
    rounding = max(ROUNDING * EPS * max(abs(above), abs(below)), 2 * probe.scatter)
    return (above - below) / (high - low), rounding / step
