"""Random graphs of lines for the property tests: diamonds, skips, shared weights, blocks in blocks, several inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import event
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad.describe.layers import SampleShape
from networks import ACTIVATIONS, endings, targets

X = -1
"""The place of the first input; the others have -2 and -3."""
INPUTS = ["question", "answer", "context"]
"""What several inputs are called."""
PENALTIES: list[dict[str, float]] = [{}, {}, {"l2": 0.1}, {"l1": 0.05, "l2": 0.1}]
WORDS = ["left", "right", "h", "tokens", "gate", "up", "down", "skip", "out", "k", "p", "q", "r", "u", "v", "w"]


@dataclass
class Node:
    """One line as it was meant: the layer, the places of what it takes, and that of the line whose W it uses."""

    layer: cg.Layer
    sources: tuple[int, ...]
    weights: int | None = None


@dataclass
class Graph:
    """A drawn network, samples and targets for it, and its lines as they were meant.

    Attributes:
        nodes: the lines as they were meant.
        values: the name of what each line gives.
        inputs: the names of the inputs, "x" where there is one; that at place -1 is the first.
        x: the samples as one array; several inputs stand one after another in its rows.
    """

    network: cg.Network
    x: np.ndarray
    y: np.ndarray
    nodes: list[Node]
    values: list[str]
    inputs: list[str]

    def apart(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The samples of every input."""
        if self.inputs == ["x"]:
            return {"x": x}
        shapes = self.network.layout.inputs
        ends = np.cumsum([math.prod(shapes[name]) for name in self.inputs])
        parts = np.split(x, ends[:-1], axis=1)
        return {n: part.reshape(len(x), *shapes[n]) for n, part in zip(self.inputs, parts, strict=True)}


@dataclass
class _Naming:
    """What lines are called: by the number of lines with parameters, or by the name of the last such line."""

    number: int = 0
    prefix: str | None = None
    taken: set[str] = field(default_factory=set[str])

    def value(self, layer: cg.Layer, shape: SampleShape, *, shares: bool) -> str:
        if shares or layer.parameters(shape):
            self.number += 1
            self.prefix = layer.name
        elif isinstance(layer, cg.Add | cg.Multiply | cg.Concat):
            self.prefix = layer.name
        own = layer.name or self.prefix
        operation = layer.operation(training=True)
        assert operation is not None
        name = ""
        for rule in operation.forward:
            formal = rule.output
            name = first = f"{formal}{self.number}" if own is None else f"{own}.{formal}"
            again = 2
            while name in self.taken:
                name, again = f"{first}_{again}", again + 1
            self.taken.add(name)
        return name


