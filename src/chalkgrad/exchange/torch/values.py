"""What a tensor of a recorded run is: which numbers of which values, in which order.

Views, transpositions, slices and concatenations move numbers and compute none. A `Value` says for every number of a
tensor where it comes from, as one index; what moves numbers is then done to the index by PyTorch itself, and whatever
order comes out can be compared with the order that a layer takes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ...describe.layers import Layer, SampleShape
from .trace import Call, torch_library


@dataclass(eq=False, slots=True)
class Draft:
    """A layer that is to become a line of the network.

    Attributes:
        layer: the layer, without a name; None for what only stands on the way to a layer (`words` says what).
        sources: what it takes.
        shape: the shape of one sample of what it gives, as the network has it.
        call: where it comes from in the module.
        tensors: the weights by PyTorch's names, as `write.torch.layers` says where a layer has them.
        states: running averages by PyTorch's names.
        witness: the tensor of the run that holds what it gives, with the index of its numbers.
        words: what it is, in messages.
        facts: what a later call wants to know of what stands on the way.
    """

    layer: Layer | None
    sources: tuple[Draft | Input, ...]
    shape: SampleShape
    call: Call
    tensors: dict[str, Value] = field(default_factory=dict[str, "Value"])
    states: dict[str, Any] = field(default_factory=dict[str, Any])
    witness: Value | None = None
    words: str = ""
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(eq=False, slots=True)
class Input:
    """An input of the network: its name, and the shape of one sample."""

    name: str
    shape: SampleShape


@dataclass(eq=False, slots=True)
class Weight:
    """A parameter of the module: its name and its tensor; without a name numbers that are not trained."""

    name: str
    tensor: Any


Source: TypeAlias = Draft | Input | Weight


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the run.

    Attributes:
        sources: the values that its numbers come from, one after another.
        index: of the tensor's shape; for every number its place among all numbers of the sources, the samples' axis
            included.
        tensor: the tensor itself.
        number: its number in the record; -1 for one that the module has not.
    """

    sources: tuple[Source, ...]
    index: Any
    tensor: Any
    number: int = -1

    @property
    def source(self) -> Source:
        """What its numbers come from, where that is one value."""
        return self.sources[0]

    @property
    def of_weights(self) -> bool:
        """Whether it holds numbers of parameters only."""
        return all(isinstance(source, Weight) for source in self.sources)


def size(source: Source, samples: int) -> int:
    """How many numbers a source has."""
    return source.tensor.numel() if isinstance(source, Weight) else samples * math.prod(source.shape)


def counted(shape: tuple[int, ...]) -> Any:
    """0, 1, 2, ... in this shape."""
    return torch_library().arange(math.prod(shape)).reshape(shape)


def whole(source: Source, tensor: Any, samples: int, number: int = -1) -> Value:
    """The value of a source as it is."""
    shape = tuple(source.tensor.shape) if isinstance(source, Weight) else (samples, *source.shape)
    return Value((source,), counted(shape), tensor, number)


def joined(values: list[Value], samples: int) -> tuple[tuple[Source, ...], list[Any]]:
    """The sources of several values together, each once, and the values' indices among all of their numbers."""
    sources: list[Source] = []
    for value in values:
        sources += [s for s in value.sources if not any(s is other for other in sources)]
    begins = _begins(tuple(sources), samples)
    indices: list[Any] = []
    for value in values:
        index, begin = value.index.clone(), 0
        for source in value.sources:
            end = begin + size(source, samples)
            own = (value.index >= begin) & (value.index < end)
            place = next(k for k, other in enumerate(sources) if other is source)
            index[own] = value.index[own] - begin + begins[place]
            begin = end
        indices.append(index)
    return tuple(sources), indices


def _begins(sources: tuple[Source, ...], samples: int) -> list[int]:
    begins = [0]
    for source in sources:
        begins.append(begins[-1] + size(source, samples))
    return begins


def narrowed(value: Value, samples: int) -> Value:
    """The same without the sources that it has no number of."""
    if len(value.sources) == 1:
        return value
    torch = torch_library()
    begins = torch.tensor(_begins(value.sources, samples))
    owners = torch.bucketize(value.index.contiguous(), begins, right=True) - 1
    kept: list[int] = owners.unique().tolist()
    if len(kept) == len(value.sources):
        return value
    index, begin = value.index.clone(), 0
    for place in kept:
        own = owners == place
        index[own] = value.index[own] - int(begins[place]) + begin
        begin += size(value.sources[place], samples)
    return Value(tuple(value.sources[k] for k in kept), index, value.tensor, value.number)


def same(left: Any, right: Any) -> bool:
    """Whether two indices are the same, shape included."""
    return left.shape == right.shape and bool((left == right).all())


def pieces(value: Value, axis: int, samples: int) -> list[Value] | None:
    """The parts of a value along an axis, each of one source; None where a part has several."""
    torch = torch_library()
    begins = torch.tensor(_begins(value.sources, samples))
    owners = torch.bucketize(value.index.contiguous(), begins, right=True) - 1
    slabs = owners.movedim(axis, 0).reshape(owners.shape[axis], -1)
    if not bool((slabs == slabs[:, :1]).all()):
        return None
    kinds, counts = torch.unique_consecutive(slabs[:, 0], return_counts=True)
    parts: list[Value] = []
    at = 0
    spans: list[tuple[int, int]] = list(zip(kinds.tolist(), counts.tolist(), strict=True))
    for kind, count in spans:
        source = value.sources[kind]
        again = max(count * slabs.shape[1] // size(source, samples), 1)  # the same value may stand there twice
        for _ in range(again if count % again == 0 else 1):
            width = count // again if count % again == 0 else count
            index = value.index.narrow(axis, at, width) - int(begins[kind])
            parts.append(Value((source,), index, value.tensor.narrow(axis, at, width)))
            at += width
    return parts


def read(value: Value, tensors: Mapping[str, Any] | None = None) -> Any:
    """The numbers of a value of weights; or of other tensors, such as their gradients, by the parameters' names."""
    torch = torch_library()
    parts: list[Any] = []
    for source in value.sources:
        assert isinstance(source, Weight)
        tensor = source.tensor.detach()
        parts.append(
            (tensors.get(source.name, torch.zeros_like(tensor)) if tensors is not None else tensor).reshape(-1)
        )
    return torch.cat(parts).cpu()[value.index]
