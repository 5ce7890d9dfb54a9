"""The lines of a network that is being read from a graph."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...base.errors import OptionError
from ...describe.layers import Combining, Concat, Flatten, Layer
from ...describe.layers.combining import MOST
from .file import OnnxNode
from .values import Array, Value

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


@dataclass(slots=True)
class Draft:
    """A line.

    Attributes:
        layer: the layer, without what it takes and without its name.
        sources: what it takes: the places of earlier lines, names of inputs.
        arrays: its parameters and running averages by their formal names.
        name: what it may be called, "" for nothing.
        weights_of: the place of the line whose W it uses too.
        waits: whether it is an attention that waits for its last product.
        gone: whether it went into another line.
    """

    layer: Layer
    sources: list[int | str]
    arrays: dict[str, Array] = field(default_factory=dict[str, Array])
    name: str = ""
    weights_of: int | None = None
    waits: bool = False
    gone: bool = False


def refused(node: OnnxNode, why: object) -> OptionError:
    """The error for a node that no layer stands for."""
    return OptionError(f"{node.label} has no counterpart here: {why}")


@dataclass(slots=True)
class Drafts:
    """The lines so far, and what every name of the graph stands for.

    Attributes:
        lines: the lines.
        known: what each name stands for.
        uses: how many nodes take each name.
        users: the nodes that take each name.
        opset: the version of the operators.
        whole: the inputs that are whole numbers.
    """

    known: dict[str, Value | Array]
    uses: Mapping[str, int]
    users: Mapping[str, Sequence[OnnxNode]]
    opset: int
    whole: frozenset[str]
    lines: list[Draft] = field(default_factory=list[Draft])

    def add(
        self,
        layer: Layer,
        takes: Sequence[Value],
        shape: Sequence[int],
        arrays: Mapping[str, Any] | None = None,
        name: str = "",
        order: Sequence[int | None] | None = None,
    ) -> Value:
        """Appends a line.

        Args:
            layer: its layer.
            takes: what it takes.
            shape: the shape of what it gives, the samples' axis too.
            arrays: its parameters and running averages by their formal names.
            name: what it may be called.
            order: in which order the array has the line's axes; as the line has them, if not given.
        """
        draft = Draft(layer, [v.source for v in takes], dict(arrays or {}), name)
        draft.weights_of = self._owner(draft)
        self.lines.append(draft)
        return Value.of(len(self.lines) - 1, shape, order)

    def _owner(self, draft: Draft) -> int | None:
        """The place of the line that has the same array of the file as weights; the line then takes those."""
        W = draft.arrays.get("W")
        if W is None or not draft.layer.shares_with:
            return None
        for place, other in enumerate(self.lines):
            V = other.arrays.get("W")
            if V is None or other.layer.kind not in draft.layer.shares_with or _begin(V) != _begin(W):
                continue
            same = (V.shape, V.strides) == (W.shape, W.strides)
            turned = (V.shape, V.strides) == (W.shape[::-1], W.strides[::-1]) and V.shape != W.shape
            if same or (turned and draft.layer.kind == "Dense"):
                del draft.arrays["W"]
                return place
        return None

    def same(self, layer: Layer, value: Value) -> Value:
        """A line that works element by element: the array stays laid out as it is."""
        self.lines.append(Draft(layer, [value.source]))
        return replace(value, source=len(self.lines) - 1)

    def plain(self, node: OnnxNode, value: Value) -> Value:
        """The value as its line gives it, after a Flatten where the array is flattened.

        Raises:
            OptionError: where its axes are in another order.
        """
        if value.plain:
            return value
        if value.flattened:
            rest = 1
            for size in value.shape[1:]:
                rest *= size
            return self.add(Flatten(), [value], (value.shape[0], rest))
        raise refused(node, f"its axes are not in the order (samples, ...) of {value.shape[1:]}")

    def combined(self, kind: type[Combining], values: Sequence[Value], shape: Sequence[int]) -> Value:
        """A line of several values; of more than it can take, several lines."""
        first, rest = values[0], list(values[1:])
        while rest:
            now, rest = rest[: MOST - 1], rest[MOST - 1 :]
            wide = list(first.shape)
            if kind is Concat:
                k = 1 if len(wide) != 3 else 2
                wide[k] += sum(v.shape[k] for v in now)
            self.lines.append(Draft(kind("later"), [first.source, *(v.source for v in now)]))
            axes = first.axes if kind is not Concat else Value.of(0, wide).axes
            first = Value(len(self.lines) - 1, tuple(wide), axes)
        assert first.shape == tuple(shape)
        return first


def _begin(array: Array) -> int:
    """Where an array's numbers begin in memory: those of a file are there once."""
    return int(array.__array_interface__["data"][0])


def network_layers(drafts: Drafts, inputs: Sequence[str], *, named: bool) -> list[Layer]:
    """The layers, which say what they take and are called as the graph calls them, or where they have to be called.

    Args:
        drafts: the lines.
        inputs: the inputs' names.
        named: whether names of the graph are kept.
    """
    alive = [place for place, draft in enumerate(drafts.lines) if not draft.gone]
    needed: set[int | str] = set()
    for before, place in zip([None, *alive], alive, strict=False):
        draft = drafts.lines[place]
        apart = [s for k, s in enumerate(draft.sources) if k or s != before]
        needed |= {*apart, *([] if draft.weights_of is None else [draft.weights_of])}
    names: dict[int, str] = {}
    taken = {name.lower() for name in inputs} | {"x", "y", "l"}
    for place in alive:
        draft = drafts.lines[place]
        wanted = draft.name if named and draft.layer.weighted | bool(draft.arrays) and _NAME.match(draft.name) else ""
        if wanted.lower() in taken:
            wanted = ""
        if not wanted and place in needed:
            wanted = f"line{place + 1}"
        if wanted:
            names[place] = wanted
            taken.add(wanted.lower())

    def called(source: int | str) -> str:
        return source if isinstance(source, str) else names[source]

    layers: list[Layer] = []
    for k, place in enumerate(alive):
        draft = drafts.lines[place]
        first, *others = draft.sources
        before = alive[k - 1] if k else (inputs[0] if len(inputs) == 1 else None)
        settings: dict[str, Any] = {} if first == before else {"of": called(first)}
        if isinstance(draft.layer, Combining):
            settings["others"] = tuple(map(called, others))
        elif others:  # the queries' value, and that of keys and values
            settings["of"] = (called(first), *map(called, others))
        if draft.weights_of is not None:
            settings["weights_of"] = names[draft.weights_of]
        if place in names:
            settings["name"] = names[place]
        layers.append(replace(draft.layer, **settings))
    return layers