class _Drawing:
    """Draws line after line. All images of a graph have the same height and width."""

    def __init__(self, draw: st.DrawFn, inputs: dict[str, SampleShape], *, concat: bool) -> None:
        self.draw = draw
        self.concat = concat
        self.inputs = inputs
        self.nodes: list[Node] = []
        self.shapes: list[SampleShape] = []
        self.values: list[str] = []
        self.unused: set[int] = set(range(-len(inputs), 0))
        self.kinds: set[str] = set()
        self._naming = _Naming()
        self._words = list(WORDS)

    def shape_of(self, place: int) -> SampleShape:
        return list(self.inputs.values())[X - place] if place < 0 else self.shapes[place]

    def places(self) -> range:
        """The places of the inputs and of the lines."""
        return range(-len(self.inputs), len(self.nodes))

    def must_say(self) -> bool:
        """Whether the next line must name what it takes: it is the first, and there are several inputs."""
        return not self.nodes and len(self.inputs) > 1

    def yes(self, *, often: int = 2) -> bool:
        """True in one of `often` cases."""
        return self.draw(st.integers(1, often)) == often

    def one(self, of: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(list(of)))

    def name(self) -> str | None:
        if self._words and self.yes(often=3):
            word = self.one(self._words)
            self._words.remove(word)
            return word
        return None

    def called(self, place: int) -> str:
        """A name of what the line gives."""
        if place < 0:
            return list(self.inputs)[X - place]
        name = self.nodes[place].layer.name
        return self.values[place] if name is None or self.yes() else name

    def place(self, layer: cg.Layer, sources: tuple[int, ...], weights: int | None = None) -> int:
        """Notes a line as it is meant."""
        shapes = [self.shape_of(s) for s in sources]
        self.nodes.append(Node(layer, sources, weights))
        self.shapes.append(layer.combined_shape(shapes))
        self.values.append(self._naming.value(layer, shapes[0], shares=weights is not None))
        self.unused -= set(sources)
        self.unused.add(len(self.nodes) - 1)
        return len(self.nodes) - 1

    def like(self, shape: SampleShape) -> list[int]:
        """The places of values of this shape."""
        return [p for p in self.places() if self.shape_of(p) == shape]

    def take(self, before: int, start: bool) -> tuple[int, str | None]:
        """What a line takes, and what it says of it: the line before (by its name or not), or another one."""
        if self.must_say() or (self.nodes and self.yes(often=6)):
            rank = len(self.shape_of(before))
            source = self.one([p for p in self.places() if len(self.shape_of(p)) == rank])
            self.kinds.add("branch" if source != before else "explicit of")
            return source, self.called(source)
        if not start and self.yes(often=8):
            self.kinds.add("explicit of")
            return before, self.called(before)
        return before, None

    def line(self, into: list[cg.Layer], before: int, depth: int, start: bool) -> int:
        """Draws a layer after the line at `before`; a block's first layer (`start`) has it from the block."""
        choices = ["weights", "weights", "activation", "activation", "normalise", "dropout", "combine", "combine",
                   "tied", "tied"]  # fmt: skip
        if len(self.shape_of(before)) == 3:
            choices.append("pool")
        if depth < 2:
            choices += ["block", "block"] if depth == 0 else ["block"]
        match self.one(choices):
            case "block":
                return self.block(into, before, depth, start)
            case "combine":
                return self.combine(into, before)
            case "tied":
                return self.tied(into, before)
            case kind:
                source, of = self.take(before, start)
                layer = replace(self.single(kind, self.shape_of(source)), name=self.name(), of=of)
        into.append(layer)
        return self.place(layer, (source,))

    def single(self, kind: str, shape: SampleShape) -> cg.Layer:
        """A layer that takes one value."""
        match kind:
            case "weights" if len(shape) == 3:
                kernel = self.one([1, 3, (3, 1)])
                return cg.Conv2D(self.one([1, 2, 2]), kernel, padding="same", bias=self.yes(), l2=self.one([None, 0.2]))
            case "weights":
                return cg.Dense(self.one([3, 3, 3, 2, 4]), bias=self.yes(), l1=self.one([None, None, 0.1]))
            case "activation":
                return self.one(ACTIVATIONS[:-1] if len(shape) == 3 else ACTIVATIONS)
            case "normalise":
                made = self.one([cg.BatchNorm, cg.LayerNorm])(affine=self.yes())
                self.kinds.add(type(made).__name__)
                return made
            case "pool":
                self.kinds.add("pool")
                return self.one([cg.MaxPool2D(3, stride=1, padding=1), cg.AvgPool2D(3, stride=1, padding=1)])
            case _:
                self.kinds.add("dropout")
                return cg.Dropout(0.3)

    def combine(self, into: list[cg.Layer], before: int) -> int:
        """Add, Multiply or Concat of the line before, or of others, and more of the same shape."""
        kinds: list[Any] = [cg.Add, cg.Add, cg.Multiply] + [cg.Concat] * self.concat
        kind = self.one(kinds)
        count = self.one([2, 2, 3, 4]) if kind is not cg.Multiply else 2
        shape = self.shape_of(before)
        among = [p for p in self.places() if self.shape_of(p)[1:] == shape[1:]]
        if kind is not cg.Concat:
            among = self.like(shape)
        waiting = [p for p in among if p in self.unused and p != before]
        others = [self.one(waiting) if waiting and self.yes() else self.one(among) for _ in range(count - 1)]
        self.kinds |= {kind.__name__, f"{count} values"}
        if len({before, *others}) < count:
            self.kinds.add("same value twice")
        names = [self.called(o) for o in others]
        match self.one(["of", "both"] if self.must_say() else ["others", "of", "both"]):
            case "of":
                layer = kind(of=[self.called(before), *names], name=self.name())
            case "both":
                layer = kind(names, of=self.called(before), name=self.name())
            case _:
                layer = kind(names[0] if len(names) == 1 else names, name=self.name())
        into.append(layer)
        return self.place(layer, (before, *others))

    def tied(self, into: list[cg.Layer], before: int) -> int:
        """A line with the weights of an earlier one, where one fits; else a line with a name, to be tied to later."""
        shape = self.shape_of(before)
        fitting: list[tuple[int, cg.Layer]] = []
        for place, node in enumerate(self.nodes):
            layer, source = node.layer, self.shape_of(node.sources[0])
            if layer.name is None or len(source) != len(shape):
                continue
            if isinstance(layer, cg.Conv2D) and source[0] == shape[0]:
                fitting.append((place, cg.Conv2D(layer.filters, layer.kernel, padding="same", bias=self.yes())))
            elif isinstance(layer, cg.Dense) and source == shape:
                fitting.append((place, cg.Dense(layer.units, bias=self.yes())))
            elif isinstance(layer, cg.Dense) and (layer.units,) == shape:
                fitting.append((place, cg.Dense(source[0], bias=self.yes())))
        if fitting:
            place, layer = self.one(fitting)
            owner = self.nodes[place].layer
            assert isinstance(layer, cg.Dense | cg.Conv2D)
            layer = replace(layer, weights_of=owner.name, name=self.name())
            turned = isinstance(layer, cg.Dense) and self.shape_of(self.nodes[place].sources[0]) != shape
            self.kinds.add("tied convolution" if isinstance(layer, cg.Conv2D) else f"tied{' transposed' * turned}")
            into.append(layer)
            first = self.nodes[place].weights
            return self.place(layer, (before,), place if first is None else first)
        name = self._words.pop() if self._words else None
        of = self.called(before) if self.must_say() else None
        layer = replace(self.single("weights", shape), name=name, of=of)
        into.append(layer)
        return self.place(layer, (before,))

    def block(self, into: list[cg.Layer], before: int, depth: int, start: bool) -> int:
        """A residual block, perhaps with blocks in it."""
        incoming, of = self.take(before, start)
        shape = self.shape_of(incoming)
        name = self.name()
        self.kinds.add("block" if depth == 0 else "block in a block")
        inner: list[cg.Layer] = []
        place = incoming
        for count in range(self.draw(st.integers(1, 3))):
            place = self.line(inner, place, depth + 1, start=count == 0)
        if self.shape_of(place) != shape:
            back = cg.Dense(shape[0]) if len(shape) == 1 else cg.Conv2D(shape[0], 1)
            inner.append(back)
            place = self.place(back, (place,))
        into.append(cg.Residual(inner, name=name, of=of))
        return self.place(cg.Add("the block's input", name=name), (place, incoming))

    def flatten(self, into: list[cg.Layer], place: int) -> int:
        layer = cg.Flatten(of=self.called(place))
        into.append(layer)
        return self.place(layer, (place,))

    def gather(self, into: list[cg.Layer], last: int) -> int:
        """Brings everything that nobody uses yet together."""
        while waiting := sorted(self.unused - {last})[:3]:
            if self.concat and self.yes():
                rest = [p for p in waiting if self.shape_of(p)[1:] == self.shape_of(last)[1:]]
                if rest:
                    self.kinds.add("Concat")
                    layer: cg.Layer = cg.Concat([self.called(p) for p in rest])
                    into.append(layer)
                    last = self.place(layer, (last, *rest))
                    continue
            shape = self.shape_of(last)
            alike = [self._like(into, p, shape) for p in waiting]
            layer = cg.Add([self.called(p) for p in alike], of=self.called(last))
            into.append(layer)
            last = self.place(layer, (last, *alike))
        return last

    def _like(self, into: list[cg.Layer], place: int, shape: SampleShape) -> int:
        """The value, brought to a shape where it has another."""
        here = self.shape_of(place)
        if here == shape:
            return place
        layer = cg.Dense(shape[0]) if len(shape) == 1 else cg.Conv2D(shape[0], 1)
        layer = replace(layer, of=self.called(place))
        into.append(layer)
        return self.place(layer, (place,))


