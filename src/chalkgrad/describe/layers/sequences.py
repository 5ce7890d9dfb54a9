"""Layers over sequences (N, T, D), and over the ids (N, T) that stand for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from ... import rules
from ...base.checks import choice, flag, whole
from ...base.errors import OneShapeError, OptionError, ShapeError
from ...rules import Operation
from ...rules.recurrence import Recurrence
from ..initializers import Constant, Initializer, Normal, initializer
from .layer import Layer, Parameter, SampleShape, rows_text


def steps(layer: Layer, shape: SampleShape, source: int = 0) -> tuple[int, int]:
    """T and D of a sequence, which is that value of those that a layer takes. Raises ShapeError where none comes in."""
    if len(shape) != 2:
        cure = (
            "put an Embedding before it, if these are ids, or give the network input_shape=(steps, features)"
            if len(shape) == 1
            else "give the network input_shape=(steps, features)"
        )
        came = f"{layer.kind} takes sequences, shape (N, T, D), but {rows_text(shape)} comes in"
        raise OneShapeError(f"{came}; {cure}", source)
    return shape[0], shape[1]


@dataclass(frozen=True, slots=True)
class Embedding(Layer):
    """A table of weights: every id, a whole number from 0 to ids - 1, stands for one of its rows.

    Shapes: x (N, T) whole numbers, W (ids, units), e (N, T, units).

    Attributes:
        ids: how many different ids there are.
        units: the length of a row.
        weights: how W starts: an initialiser or its name; "auto" draws from the normal distribution of deviation
            1/sqrt(units), so that rows have a length of about 1, and logits that the last layer makes with the table
            a deviation of about 1 (the Transformer's authors' own code, tensor2tensor; fairseq). "normal(1)" is
            PyTorch's, "uniform(0.05)" Keras's, "normal(0.02)" GPT-2's.
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
        start = Normal(self.units**-0.5) if self.weights == "auto" else initializer(self.weights)
        return {"W": Parameter((self.ids, self.units), start, self.ids, self.units, True)}


@dataclass(frozen=True, slots=True)
class Recurrent(Layer):
    """Base of the layers that go through a sequence step by step; h is what they hand on, 0 before the first step.

    Attributes:
        units: the length of h.
        sequences: whether every step's h goes on, (N, T, units), or the last one's, (N, units).
        reverse: whether time runs from the last step to the first; "the step before" is then the one after, and the
            last h that of the first step.
        bidirectional: whether there are two such layers, one that runs forwards and one that runs backwards, with what
            they give side by side: (N, T, 2 units) or (N, 2 units). Their values are called right.h and left.h; with a
            name, right_name.h and left_name.h.
        bias: whether there are biases.
        weights: how the matrices start: an initialiser or its name; "auto" is "glorot".
    """

    units: int
    sequences: bool = field(default=False, kw_only=True)
    reverse: bool = field(default=False, kw_only=True)
    bidirectional: bool = field(default=False, kw_only=True)
    bias: bool = field(default=True, kw_only=True)
    weights: str | Initializer = field(default="auto", kw_only=True)

    def check(self) -> None:
        whole(self.kind, "units", self.units)
        for name in ("sequences", "reverse", "bidirectional", "bias"):
            flag(self.kind, name, getattr(self, name))
        if self.reverse and self.bidirectional:
            raise OptionError(f"{self.kind}: bidirectional=True runs both ways already; leave reverse out")
        if self.weights != "auto":
            initializer(self.weights)

    def directions(self, right: str, left: str) -> tuple[Self, Self]:
        """The two layers that a bidirectional one stands for, of these names."""
        forwards = replace(self, bidirectional=False, of=None, name=right)
        return forwards, replace(forwards, reverse=True, name=left)

    def recurrence(self) -> Recurrence:
        """The operations of the layer."""
        raise NotImplementedError

    def output_shape(self, shape: SampleShape) -> SampleShape:
        T, _ = steps(self, shape)
        return (T, self.units) if self.sequences else (self.units,)

    def operation(self, training: bool) -> Operation:
        return self.recurrence().operation(sequences=self.sequences, reverse=self.reverse)

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"T": shape[0]}

    def gates(self, inputs: int, gates: str, biases: Mapping[str, float]) -> dict[str, Parameter]:
        """The weights W (inputs, units) and U (units, units) of every gate, and biases (units,), by formal names.

        Args:
            inputs: the length of a step.
            gates: the gates' letters; a space for none.
            biases: the biases' names with the numbers that they start from.
        """
        start = initializer("glorot") if self.weights == "auto" else initializer(self.weights)
        found: dict[str, Parameter] = {}
        for letter, rows in (("W", inputs), ("U", self.units)):
            for gate in gates:
                shape = (rows, self.units)
                found[f"{letter}{gate}".strip()] = Parameter(shape, start, rows, self.units, True)
        for name, value in biases.items() if self.bias else ():
            found[name] = Parameter((self.units,), Constant(value), inputs, self.units, False)
        return found


