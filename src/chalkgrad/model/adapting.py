"""The means and standard deviations of scaling layers, learned from the samples before a training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from ..base.errors import OptionError
from ..data.class_numbers import ClassNumbers
from ..data.pixels import Pixels
from ..describe.losses import Loss
from ..engines.numpy.runner import Runner
from ..program import Program
from .lines import Layout, Line

Array = np.ndarray[Any, Any]
Parts = Callable[[], Iterable[tuple[Array | Pixels, Array | ClassNumbers | None]]]
CHUNK = 1024
"""Samples are looked at so many at a time."""
SMALLEST = 1e-30
"""A standard deviation below this is taken for 0."""


class Scaled(Protocol):
    """What is needed of a model here."""

    layout: Layout
    loss_function: Loss
    dtype: np.dtype[Any]
    steps_taken: int
    prediction_program: Program
    parameters: Mapping[str, Array]
    states: Mapping[str, Array]


def unlearned(model: Scaled) -> list[Line]:
    """The lines that have not seen the samples that they learn from."""
    return [line for line in model.layout.learning if not model.states[line.names["sigma"]].all()]


def adapt(model: Scaled, lines: Iterable[Line], parts: Parts, *, by_number: bool) -> None:
    """Learns the mu and sigma of lines, in order, and sets them.

    Args:
        model: the model, whose states are set.
        lines: the lines.
        parts: gives the samples x (n, ...) and their targets y (n, ...), as the model takes them, some at a time.
        by_number: whether the targets are class numbers.

    Raises:
        OptionError: where targets are to be learned from, and there are none, or they are classes.
    """
    for line in lines:
        if line.layer.learns == "targets":
            if by_number or model.loss_function.of_classes:
                raise OptionError(f"{line.label}: the targets are classes, which have no mean; leave the line out")
            values = _targets(line, parts)
        else:
            values = _inputs(model, line, parts)
        mu, sigma = moments(values)
        for name, found in (("mu", mu), ("sigma", sigma)):
            with np.errstate(over="ignore"):
                state = found.astype(model.dtype)
            if not np.isfinite(state).all():
                raise OptionError(f"{line.label}: its samples are too large for {model.dtype}")
            model.states[line.names[name]][...] = state


def _targets(line: Line, parts: Parts) -> Iterator[Array]:
    for _, y in parts():
        if y is None:
            raise OptionError(f"{line.label} learns from the targets: give y too")
        for begin in range(0, len(y), CHUNK):
            yield np.asarray(y[begin : begin + CHUNK])


def _inputs(model: Scaled, line: Line, parts: Parts) -> Iterator[Array]:
    """What comes into a line, as in prediction."""
    program = model.prediction_program
    name = next(s.inputs[0] for s in program.part("forward") if s.owner.line == line.place) or "x"
    run = None if name == "x" else Runner(program.needed_for([name])).run
    for x, _ in parts():
        for begin in range(0, len(x), CHUNK):
            rows = np.asarray(x[begin : begin + CHUNK])
            given = {"x": rows, "clock": model.steps_taken + 1, **model.parameters, **model.states}
            yield rows if run is None else np.asarray(run(given)[name])


def moments(values: Iterable[Array]) -> tuple[Array, Array]:
    """Mean and standard deviation (C,), float64, of values (n, C, ...), or of sequences (n, T, C), that come in parts.

    Parts are put together as in Chan, Golub and LeVeque, 1979. A column whose numbers differ by no more than their
    rounding is constant: its deviation is 1 (as in scikit-learn's StandardScaler).
    """
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for part in values:
        columns = part.shape[2] if part.ndim == 3 else part.shape[1]
        axis = 2 if part.ndim == 3 else 1
        rows = np.moveaxis(part, axis, -1).reshape(-1, columns).astype(np.float64)
        own = rows.mean(axis=0)
        spread = ((rows - own) ** 2).sum(axis=0)
        total = count + len(rows)
        difference = own - mean
        mean = mean + difference * (len(rows) / total)
        squares = squares + spread + difference**2 * (count * len(rows) / total)
        count = total
    variance = squares / max(count, 1)
    eps = float(np.finfo(np.float64).eps)
    constant = variance <= count * eps * variance + (count * mean * eps) ** 2
    deviation = np.sqrt(variance)
    return mean, np.where(constant | (deviation < SMALLEST), 1.0, deviation)
