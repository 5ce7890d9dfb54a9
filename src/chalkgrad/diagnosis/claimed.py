"""Claimed numbers of a network's pass, or a function that gives them, diagnosed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..base.checks import as_table
from ..base.errors import ChalkgradError, DataError
from ..describe.optimizers import SGD, Optimizer, OptimizerState, as_optimizer
from ..model.gradients import Gradients
from ..model.model import Model
from ..program import names as spelled
from .diagnosis import Diagnosis
from .ground import Ground
from .points import at_other_points
from .probe import Probe, asked, by_gradient
from .verdicts import judged

Array = np.ndarray[Any, Any]
Claimed = Mapping[str, Any] | Probe


def diagnose_claims(
    network: Model,
    x: Any,
    y: Any,
    claimed: Claimed,
    *,
    learning_rate: float | None = None,
    optimizer: Optimizer | str | None = None,
    before: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    training: bool = True,
    optimizer_state: Mapping[str, Any] | OptimizerState | None = None,
    sample_weight: Any = None,
) -> Diagnosis:
    """The diagnosis of a network's claimed numbers; the arguments are those of `doors.diagnose`."""
    twin = network.copy(dtype="float64")
    x, y = twin.pair(x, y)
    if labels is not None and as_table(dict(labels) if isinstance(labels, Mapping) else labels) is None:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DataError("labels are words by address, {'W1[0, 0]': 'w1'}")
    if optimizer is None and learning_rate is not None:
        optimizer = SGD(learning_rate)
    method = None if optimizer is None else as_optimizer(optimizer, twin.dtype)
    weights = twin.sample_weights(sample_weight, y)
    trace = twin.trace(
        x, y, optimizer=method, training=training, labels=labels, optimizer_state=optimizer_state, sample_weight=weights
    )
    probe = claimed if callable(claimed) else None
    if probe is not None:
        try:
            claimed = asked(probe, twin, x, y)
        except ChalkgradError:
            raise
        except Exception as error:  # the function is somebody else's: anything may come
            rows = "; class numbers come as rows of 0 and 1, and y.argmax(axis=-1) gives them back"
            raise DataError(
                f"your function raised {type(error).__name__}: {error}. It is called with (parameters, x, y), "
                f"x {x.shape} and y {y.shape}{rows if isinstance(error, IndexError) else ''}"
            ) from error
    if isinstance(claimed, Gradients):
        claimed = by_gradient(claimed, twin)
    if callable(claimed) or not isinstance(claimed, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DataError('claims are numbers by name, {"dW1": [[...]], ...}')
    prediction = twin.program_for(training=False, weighted=weights is not None)
    following = prediction.part("forward", "loss") if method is not None else ()
    previous = None
    if before is not None:
        earlier = network.copy(dtype="float64")
        earlier.set_parameters(before)
        old = earlier.trace(x, y, optimizer=method, training=training, sample_weight=weights)
        previous = {n: old[n] for n in old if n not in (*spelled.GIVEN, "clock", "lr", "t")}
    found = judged(Ground(twin, trace, dict(claimed), following, previous, training, method, probe, optimizer_state))
    if probe is None or not found.correct or method is not None or weights is not None:
        return found

    def diagnosed(network: Model, x: Array, y: Array) -> Diagnosis:
        numbers = asked(probe, network, x, y)
        trace = network.trace(x, y, training=training)
        return judged(Ground(network, trace, numbers, (), None, training, None, probe, None))

    return at_other_points(found, twin, x, y, diagnosed)
