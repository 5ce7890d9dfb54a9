"""What the picture of the neurons shows: nodes in columns, with their labels, numbers and gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..base.address import Address
from ..base.digits import significant
from ..describe.layers import Dense, Flatten, Layer, Sum
from ..explain.trace import Trace
from ..model.lines import Line
from ..model.model import Model
from .svg import ORANGE, Box, Span, shortened

Dimensions = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One element as the picture shows it: its label, and with a trace its number and its gradient."""

    address: str
    label: str
    value: str | None = None
    gradient: str | None = None

    def __str__(self) -> str:
        number = f" = {self.value}" if self.value is not None else ""
        return f"{self.label}{number}" + (f" (gradient {self.gradient})" if self.gradient is not None else "")

    def rows(self, tone: str | None = None) -> list[list[Span]]:
        """Lines of text: the label and the number, and under them the gradient."""
        rows = [[Span(shortened(self.label), tone, bold=True)]]
        if self.value is not None:
            rows[0].append(Span(f" {self.value}"))
        if self.gradient is not None:
            rows.append([Span(f"\u2202 {self.gradient}", fill=ORANGE)])
        return rows


@dataclass(slots=True)
class Unit:
    """One node: what it computes in order (z, then a), its bias and its target; placed later."""

    stages: list[Shown]
    bias: Shown | None = None
    target: Shown | None = None
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0

    @property
    def box(self) -> Box:
        across, down = self.width / 2, self.height / 2
        return Box(self.x - across, self.y - down, self.x + across, self.y + down)


@dataclass(slots=True)
class Column:
    """Units below each other, and the weights from the column before: weights[i][o], None for a bare line."""

    kind: str
    heading: list[str]
    units: list[Unit]
    weights: list[list[Shown | None]] = field(default_factory=list[list["Shown | None"]])
    paired: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Finds labels and numbers of elements.

    Attributes:
        labels: names of elements by address.
        trace: where the numbers come from; None shows names only.
        sample: which sample is shown.
        precision: significant digits.
    """

    labels: Mapping[str, str]
    trace: Trace | None
    sample: int
    precision: int

    def show(self, name: str, place: Dimensions) -> Shown:
        """One element by its value's name and its place."""
        address = str(Address(name, place))
        label = self.labels.get(address, "").strip() or address
        if self.trace is None:
            return Shown(address, label)
        value = significant(float(self.trace[name][place]), self.precision)
        gradient = None
        if name not in ("x", "y") and (of := self.trace.program.derivative_of.get(name)) in self.trace:
            gradient = significant(float(self.trace[of or ""][place]), self.precision)
        return Shown(address, label, value, gradient)

    def of_sample(self, name: str, shape: Sequence[int], unit: int) -> Shown:
        """One element of the sample, by its number counted row by row."""
        return self.show(name, (self.sample, *(int(i) for i in np.unravel_index(unit, shape))))


def read_columns(network: Model, reader: Reader) -> list[Column]:
    """A network's nodes in columns: the input, every layer with weights and what follows it, the loss."""
    inputs = [
        Unit([reader.of_sample("x", network.layout.sample_shape, u)])
        for u in range(math.prod(network.layout.sample_shape))
    ]
    columns = [Column("input", ["input x"], inputs)]
    forward = network.program.part("forward")
    for line in network.layout.lines:
        layer = line.layer
        own = [s.output for s in forward if s.owner.line == line.place]
        if not own or (isinstance(layer, Flatten) and len(line.shapes[0]) == 1):
            continue
        shown = [reader.of_sample(own[-1], line.shape, u) for u in range(math.prod(line.shape))]
        if isinstance(layer, (Dense, Sum)):
            columns.append(_weighted(reader, line, shown, len(columns[-1].units)))
        elif isinstance(layer, Flatten):
            columns.append(_one_to_one(layer, shown))
        elif columns[-1].kind == "neurons":
            columns[-1].heading.append(f"+ {layer.kind}")
            for unit, stage in zip(columns[-1].units, shown, strict=True):
                unit.stages.append(stage)
        else:
            columns.append(_one_to_one(layer, shown))
    for u, unit in enumerate(columns[-1].units):
        unit.target = reader.of_sample("y", network.output_shape, u)
    columns.append(_loss(network, reader, len(columns[-1].units)))
    return columns


def _weighted(reader: Reader, line: Line, shown: list[Shown], before: int) -> Column:
    units = [Unit([stage]) for stage in shown]
    layer, names = line.layer, line.names
    if not names:  # a sum: every line counts once
        return Column("neurons", [layer.kind], units, [[None] * len(units) for _ in range(before)])
    weights: list[list[Shown | None]] = [
        [reader.show(names["W"], (i, o)) for o in range(len(units))] for i in range(before)
    ]
    if "b" in names:
        for o, unit in enumerate(units):
            unit.bias = reader.show(names["b"], (o,))
    label = f"{layer.kind} {layer.name!r}" if layer.name else layer.kind
    return Column("neurons", [label], units, weights)


def _one_to_one(layer: Layer, shown: list[Shown]) -> Column:
    return Column("neurons", [layer.kind], [Unit([stage]) for stage in shown], paired=True)


def _loss(network: Model, reader: Reader, before: int) -> Column:
    """The loss; where L is more than the sample's own loss, that comes first."""
    stages = [reader.show("L", ())]
    if reader.trace is not None and (len(reader.trace["x"]) > 1 or network.layout.penalties):
        stages.insert(0, reader.show("l", (reader.sample,)))
    unit = Unit(stages)
    return Column("loss", [network.loss_function.kind], [unit], [[None] for _ in range(before)])


def describe(columns: list[Column]) -> str:
    """The same in words."""
    parts: list[str] = []
    for place, column in enumerate(columns):
        shown = [", then ".join(map(str, u.stages)) for u in column.units]
        parts.append(f"{' '.join(column.heading)}: {'; '.join(shown)}.")
        biases = [str(u.bias) for u in column.units if u.bias]
        if biases:
            parts.append(f"Biases: {'; '.join(biases)}.")
        targets = [str(u.target) for u in column.units if u.target]
        if targets:
            parts.append(f"Targets: {'; '.join(targets)}.")
        weights = [
            f"{w} from {columns[place - 1].units[i].stages[-1].label} to {column.units[o].stages[0].label}"
            for i, row in enumerate(column.weights)
            for o, w in enumerate(row)
            if w is not None
        ]
        if weights:
            parts.append(f"Weights: {'; '.join(weights)}.")
    return " ".join(parts)
