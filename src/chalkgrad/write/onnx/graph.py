"""An ONNX graph that is being written: nodes in order, and the arrays that stand in it by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...base.errors import OptionError

Array = np.ndarray[Any, Any]


@dataclass(slots=True)
class Node:
    """One node.

    Attributes:
        operator: the ONNX operator, "Gemm".
        inputs: the names of what it takes, "" for one that is left out.
        outputs: the names of what it gives, "" for one that nobody wants.
        attributes: its settings.
        of: the layer that it belongs to, as text.
    """

    operator: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    of: str = ""


@dataclass(slots=True)
class Graph:
    """The nodes and arrays that are written so far.

    Attributes:
        arrays: the network's parameters and running averages by name.
        dtype: the network's own.
        nodes: in order.
        initializers: the arrays in the graph: parameters under their own names, those that an operator wants in one
            array, and constants.
        weights: the names of those that hold parameters or running averages.
        owner: the layer that nodes belong to from now on.
        stem: what the names of values on the way to the next named one begin with.
    """

    arrays: Mapping[str, Array]
    dtype: np.dtype[Any]
    nodes: list[Node] = field(default_factory=list[Node])
    initializers: dict[str, Array] = field(default_factory=dict[str, Array])
    weights: set[str] = field(default_factory=set[str])
    owner: str = ""
    stem: str = "v"
    _constants: dict[tuple[str, tuple[int, ...], bytes], str] = field(
        default_factory=dict[tuple[str, tuple[int, ...], bytes], str]
    )
    _count: int = 0

    def add(
        self, operator: str, inputs: Sequence[str], output: str | None = None, *, place: int = 0, **attributes: Any
    ) -> str:
        """Writes a node.

        Args:
            operator: the ONNX operator.
            inputs: what it takes.
            output: what its result is called; a name on the way to the next named value, if not given.
            place: which of its outputs the result is.
            attributes: its settings.

        Returns:
            The result's name.
        """
        if output is None:
            self._count += 1
            output = f"{self.stem}.{self._count}"  # no value of a network has a number after its dot
        self.nodes.append(Node(operator, [*inputs], [""] * place + [output], attributes, self.owner))
        return output

    def name(self, value: str, output: str) -> None:
        """Calls what the last node gives by its name in the network; another value is passed on under that name."""
        last = self.nodes[-1].outputs if self.nodes else []
        if last and last[-1] == value and value.startswith(f"{self.stem}."):
            last[-1] = output
        else:
            self.add("Identity", [value], output)

    def parameter(self, name: str) -> str:
        """A parameter or running average, under its own name."""
        self.initializers[name] = self.arrays[name]
        self.weights.add(name)
        return name

    def packed(self, name: str, array: Array) -> str:
        """An array that an operator wants, made of several parameters."""
        if name in self.arrays or name in self.initializers:
            name = next(n for n in (f"{name}.{k}" for k in range(1, 10**6)) if n not in self.initializers)
        self.initializers[name] = array
        self.weights.add(name)
        return name

    def constant(self, value: Any, dtype: Any = None) -> str:
        """A constant; equal ones stand in the graph once."""
        array = np.asarray(value, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"constant.{len(self._constants) + 1}"
            self._constants[key] = name
            self.initializers[name] = np.ascontiguousarray(array).reshape(array.shape)
        return self._constants[key]

    def whole(self, *numbers: int) -> str:
        """A constant row of whole numbers: axes, a shape."""
        return self.constant(numbers, np.int64)


def no_form(label: str, why: object) -> OptionError:
    """The error for a layer that cannot be written."""
    return OptionError(f"{label} has no form in ONNX: {why}")