@st.composite
def graphs(draw: st.DrawFn, *, dtypes: Sequence[str] = ("float64",), concat: bool = True) -> Graph:
    """A small random graph with samples and targets.

    Args:
        draw: Hypothesis's.
        dtypes: the dtypes that it may have.
        concat: whether values are put side by side.
    """
    image = draw(st.integers(0, 2)) == 0
    inputs = [(draw(st.integers(1, 2)), 3, 3) if image else (draw(st.integers(2, 4)),)]
    names = ["x"]
    if draw(st.integers(0, 2)) == 0:
        names = draw(st.permutations(INPUTS))[: draw(st.integers(2, 3))]
        inputs += [(draw(st.integers(1, 3)), *inputs[0][1:]) for _ in names[1:]]
    drawing = _Drawing(draw, dict(zip(names, inputs, strict=True)), concat=concat)
    layers: list[cg.Layer] = []
    last = X
    for _ in range(draw(st.integers(2, 6))):
        last = drawing.line(layers, last, 0, start=not drawing.nodes)
    if image:
        last = drawing.flatten(layers, drawing.gather(layers, last))
        for _ in range(draw(st.integers(0, 2))):
            last = drawing.line(layers, last, 0, start=False)
    drawing.gather(layers, last)
    ending, end, loss, outputs = draw(endings())
    for layer in end:
        drawing.place(layer, (len(drawing.nodes) - 1,))
    layers += end
    seed, penalties, dtype = draw(st.integers(0, 1000)), draw(st.sampled_from(PENALTIES)), draw(st.sampled_from(dtypes))
    net = cg.Network(layers, input_shape=inputs[0] if names == ["x"] else drawing.inputs, loss=loss, dtype=dtype,
                     seed=seed, **penalties)  # fmt: skip
    rng = np.random.default_rng(seed)
    net.set_parameters({name: rng.standard_normal(p.shape) / 2 for name, p in net.parameters.items()})
    samples = draw(st.integers(3, 4))
    _note(drawing, image, type(loss).__name__, dtype, penalties)
    x = rng.standard_normal((samples, *net.layout.sample_shape))
    return Graph(net, x, targets(ending, rng, samples, outputs), drawing.nodes, drawing.values, names)


def _note(drawing: _Drawing, image: bool, loss: str, dtype: str, penalties: dict[str, float]) -> None:
    """Says to Hypothesis what was drawn."""
    for kind in drawing.kinds:
        event(kind)
    uses: dict[int, int] = {}
    for node in drawing.nodes:
        for source in node.sources:
            uses[source] = uses.get(source, 0) + 1
    most = max(uses.values())
    event(f"a value used {min(most, 9)} times" if most < 9 else "a value used 9 times or more")
    event("images" if image else "vectors")
    event(f"{len(drawing.inputs)} inputs")
    event(loss)
    event(dtype)
    if penalties:
        event("penalties of the network")
    if any(node.layer.name for node in drawing.nodes):
        event("named lines")
    if any(node.layer.name is None for node in drawing.nodes):
        event("unnamed lines")
