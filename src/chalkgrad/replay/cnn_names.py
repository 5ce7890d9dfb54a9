"""The values of the worked example cnn under the names that the notebook gives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..examples.example import Example
from ..explain.trace import Trace
from .figure import Value

Array = np.ndarray[Any, Any]


def by_name(example: Example, trace: Trace) -> dict[str, Value]:
    """The correct values of everything that the document prints of one pass.

    Args:
        example: the worked example.
        trace: one pass of it with its update, from whatever weights.
    """
    o1, o2 = trace["y_hat"][0]
    t1, t2 = trace["y"][0]
    # with the other output's own value as its target, only one of the two errors is left
    only_e1 = _loss_and_gradient(example, trace, (t1, o2))
    only_e2 = _loss_and_gradient(example, trace, (o1, t2))
    slopes = trace["dz3"][0] / trace["dy_hat"][0]
    h1, h2 = trace["a2"][0]
    values: dict[str, Value] = {
        "w_conv": trace["W1"][0, 0],
        "feature_map": trace["z1"][0, 0],
        "pooled_feature_map": trace["p1"][0, 0],
        "flattened_features": trace["f1"][0],
        "sigmoid_features": trace["a1"][0],
        "H1_output": h1,
        "H2_output": h2,
        "O1_output": o1,
        "O2_output": o2,
        "E1": only_e1[0],
        "E2": only_e2[0],
        "E": float(trace["L"]),
        "dE1_dO1": only_e1[1][0],
        "dE1_dO2": only_e1[1][1],
        "dE2_dO1": only_e2[1][0],
        "dE2_dO2": only_e2[1][1],
        "dO1_dnetO1": slopes[0],
        "dO2_dnetO2": slopes[1],
        "dnetO1_dw9": h1,
        "dnetO1_dw10": h2,
        "dnetO2_dw11": h1,
        "dnetO2_dw12": h2,
        "dE_dH1": trace["da2"][0, 0],
        "dE_dH2": trace["da2"][0, 1],
        "grad_sigmoid_features": trace["da1"][0],
        "grad_flattened_features": trace["df1"][0],
        "grad_feature_map": trace["dz1"][0, 0],
        "grad_w_conv": trace["dW1"][0, 0],
        "updated_w_conv": trace["W1_new"][0, 0],
    }
    for prefix, name in (("w_", "W{}"), ("grad_w_", "dW{}"), ("updated_w_", "W{}_new")):
        numbers = [*trace[name.format(2)].T.ravel(), *trace[name.format(3)].T.ravel()]
        values |= {f"{prefix}{k}": v for k, v in enumerate(numbers, 1)}
    return values


def _loss_and_gradient(example: Example, trace: Trace, targets: tuple[float, float]) -> tuple[float, Array]:
    network = example.network.copy()
    network.set_parameters({name: trace[name] for name in network.parameters})
    result = network.trace(trace["x"], [targets])
    return float(result["L"]), result["dy_hat"][0]
