"""What the picture of the neurons shows: a network's values in columns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np

from ..base.address import Address
from ..base.digits import significant
from ..base.errors import OptionError
from ..describe.layers import Activation, Add, Concat, Dense, Flatten, Layer, Multiply, Sum
from ..explain.trace import Trace
from ..model.lines import Layout, Line
from ..model.model import Model
from ..program import Role
from ..rules import dense
from .column import Column, Shown, Unit
from .stages import shared_weights
from .svg import shortened

Dimensions = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Finds labels and numbers of elements.

    Attributes:
        labels: names of elements by address.
        layout: the network's lines.
        trace: where the numbers come from; None shows names only.
        sample: which sample is shown.
        precision: significant digits.
    """

    labels: Mapping[str, str]
    layout: Layout
    trace: Trace | None
    sample: int
    precision: int

    @property
    def samples(self) -> int:
        """How many samples the trace has."""
        return 0 if self.trace is None else len(self.trace["y"])

    def shared(self, line: Line) -> list[str]:
        """What stands under a layer's name where its weights are another line's."""
        return shared_weights(self.layout, line)

    def show(self, name: str, place: Dimensions) -> Shown:
        """One element by its value's name and its place."""
        address = str(Address(name, place))
        label = self.labels.get(address, "").strip() or address
        if self.trace is None:
            return Shown(address, label)
        value = significant(float(self.trace[name][place]), self.precision)
        gradient, program = None, self.trace.program
        of = program.derivative_of.get(name, "")
        if program.values[name].role is not Role.GIVEN and of in self.trace:
            gradient = significant(float(self.trace[of][place]), self.precision)
        return Shown(address, label, value, gradient)

    def of_sample(self, name: str, shape: Sequence[int], unit: int) -> Shown:
        """One element of the sample, by its number counted row by row."""
        return self.show(name, (self.sample, *(int(i) for i in np.unravel_index(unit, shape))))


def read_columns(network: Model, reader: Reader) -> list[Column]:
    """A network's nodes in columns: the inputs, every layer with weights and what follows it, the loss."""
    layout = network.layout
    columns: list[Column] = []
    for name, shape in layout.inputs.items():
        units = [Unit([reader.of_sample(name, shape, u)]) for u in range(math.prod(shape))]
        columns.append(Column("input", [f"input {name}"], units, value=name))
    place_of: dict[int | str, int] = {name: place for place, name in enumerate(layout.inputs)}
    last: dict[int, int] = {}  # the line whose values a column gives
    forward = network.program.part("forward")
    for line in layout.lines:
        sources = tuple(place_of[s] for s in line.sources)
        place_of[line.place] = place = sources[0]
        own = [s.output for s in forward if s.owner.line == line.place]
        if not own or (isinstance(line.layer, Flatten) and len(line.shapes[0]) == 1):
            if layout.users[line.sources[0]] == (line.place,) and place in last:
                last[place] = line.place
            continue
        shown = [reader.of_sample(own[-1], line.shape, u) for u in range(math.prod(line.shape))]
        column = column_of(line.layer, line, shown, [columns[s] for s in sources], reader)
        if column.joins and last.get(place) == line.sources[0] and layout.users[line.sources[0]] == (line.place,):
            columns[place].heading.append(f"+ {line.layer.kind}")
            columns[place].value = own[-1]
            for unit, stage in zip(columns[place].units, shown, strict=True):
                unit.stages.append(stage)
        else:
            column.sources, column.value = sources, own[-1]
            place_of[line.place] = place = len(columns)
            columns.append(column)
        last[place] = line.place
    end = place_of[layout.lines[-1].place]
    for u, unit in enumerate(columns[end].units):
        unit.target = reader.of_sample("y", network.output_shape, u)
    columns.append(_loss(network, reader, len(columns[end].units)))
    columns[-1].sources = (end,)
    return columns


@singledispatch
def column_of(layer: object, line: Line, shown: list[Shown], before: Sequence[Column], reader: Reader) -> Column:
    """The column of a line, by its layer's class; `column_of.register` adds one.

    Args:
        layer: the layer.
        line: its line.
        shown: the values that it gives.
        before: the columns that it takes values from.
        reader: what finds labels and numbers.
    """
    raise OptionError(f"{line.label} has no neurons that could be drawn one by one")


def has_neurons(layer: Layer) -> bool:
    """Whether a layer can be drawn neuron by neuron."""
    return column_of.dispatch(type(layer)) is not column_of.dispatch(object)


@column_of.register
def _(layer: Dense, line: Line, shown: list[Shown], before: Sequence[Column], reader: Reader) -> Column:
    units, names = [Unit([stage]) for stage in shown], line.names
    turned = line.shared is dense.transposed
    weights: list[list[Shown | None]] = [
        [reader.show(names["W"], (o, i) if turned else (i, o)) for o in range(len(units))]
        for i in range(len(before[0].units))
    ]
    if "b" in names:
        for o, unit in enumerate(units):
            unit.bias = reader.show(names["b"], (o,))
    label = f"{layer.kind} {layer.name!r}" if layer.name else layer.kind
    return Column("neurons", [label, *reader.shared(line)], units, weights)


@column_of.register
def _(layer: Sum, line: Line, shown: list[Shown], before: Sequence[Column], reader: Reader) -> Column:
    units = [Unit([stage]) for stage in shown]  # every line counts once
    return Column("neurons", [layer.kind], units, [[None] * len(units) for _ in before[0].units])


@column_of.register(Flatten)
@column_of.register(Activation)
def _(layer: Layer, line: Line, shown: list[Shown], before: Sequence[Column], reader: Reader) -> Column:
    units = [Unit([stage]) for stage in shown]
    return Column("neurons", [layer.kind], units, paired=True, joins=isinstance(layer, Activation))


@column_of.register(Add)
@column_of.register(Multiply)
def _(layer: Layer, line: Line, shown: list[Shown], before: Sequence[Column], reader: Reader) -> Column:
    sign = " + " if isinstance(layer, Add) else " \u00b7 "
    terms = [sign.join(column.units[u].stages[-1].label for column in before) for u in range(len(shown))]
    return _combined(layer, shown, terms, (0,) * len(before))


@column_of.register
def _(layer: Concat, line: Line, shown: list[Shown], before: Sequence[Column], reader: Reader) -> Column:
    terms = [unit.stages[-1].label for column in before for unit in column.units]
    begins = itertools.accumulate([len(column.units) for column in before[:-1]], initial=0)
    return _combined(layer, shown, terms, tuple(begins))


def _combined(layer: Layer, shown: list[Shown], terms: list[str], begins: tuple[int, ...]) -> Column:
    units = [Unit([replace(stage, terms=shortened(text, 48))]) for stage, text in zip(shown, terms, strict=True)]
    label = f"{layer.kind} {layer.name!r}" if layer.name else layer.kind
    return Column("neurons", [label], units, paired=True, begins=begins)


def _loss(network: Model, reader: Reader, before: int) -> Column:
    """The loss; where L is more than the sample's own loss, that comes first."""
    stages = [reader.show("L", ())]
    if reader.trace is not None and (reader.samples > 1 or network.layout.penalties):
        stages.insert(0, reader.show("l", (reader.sample,)))
    unit = Unit(stages)
    return Column("loss", [network.loss_function.kind], [unit], [[None] for _ in range(before)])
