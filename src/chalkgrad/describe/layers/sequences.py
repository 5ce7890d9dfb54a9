"""Layers over sequences (N, T, D), and over the ids (N, T) that stand for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ... import rules
from ...base.checks import choice, flag, whole
from ...base.errors import ShapeError
from ...rules import Operation
from ..initializers import Initializer, initializer
from .layer import Layer, Parameter, SampleShape, rows_text


def steps(layer: Layer, shape: SampleShape) -> tuple[int, int]:
    """T and D of a sequence. Raises ShapeError where none comes in."""
    if len(shape) != 2:
        cure = (
            "put an Embedding before it, if these are ids, or give the network input_shape=(steps, features)"
            if len(shape) == 1
            else "give the network input_shape=(steps, features)"
        )
        raise ShapeError(f"{layer.kind} takes sequences, shape (N, T, D), but {rows_text(shape)} comes in; {cure}")
    return shape[0], shape[1]


@dataclass(frozen=True, slots=True)
class Embedding(Layer):
    """A table of weights: every id, a whole number from 0 to ids - 1, stands for one of its rows.

    Shapes: x (N, T) whole numbers, W (ids, units), e (N, T, units).

    Attributes:
        ids: how many different ids there are.
        units: the length of a row.
        weights: how W starts: an initialiser or its name; "auto" draws from the normal distribution of deviation 1.
    """

    of_ids: ClassVar[bool] = True

    ids: int
    units: int
    weights: str | Initializer = "auto"

    def check(self) -> None:
        whole("Embedding", "ids", self.ids)
        whole("Embedding", "units", self.units)
        if self.weights != "auto":
            initializer(self.weights)

    def output_shape(self, shape: SampleShape) -> SampleShape:
        if len(shape) != 1:
            raise ShapeError(
                f"Embedding takes one id a step, shape (N, T), but {rows_text(shape)} comes in; give the network "
                "input_shape=steps"
            )
        return (shape[0], self.units)

    def operation(self, training: bool) -> Operation:
        return rules.embedding.operation

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        start = initializer("normal") if self.weights == "auto" else initializer(self.weights)
        return {"W": Parameter((self.ids, self.units), start, self.ids, self.units, True)}


@dataclass(frozen=True, slots=True)
class RNN(Layer):
    """A recurrent layer: z = x W + h' U + b and h = tanh(z), where h' is the h of the step before, 0 at first.

    Shapes: x (N, T, I), W (I, units), U (units, units), b (units,); h (N, T, units), or the last step's (N, units).

    Attributes:
        units: the length of h.
        activation: "tanh" or "relu".
        sequences: whether every step's h goes on, (N, T, units), or the last one's, (N, units).
        bias: whether there is a b.
        weights: how W and U start: an initialiser or its name; "auto" is "glorot".
    """

    units: int
    activation: str = "tanh"
    sequences: bool = False
    bias: bool = True
    weights: str | Initializer = "auto"

    def check(self) -> None:
        whole("RNN", "units", self.units)
        choice("RNN", "activation", self.activation, ("tanh", "relu"))
        flag("RNN", "sequences", self.sequences)
        flag("RNN", "bias", self.bias)
        if self.weights != "auto":
            initializer(self.weights)

    def output_shape(self, shape: SampleShape) -> SampleShape:
        T, _ = steps(self, shape)
        return (T, self.units) if self.sequences else (self.units,)

    def operation(self, training: bool) -> Operation:
        every, last = {
            "tanh": (rules.rnn.tanh_every, rules.rnn.tanh_last),
            "relu": (rules.rnn.relu_every, rules.rnn.relu_last),
        }[self.activation]
        return every if self.sequences else last

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {} if self.sequences else {"T": shape[0]}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        return recurrent_parameters(shape[1], self.units, self.weights, ("",), bias=self.bias)


def recurrent_parameters(
    inputs: int, units: int, weights: str | Initializer, gates: tuple[str, ...], *, bias: bool
) -> dict[str, Parameter]:
    """The weights W (inputs, units) and U (units, units) and the bias b (units,) of every gate, by formal names."""
    start = initializer("glorot") if weights == "auto" else initializer(weights)
    found: dict[str, Parameter] = {}
    for letter, rows in (("W", inputs), ("U", units)):
        found.update({f"{letter}{gate}": Parameter((rows, units), start, rows, units, True) for gate in gates})
    if bias:
        found.update({f"b{gate}": Parameter((units,), initializer("zeros"), inputs, units, False) for gate in gates})
    return found
