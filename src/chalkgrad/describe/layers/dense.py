"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ... import rules
from ...base.checks import whole
from ...rules import Operation
from ..initializers import Initializer, initializer
from .layer import Layer, Parameter, SampleShape, check_weighted, flat, initial


@dataclass(frozen=True, slots=True)
class Dense(Layer):
    """A fully connected layer, z = x @ W + b.

    Shapes: x (N, inputs), W (inputs, units), b (units,), z (N, units).

    Attributes:
        units: the number of outputs.
        bias: whether there is a b.
        weights: W at the start: an initialiser or its name. "auto" is "he" where a ReLU-like activation
            follows, else "glorot".
        biases: b at the start: an initialiser or its name.
        l1, l2: penalties on W as part of the loss, l1 * sum|W| + l2 * sum(W^2); None takes the network's.
        weights_of: the name of an earlier line, a Dense or an Embedding, whose W it uses too, transposed where the
            shapes say so; b is its own.
    """

    weighted: ClassVar[bool] = True
    per_step: ClassVar[bool] = True
    shares_with: ClassVar[tuple[str, ...]] = ("Dense", "Embedding")

    units: int
    bias: bool = True
    weights: str | Initializer = "auto"
    biases: str | Initializer = "zeros"
    l1: float | None = None
    l2: float | None = None
    weights_of: str | None = field(default=None, kw_only=True)

    def check(self) -> None:
        whole("Dense", "units", self.units)
        check_weighted(self)

    def output_shape(self, shape: SampleShape) -> SampleShape:
        flat(self, shape)
        return (self.units,)

    def operation(self, training: bool) -> Operation:
        return rules.dense.operation

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        inputs = shape[0]
        W = Parameter((inputs, self.units), initial(self.weights), inputs, self.units, True)
        b = Parameter((self.units,), initializer(self.biases), inputs, self.units, False)
        return {"W": W, "b": b} if self.bias else {"W": W}

    def shared_operation(self, own: SampleShape, other: SampleShape) -> Operation | None:
        if other == own:
            return rules.dense.operation
        return rules.dense.transposed if other == own[::-1] else None
