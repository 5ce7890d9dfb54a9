"""A function of somebody's that gives gradients: asked with copies, answered by the network's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from ..base.errors import DataError
from ..model.model import Model

Array = np.ndarray[Any, Any]
Probe = Callable[[dict[str, Array], Array, Array], Mapping[str, Any]]
"""Of the parameters, samples and targets."""


def asked(probe: Probe, network: Model, x: Array, y: Array) -> dict[str, Any]:
    """What the function gives for the network's parameters, x and y, as claims.

    Raises:
        DataError: where it gives something else than numbers by name.
    """
    parameters = {name: array.copy() for name, array in network.parameters.items()}
    return by_gradient(probe(parameters, x.copy(), y.copy()), network)


def by_gradient(answer: Any, network: Model) -> dict[str, Any]:
    """Claims in which the parameters' names stand for their gradients."""
    if not isinstance(answer, Mapping):
        raise DataError("the function must give gradients by the parameters' names, {'W1': ...}")
    numbers = cast("Mapping[str, Any]", answer)
    return {network.program.derivative_of.get(n, n) if n in network.parameters else n: v for n, v in numbers.items()}
