"""Scaling of inputs and of targets, by numbers that are learned from the samples before a training begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ... import rules
from ...rules import Operation
from .layer import Layer, SampleShape, State


@dataclass(frozen=True, slots=True)
class Scaling(Layer):
    """Base of the layers that scale; mu and sigma are states. A sigma of 0 says that they are not learned yet."""

    per_step: ClassVar[bool] = True

    def states(self, shape: SampleShape) -> dict[str, State]:
        return {"mu": State((shape[0],), 0.0), "sigma": State((shape[0],), 0.0)}


@dataclass(frozen=True, slots=True)
class Standardize(Scaling):
    """x_hat = (x - mu) / sigma for every feature of (N, C) or (N, T, C), or every channel of (N, C, H, W).

    mu and sigma are the mean and the standard deviation of what comes in, over the samples of the first `fit` (or
    those that `Network.adapt` is given); they are not trained. A feature that is constant has sigma 1. They are saved
    with the network. scikit-learn's StandardScaler and Keras' Normalization do the same.
    """

    learns: ClassVar[str] = "inputs"

    def operation(self, training: bool) -> Operation:
        return rules.standardize.operation


@dataclass(frozen=True, slots=True)
class Unstandardize(Scaling):
    """y_hat = u * sigma + mu, the last line of a regression: from values of size 1 about 0 to the targets' unit.

    mu and sigma are the mean and the standard deviation of the targets, over the samples of the first `fit`; they are
    not trained. Take the loss `SquaredError(scale="variance")` with it, whose gradient does not grow with the unit.
    """

    learns: ClassVar[str] = "targets"

    def operation(self, training: bool) -> Operation:
        return rules.standardize.back