@dataclass(frozen=True, slots=True)
class RNN(Recurrent):
    """A recurrent layer: z = x W + h' U + b and h = tanh z, where h' is the h of the step before.

    Shapes: x (N, T, I), W (I, units), U (units, units), b (units,); h (N, T, units), or the last step's (N, units).

    Attributes:
        activation: "tanh" or "relu".
    """

    activation: str = "tanh"

    def check(self) -> None:
        Recurrent.check(self)
        choice("RNN", "activation", self.activation, ("tanh", "relu"))

    def recurrence(self) -> Recurrence:
        return rules.rnn.with_tanh if self.activation == "tanh" else rules.rnn.with_relu

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        return self.gates(shape[1], " ", {"b": 0.0})


@dataclass(frozen=True, slots=True)
class LSTM(Recurrent):
    """Long short-term memory: gates i, f, o = sigmoid(x W + h' U + b) and g = tanh(...), each with its own W, U and b;
    the cell c = f ⊙ c' + i ⊙ g, and h = o ⊙ tanh c, where h' and c' are those of the step before.

    bf starts at 1, so that the cell forgets little before it has learnt what to forget (Gers et al., 2000; Jozefowicz
    et al., 2015; Keras does the same); the other biases start at 0.

    Shapes: x (N, T, I), Wi Wf Wg Wo (I, units), Ui Uf Ug Uo (units, units), bi bf bg bo (units,); h (N, T, units), or
    the last step's (N, units).
    """

    def recurrence(self) -> Recurrence:
        return rules.lstm.lstm

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        return self.gates(shape[1], "ifgo", {"bi": 0.0, "bf": 1.0, "bg": 0.0, "bo": 0.0})


@dataclass(frozen=True, slots=True)
class GRU(Recurrent):
    """A gated recurrent unit: gates r and z = sigmoid(x W + h' U + b), n = tanh(x Wn + (r ⊙ h') Un + bn), and
    h = (1 - z) ⊙ n + z ⊙ h', where h' is the h of the step before.

    Shapes: x (N, T, I), Wr Wz Wn (I, units), Ur Uz Un (units, units), br bz bn cn (units,); h (N, T, units), or the
    last step's (N, units).

    Attributes:
        reset: where r meets h': "before" the product with Un as above (Cho et al., 2014), or "after" it, as PyTorch has
            it: n = tanh(x Wn + bn + r ⊙ (h' Un + cn)).
    """

    reset: str = "before"

    def check(self) -> None:
        Recurrent.check(self)
        choice("GRU", "reset", self.reset, ("before", "after"))

    def recurrence(self) -> Recurrence:
        return rules.gru.before if self.reset == "before" else rules.gru.after

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        names = ("br", "bz", "bn") if self.reset == "before" else ("br", "bz", "bn", "cn")
        return self.gates(shape[1], "rzn", dict.fromkeys(names, 0.0))
