"""What the picture of the layers shows: values with their shapes, and the layers that make them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import singledispatch
from itertools import groupby

from ..describe.layers import (
    GRU,
    RNN,
    Attention,
    AvgPool2D,
    Conv1D,
    Conv2D,
    Dropout,
    Flatten,
    GlobalAvgPool1D,
    Layer,
    MaxPool2D,
    Padding,
    Pair,
    Recurrent,
    Sum,
)
from ..model.lines import Layout, Line
from ..model.model import Model
from .shapes import shape_text


@dataclass(slots=True)
class Stage:
    """A value, and the layers that make it of others: one that changes the shape, and those after it that do not.

    Attributes:
        said: the layers as text.
        value: the value's name.
        shape: the shape of one sample's.
        sources: the places of the stages whose values it takes.
        parameters: the parameters as text, with their shapes.
        count: how many numbers these are.
        lines: the layers in their places; none for an input.
    """

    said: list[str]
    value: str
    shape: tuple[int, ...]
    sources: tuple[int, ...] = ()
    parameters: list[str] = field(default_factory=list[str])
    count: int = 0
    lines: list[Line] = field(default_factory=list[Line])


def read_stages(network: Model) -> list[Stage]:
    """The inputs, then one stage for every layer that changes the shape, with those that do not after it.

    A layer that takes several values, or one that others take too, has a stage of its own.
    """
    layout = network.layout
    stages = [Stage([], name, shape) for name, shape in layout.inputs.items()]
    stage_of: dict[int | str, int] = {name: place for place, name in enumerate(layout.inputs)}
    last: dict[int, int] = {}  # the line whose value a stage is
    forward = network.program.part("forward")
    for line in layout.lines:
        layer, source = line.layer, line.sources[0]
        before = stage_of[source]
        keeps = line.shapes == (line.shape,) and not begins(layer)
        alone = last.get(before) == source and layout.users[source] == (line.place,)
        own = [s.output for s in forward if s.owner.line == line.place]
        value = own[-1] if own else stages[before].value
        if keeps and alone:
            place = before
            stages[place].said.append(f"+ {layer_text(layer)}")
            stages[place].value = value
        else:
            place = len(stages)
            stages.append(Stage([layer_text(layer)], value, line.shape, tuple(stage_of[s] for s in line.sources)))
        stage_of[line.place], last[place] = place, line.place
        stages[place].lines.append(line)
        stages[place].parameters += own_weights(line)
        stages[place].count += sum(math.prod(parameter.shape) for parameter in line.parameters.values())
        stages[place].parameters += shared_weights(layout, line)
    return stages


MANY = 4
"""With more parameters, those of one letter and shape stand in a line, if it has room for them."""
LINE = 34
"""So many characters a line has room for."""


def own_weights(line: Line) -> list[str]:
    """A line's parameters with their shapes: "W1 2 x 3"; of many, those of one shape together."""
    shapes = {name: shape_text(parameter.shape, "") for name, parameter in line.parameters.items()}
    if len(shapes) <= MANY:
        return [f"{name} {shape}" for name, shape in shapes.items()]
    letters = {name: formal[0] for formal, name in line.names.items()}
    found: list[str] = []
    for (shape, _), alike in groupby(shapes, key=lambda name: (shapes[name], letters[name])):
        names = list(alike)
        text = f"{', '.join(names)}: {shape}"
        found += [text] if len(text) <= LINE else [f"{name} {shape}" for name in names]
    return found


def shared_weights(layout: Layout, line: Line) -> list[str]:
    """Parameters of other lines that a line uses too: "W of 'tokens'"."""
    owners = {name: other.layer.name for other in layout.lines for name in other.parameters}
    foreign = {f: name for f, name in line.names.items() if name in owners and name not in line.parameters}
    return [f"{formal} of {owners[name]!r}" for formal, name in foreign.items()]


def is_chain(stages: list[Stage]) -> bool:
    """Whether every value is made of the one before it, and of no other."""
    return all(stage.sources == (place,) for place, stage in enumerate(stages[1:]))


@singledispatch
def begins(layer: Layer) -> bool:
    """Whether a layer has a stage of its own though it keeps the shape; by its class, `begins.register` adds one."""
    return layer.weighted


@begins.register(Attention)
@begins.register(Conv1D)
@begins.register(Flatten)
@begins.register(Recurrent)
@begins.register(Sum)
def _(layer: Layer) -> bool:
    return True


def layer_text(layer: Layer) -> str:
    """A layer with the settings that a figure tells: "Conv2D 2x2, stride 1"."""
    said = f"{layer.kind}{settings_text(layer)}"
    return f"{said} {layer.name!r}" if layer.name else said


@singledispatch
def settings_text(layer: Layer) -> str:
    """The settings that a figure tells, after the layer's kind; by its class, `settings_text.register` adds one."""
    return ""


@settings_text.register
def _(layer: Conv2D) -> str:
    return f" {_by(layer.kernel)}, stride {_once(layer.stride)}{_padding(layer.padding)}"


@settings_text.register(MaxPool2D)
@settings_text.register(AvgPool2D)
def _(layer: MaxPool2D | AvgPool2D) -> str:
    stride = f", stride {_once(layer.step)}" if _by(layer.step) != _by(layer.window) else ""
    return f" {_by(layer.window)}{stride}{_padding(layer.padding)}"


@settings_text.register
def _(layer: Dropout) -> str:
    return f" {layer.rate:g}"


@settings_text.register
def _(layer: Recurrent) -> str:
    said = f", {layer.activation}" if isinstance(layer, RNN) and layer.activation != "tanh" else ""
    said += f", reset {layer.reset}" if isinstance(layer, GRU) and layer.reset != "before" else ""
    said += ", backwards" * layer.reverse
    return f"{said}, {'every' if layer.sequences else 'first' if layer.reverse else 'last'} step"


@settings_text.register
def _(layer: Attention) -> str:
    return f" {layer.heads} head{'s' * (layer.heads > 1)}{', causal' * layer.causal}{_mask(layer)}"


@settings_text.register
def _(layer: GlobalAvgPool1D) -> str:
    return _mask(layer)


def _mask(layer: Layer) -> str:
    return "" if layer.padding_mask is None else f", mask {layer.padding_mask!r}"


def _padding(padding: Padding) -> str:
    if padding in ("valid", 0, (0, 0)):
        return ""
    return f", padding {padding if isinstance(padding, str) else _once(padding)}"


def _by(size: Pair) -> str:
    down, across = size if isinstance(size, tuple) else (size, size)
    return f"{down}x{across}"


def _once(size: Pair) -> str:
    down, across = size if isinstance(size, tuple) else (size, size)
    return str(down) if down == across else f"{down}x{across}"


def describe_stages(network: Model, stages: list[Stage], many: str) -> str:
    """The same in words."""
    chain = is_chain(stages)
    parts: list[str] = []
    for stage in stages:
        shape = shape_text(("N", *stage.shape), many)
        if not stage.said:
            parts.append(f"The input {stage.value} has shape {shape}.")
            continue
        held = f", parameters {', '.join(stage.parameters)} ({stage.count:,})" if stage.parameters else ""
        of = "" if chain else f" of {' and '.join(stages[s].value for s in stage.sources)}"
        parts.append(f"{' '.join(stage.said)}{of} gives {stage.value} of shape {shape}{held}.")
    parts.append(f"The loss L is {network.loss_function.kind}; {network.flat.size:,} parameters in all.")
    return " ".join(parts)
