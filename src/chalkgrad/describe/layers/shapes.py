"""Layers that change the shape: one row, one number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ... import rules
from ...rules import Operation
from .layer import Layer, SampleShape, flat


@dataclass(frozen=True, slots=True)
class Flatten(Layer):
    """Every sample in one row: (N, C, H, W) becomes (N, C*H*W), counted row by row."""

    def output_shape(self, shape: SampleShape) -> SampleShape:
        return (math.prod(shape),)

    def operation(self, training: bool) -> Operation:
        return rules.flatten.operation


@dataclass(frozen=True, slots=True)
class Sum(Layer):
    """The sum of a sample's values: (N, I) becomes (N, 1)."""

    def output_shape(self, shape: SampleShape) -> SampleShape:
        flat(self, shape)
        return (1,)

    def operation(self, training: bool) -> Operation:
        return rules.sum_outputs.operation
