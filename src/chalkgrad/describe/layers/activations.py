"""Activations: functions of each value by itself, and softmax, a function of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ... import rules
from ...base.checks import choice, number
from ...rules import Operation
from .layer import Layer, SampleShape, flat


@dataclass(frozen=True, slots=True)
class Activation(Layer):
    """Base of the activations."""

    rectifies: ClassVar[bool] = False
    """Whether it passes about half of its inputs: "auto" weights before it start by He's rule."""


@dataclass(frozen=True, slots=True)
class Sigmoid(Activation):
    """a = 1 / (1 + exp(-z)), element by element."""

    def operation(self, training: bool) -> Operation:
        return rules.sigmoid.operation


@dataclass(frozen=True, slots=True)
class Tanh(Activation):
    """a = tanh(z), element by element."""

    def operation(self, training: bool) -> Operation:
        return rules.tanh.operation


@dataclass(frozen=True, slots=True)
class ReLU(Activation):
    """a = max(z, 0), element by element; the derivative at 0 is taken as 0."""

    rectifies: ClassVar[bool] = True

    def operation(self, training: bool) -> Operation:
        return rules.relu.operation


@dataclass(frozen=True, slots=True)
class LeakyReLU(Activation):
    """a = z above 0, slope * z below; the derivative at 0 is taken as the slope."""

    rectifies: ClassVar[bool] = True

    slope: float = 0.01

    def check(self) -> None:
        number("LeakyReLU", "slope", self.slope, 0.0)

    def operation(self, training: bool) -> Operation:
        return rules.leaky_relu.operation

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"slope": self.slope}


@dataclass(frozen=True, slots=True)
class ELU(Activation):
    """a = z above 0, alpha * (exp(z) - 1) below."""

    rectifies: ClassVar[bool] = True

    alpha: float = 1.0

    def check(self) -> None:
        number("ELU", "alpha", self.alpha, 0.0)

    def operation(self, training: bool) -> Operation:
        return rules.elu.operation

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"alpha": self.alpha}


@dataclass(frozen=True, slots=True)
class GELU(Activation):
    """a = z * Phi(z), Phi the normal distribution function; exact, or `approximate="tanh"`."""

    rectifies: ClassVar[bool] = True

    approximate: str = "none"

    def check(self) -> None:
        choice("GELU", "approximate", self.approximate, ("none", "tanh"))

    def operation(self, training: bool) -> Operation:
        return rules.gelu.tanh_operation if self.approximate == "tanh" else rules.gelu.operation

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"slope": rules.gelu.SLOPE, "cubic": rules.gelu.CUBIC} if self.approximate == "tanh" else {}


@dataclass(frozen=True, slots=True)
class Softplus(Activation):
    """a = log(1 + exp(z)), element by element."""

    rectifies: ClassVar[bool] = True

    def operation(self, training: bool) -> Operation:
        return rules.softplus.operation


@dataclass(frozen=True, slots=True)
class SiLU(Activation):
    """a = z / (1 + exp(-z)), element by element."""

    rectifies: ClassVar[bool] = True

    def operation(self, training: bool) -> Operation:
        return rules.silu.operation


@dataclass(frozen=True, slots=True)
class Softmax(Activation):
    """Rows of probabilities: a = exp(z) / sum(exp(z)) along the last axis of (N, K) or (N, T, K)."""

    per_step: ClassVar[bool] = True

    def output_shape(self, shape: SampleShape) -> SampleShape:
        flat(self, shape)
        return shape

    def operation(self, training: bool) -> Operation:
        return rules.softmax.operation
