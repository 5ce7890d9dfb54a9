"""How large the derivative of a sample's loss is at each step back in time: whether it vanishes or explodes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.columns import table
from ..base.digits import significant
from ..base.errors import OptionError
from ..explain.values import Array
from ..model.model import Model
from ..program import Loop
from .picture import Picture
from .svg import BLUE, FRAME, INK, LINE, ORANGE, PAPER, SOFT, Canvas, text_width

WIDE, HIGH = 560.0, 240.0
SIZE = 11.0
TONES = (BLUE, ORANGE, "#2d6a2d", "#6b3fa0", INK)
DOTS = 40
"""Up to so many steps each has a dot."""
TICKS = 8
ROWS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
"""The steps back that the table shows, and the last one."""


@dataclass(frozen=True, slots=True)
class BackInTime:
    """Sizes of derivatives, by how many steps they lie before the loss in the order in which their layer runs.

    Attributes:
        sizes: for each value that a recurrent layer hands from step to step, by its name (h1, c1), an array whose
            element k belongs to k steps back: the norm of the derivative of a sample's loss by the value at that step,
            the mean over the samples that go back so far.
        layers: the layers as text, by the same names.
    """

    sizes: Mapping[str, Array]
    layers: Mapping[str, str]

    def __str__(self) -> str:
        """A table: a row for each value, columns of steps back."""
        return self.text()

    def text(self, width: int | None = None) -> str:
        """The table, at most `width` wide where that is said and no word would be broken."""
        longest = max(map(len, self.sizes.values()))
        steps = [k for k in ROWS if k < longest - 1] + [longest - 1]
        head = ("by", "layer", *(str(k) for k in steps), "a step")
        rows: list[tuple[str, ...]] = []
        for name, sizes in self.sizes.items():
            cells = [significant(float(sizes[k]), 3) if k < len(sizes) else "" for k in steps]
            rows.append((name, self.layers[name], *cells, factor_text(sizes)))
        return table(head, rows, right=range(2, len(head)), width=width)

    def picture(self) -> Picture:
        """Lines over the steps back, the loss on the right, on a logarithmic axis; what is 0 has no place there."""
        return _drawn(self)


def has_time(network: Model) -> bool:
    """Whether a network has recurrent layers."""
    return bool(_loops(network))


def _loops(network: Model) -> list[Loop]:
    segments = network.prediction_program.segments
    return [s for s in segments if isinstance(s, Loop) and s.steps[0].part == "forward" and s.carried]


def back_in_time(network: Model, x: Any, y: Any) -> BackInTime:
    """How large the derivative is at each step back in time, as in prediction.

    Where every step has a loss, each sample's last loss that counts is taken alone: the sum of all would hide how far
    one of them reaches. (For a layer that runs from the last step to the first it is the first one.)

    Args:
        network: a network with recurrent layers.
        x: samples (N, *input_shape).
        y: their targets.

    Raises:
        OptionError: where no layer is recurrent.
        ShapeError, DataError: where x and y do not fit.
    """
    loops = _loops(network)
    if not loops:
        raise OptionError(
            "no layer goes through time step by step, so no derivative goes back in time; draw another kind, 'layers'"
        )
    norms: dict[str, Array] = {}
    for backward in sorted({loop.backward for loop in loops}):
        weights, ends, counting = _last_losses(network, x, y, first=backward)
        trace = network.trace(x, y, training=False, sample_weight=weights)
        scale = float(counting.sum()) if network.loss_function.reduction == "mean" else 1.0
        for loop in (one for one in loops if one.backward == backward):
            aligned = ends if weights is not None and weights.shape[1] == loop.times else None
            for name in loop.carried:
                derivative = trace[trace.program.derivative_of[name]].astype(np.float64)
                sizes = np.linalg.norm(derivative, axis=-1)[counting] * scale
                norms[name] = _from_the_loss(sizes, aligned, backward=backward)
    names = [name for loop in loops for name in reversed(loop.carried)]
    program = network.prediction_program
    return BackInTime({name: norms[name] for name in names}, {n: program[n].owner.text for n in names})


def _last_losses(network: Model, x: Any, y: Any, *, first: bool) -> tuple[Array | None, Array, Array]:
    """Weights (N, T) that leave one loss of each sample, None where it has but one; its step; which samples count."""
    _, targets = network.pair(x, y)
    counts = network.loss_function.weights(targets, None)
    steps = network.layout.steps_shape
    counting: Array = np.ones((len(targets), *steps), bool) if counts is None else counts.astype(bool)
    if not steps:
        return None, np.zeros(0, int), counting
    present: Array = np.logical_or.reduce(counting, axis=1)
    ends = counting.argmax(axis=1) if first else steps[0] - 1 - counting[:, ::-1].argmax(axis=1)
    weights = np.zeros(counting.shape)
    weights[present, ends[present]] = 1
    return weights, ends[present], present


def _from_the_loss(sizes: Array, ends: Array | None, *, backward: bool) -> Array:
    """The mean over samples of sizes (N, T) at every step back from `ends` (N,), or from the end of the run."""
    T = sizes.shape[1]
    if backward:
        sizes, ends = sizes[:, ::-1], None if ends is None else T - 1 - ends
    last = np.full(len(sizes), T - 1) if ends is None else ends
    means = [sizes[last >= k, last[last >= k] - k].mean() for k in range(int(last.max()) + 1)]
    return np.array(means)


def factor_text(sizes: Array) -> str:
    """By how much a step back multiplies the size, "x0.71", the geometric mean; "" where a size is 0 or not finite."""
    ends = float(sizes[0]), float(sizes[-1])
    if len(sizes) < 2 or not all(0 < end < math.inf for end in ends):
        return ""
    return f"x{significant(math.exp((math.log(ends[1]) - math.log(ends[0])) / (len(sizes) - 1)), 3)}"


def _drawn(found: BackInTime) -> Picture:
    canvas = Canvas()
    longest = max(map(len, found.sizes.values()))
    logs = {name: _logarithms(sizes) for name, sizes in found.sizes.items()}
    numbers = np.concatenate(list(logs.values()))
    numbers = numbers[np.isfinite(numbers)]
    low, high = (math.floor(numbers.min()), math.ceil(numbers.max())) if len(numbers) else (-1, 0)
    high = max(high, low + 1)

    def at(back: float, log: float) -> tuple[float, float]:
        across = WIDE / 2 if longest == 1 else WIDE * (1 - back / (longest - 1))
        return across, HIGH * (high - log) / (high - low)

    canvas.text(0, -34, "The derivative of a sample's loss, so many steps back", size=12.5, anchor="start", bold=True)
    canvas.text(0, -16, "norm, mean over the samples that go back so far", size=SIZE, anchor="start", fill=SOFT)
    _axes(canvas, longest, low, high)
    dashed: dict[str, int] = {}
    y = HIGH + 62.0
    order = list(dict.fromkeys(found.layers.values()))
    for name, log in logs.items():
        layer = found.layers[name]
        tone, of_layer = TONES[order.index(layer) % len(TONES)], dashed.get(layer, 0)
        dashes = "" if of_layer == 0 else "5 4"
        dashed[layer] = of_layer + 1
        for run in _runs(log):
            points = [at(k, log[k]) for k in run]
            if len(points) > 1:
                canvas.line(points, stroke=tone, width=1.8, dashes=dashes)
            if longest <= DOTS or len(points) == 1:
                for x, height in points:
                    canvas.dot(x, height, tone)
        canvas.line([(0, y - 4), (26, y - 4)], stroke=tone, width=1.8, dashes=dashes)
        canvas.text(34, y, _said(name, layer, found.sizes[name]), size=SIZE, anchor="start")
        y += 18
    said = "\n".join(_said(name, found.layers[name], sizes) for name, sizes in found.sizes.items())
    return canvas.picture("The gradient at each step back in time", f"{said}\n{found}")


def _said(name: str, layer: str, sizes: Array) -> str:
    last = len(sizes) - 1
    text = f"{name} of {layer}: {significant(float(sizes[0]), 3)} at the loss"
    if last:
        text += f", {significant(float(sizes[-1]), 3)} after {last} step{'s' * (last > 1)} back"
    factor = factor_text(sizes)
    return f"{text}; {factor} a step" if factor else text


def _logarithms(sizes: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isfinite(sizes), np.log10(sizes), np.nan)


def _runs(log: Array) -> list[list[int]]:
    """The places of numbers without a gap between them."""
    runs: list[list[int]] = []
    for k in np.flatnonzero(np.isfinite(log)):
        if runs and runs[-1][-1] == k - 1:
            runs[-1].append(int(k))
        else:
            runs.append([int(k)])
    return runs


def _axes(canvas: Canvas, longest: int, low: int, high: int) -> None:
    every = math.ceil((high - low) / TICKS)
    for decade in range(low, high + 1, every):
        y = HIGH * (high - decade) / (high - low)
        canvas.line([(0, y), (WIDE, y)], stroke=FRAME, width=0.8)
        canvas.text(-8, y + 4, significant(10.0**decade, 1), size=SIZE, anchor="end")
    for back in _ticks(longest):
        x = WIDE / 2 if longest == 1 else WIDE * (1 - back / (longest - 1))
        canvas.line([(x, HIGH), (x, HIGH + 5)], stroke=LINE)
        canvas.text(x, HIGH + 18, str(back), size=SIZE, halo=PAPER)
    canvas.line([(0, 0), (0, HIGH), (WIDE, HIGH)], stroke=LINE)
    canvas.text(WIDE, HIGH + 36, "steps back; the loss is on the right", size=SIZE, anchor="end", fill=SOFT)


def _ticks(longest: int) -> Sequence[int]:
    room = WIDE / max(longest - 1, 1)
    widest = text_width(str(longest - 1), SIZE) + 10
    every = next(e for k in range(9) for e in (10**k, 2 * 10**k, 5 * 10**k) if e * room >= widest)
    return range(0, longest, every)
