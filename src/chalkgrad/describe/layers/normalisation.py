"""Normalisation over the batch and over a sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from ... import rules
from ...base.checks import choice, flag, number
from ...rules import Operation
from ..initializers import initializer
from .layer import Layer, Parameter, SampleShape, State


@dataclass(frozen=True, slots=True)
class BatchNorm(Layer):
    """Batch normalisation of every feature of (N, C) or every channel of (N, C, H, W).

    Training uses the batch's mean and variance and moves running averages; prediction uses these.

    Attributes:
        momentum: how far a step moves the running averages towards the batch's (PyTorch's convention).
        eps: a small number added to the variance.
        affine: whether the result is scaled by gamma (C,) and shifted by beta (C,).
    """

    momentum: float = 0.1
    eps: float = 1e-5
    affine: bool = True

    def check(self) -> None:
        number("BatchNorm", "momentum", self.momentum, 0.0, 1.0 + 1e-9)
        number("BatchNorm", "eps", self.eps, 1e-12, 1e30)
        flag("BatchNorm", "affine", self.affine)

    def operation(self, training: bool) -> Operation:
        module = rules.batch_norm
        if training:
            return module.operation if self.affine else module.unscaled
        return module.predicting if self.affine else module.predicting_unscaled

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"eps": self.eps, "momentum": self.momentum}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        return _scale_and_shift((shape[0],)) if self.affine else {}

    def states(self, shape: SampleShape) -> dict[str, State]:
        return {"running_mu": State((shape[0],), 0.0), "running_var": State((shape[0],), 1.0)}

    def bindings(self, training: bool) -> dict[str, str]:
        return {} if training else {"mu": "running_mu", "var": "running_var"}


@dataclass(frozen=True, slots=True)
class LayerNorm(Layer):
    """Layer normalisation: every sample to mean 0 and variance 1 over all its values; of a sequence every step.

    Attributes:
        eps: a small number added to the variance.
        affine: whether the result is scaled by gamma and shifted by beta, of the shape of what is normalised.
        over: "step": of sequences (N, T, D) every step by itself, over its D values; "sample": all T * D values
            together. Of other samples both mean all values.
    """

    per_step: ClassVar[bool] = True

    eps: float = 1e-5
    affine: bool = True
    over: str = field(default="step", metadata={"written": True})

    def check(self) -> None:
        number("LayerNorm", "eps", self.eps, 1e-12, 1e30)
        flag("LayerNorm", "affine", self.affine)
        choice("LayerNorm", "over", self.over, ("step", "sample"))

    @property
    def by_step(self) -> bool:
        return self.over == "step"

    def operation(self, training: bool) -> Operation:
        return rules.layer_norm.operation if self.affine else rules.layer_norm.unscaled

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"eps": self.eps}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        return _scale_and_shift(shape) if self.affine else {}


@dataclass(frozen=True, slots=True)
class RMSNorm(Layer):
    """RMS normalisation: every sample, of a sequence every step, divided by the root of the mean of its squares.

    Attributes:
        eps: a small number added to the mean of the squares.
        affine: whether the result is scaled by gamma, of the shape of what is normalised.
    """

    per_step: ClassVar[bool] = True

    eps: float = 1e-5
    affine: bool = True

    def check(self) -> None:
        number("RMSNorm", "eps", self.eps, 1e-12, 1e30)
        flag("RMSNorm", "affine", self.affine)

    def operation(self, training: bool) -> Operation:
        return rules.rms_norm.operation if self.affine else rules.rms_norm.unscaled

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"eps": self.eps}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        return {"gamma": _scale_and_shift(shape)["gamma"]} if self.affine else {}


def _scale_and_shift(shape: SampleShape) -> dict[str, Parameter]:
    ones, zeros = initializer("ones"), initializer("zeros")
    return {"gamma": Parameter(shape, ones, 1, 1, False), "beta": Parameter(shape, zeros, 1, 1, False)}
