"""The trainings of a neuron and of a layer with the products of np.dot rounded to float32, as nnfs.init() makes them.

nnfs.init() puts a function in the place of np.dot that multiplies in float64 and returns float32. Everything else
in the document's listings stays float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..examples.example import Example

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Training:
    """The result of a training.

    Attributes:
        losses: one for every update, before it.
        weights: at the end, (neurons, inputs).
        biases: at the end, (neurons,).
    """

    losses: list[float]
    weights: Array
    biases: Array


def train(example: Example, *, rounded: bool = True) -> Training:
    """Neurons with a ReLU, whose sum is squared: the single neuron or the layer of the document."""
    p = example.network.parameters
    weights, biases, x = p["W1"].T.copy(), p["b1"].copy(), example.x[0]
    rate = example.optimizer.learning_rate
    losses: list[float] = []
    for _ in range(example.steps):
        products = weights @ x
        if rounded:
            products = products.astype(np.float32).astype(np.float64)
        z = products + biases
        total = np.maximum(z, 0).sum()
        losses.append(float(total**2))
        dz = 2 * total * (z > 0)
        weights -= rate * np.outer(dz, x)
        biases -= rate * dz
    return Training(losses, weights, biases)
