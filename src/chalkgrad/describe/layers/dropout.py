"""The dropout layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ... import rules
from ...base.checks import number
from ...rules import Operation
from .layer import Layer, SampleShape


@dataclass(frozen=True, slots=True)
class Dropout(Layer):
    """In training, drops each value with probability `rate` and scales the others by 1 / (1 - rate)."""

    rate: float = 0.5

    def check(self) -> None:
        number("Dropout", "rate", self.rate, 0.0, 1.0)

    def operation(self, training: bool) -> Operation | None:
        return rules.dropout.operation if training and self.rate > 0 else None

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"rate": self.rate}
