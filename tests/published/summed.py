"""Networks of the published examples over time."""

from __future__ import annotations

from typing import Any

import numpy as np

import chalkgrad as cg

Array = np.ndarray[Any, Any]


def summed(layers: list[Any], steps: int, inputs: int, parameters: dict[str, Any]) -> cg.Network:
    """A network whose loss is half the sum of the squared errors."""
    loss = cg.SquaredError(scale=0.5, reduction="sum")
    net = cg.Network(layers, input_shape=(steps, inputs), loss=loss, dtype="float64")
    net.set_parameters(parameters)
    return net


def column(values: list[float]) -> Array:
    return np.array(values)[None, :, None]
