"""Forward propagation, Back pass, Matrix notation: two layers of two neurons, once in scalars and once in matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..examples.example import load_example
from ..explain.trace import Trace
from .figure import Figure, Replay, Section, cut, figures

Array = np.ndarray[Any, Any]

TEXT = (
    "The notebook with the headings Forward propagation, Back pass, Matrix notation. Its forward pass and its output "
    "layer are right, in scalars and in matrices. Of the first layer the scalar pass is right; the matrix pass makes "
    "two mistakes at once, and only both together give the printed matrix. Its matrices are outputs x inputs."
)
FORWARD = """
h_input 0.3775 0.3925
h_output 0.59326999 0.59688438
o_in 1.10590597 1.2249214
o_out 0.75136507 0.77292847
"""
SCALARS = """
W2_new 0.35891648 0.40866619 0.51130127 0.56137012
w_1 0.1497807161327628
w_2 0.19956
w_3 0.2497
w_4 0.2995
"""
MATRICES = """
hout 0.59326999 0.59688438
net_out 0.75136507 0.77292847
dw2 0.08216704 0.08266763 -0.02260254 -0.02274024
W2_new 0.35891648 0.40866619 0.51130127 0.56137012
W1_new 0.14976095 0.1995219 0.24969829 0.29939658
"""
NO_BIAS = "the bias is left out where the activation's derivative is taken"


def replay() -> Replay:
    """Every figure of the notebook."""
    trace = load_example("two_layers").trace()
    new1, new2 = trace["W1_new"].T, trace["W2_new"].T
    forward = {"h_input": trace["z1"], "h_output": trace["a1"], "o_in": trace["z2"], "o_out": trace["y_hat"]}
    weights = {f"w_{k}": w for k, w in enumerate(new1.ravel(), 1)}
    matrices = {"hout": trace["a1"], "net_out": trace["y_hat"], "dw2": trace["dW2"].T, "W2_new": new2, "W1_new": new1}
    delta1 = (trace["W2"] @ trace["dz2"].T) * slope(trace["z1"]).T
    return Replay(
        "002", "Two layers of two neurons", TEXT,
        (
            Section("Forward pass", figures(FORWARD, forward)),
            Section(
                "Backward pass in scalars",
                figures(
                    SCALARS, {"W2_new": new2, **weights}, {"w_3": cut(weights["w_3"], 4)},
                    {"w_3": "its digits are cut off after the fourth, not rounded"},
                ),
            ),
            Section(
                "Matrix notation",
                figures(
                    MATRICES, matrices, {"W1_new": first_layer(trace)},
                    {"W1_new": f"W_2 is not transposed when it carries the error back, and {NO_BIAS}"},
                ),
            ),
            Section(
                "Matrix notation, the equations",
                (
                    Figure(
                        "delta_2", None, trace["dz2"].T, mistake=NO_BIAS,
                        formula=(trace["y_hat"] - trace["y"]).T * slope(trace["W2"].T @ trace["a1"].T),
                        mended=(trace["y_hat"] - trace["y"]).T * slope(trace["z2"].T),
                        note="the listing has the bias here",
                    ),
                    Figure(
                        "delta_1", None, trace["dz1"].T, mistake=NO_BIAS,
                        formula=(trace["W2"] @ trace["dz2"].T) * slope(trace["W1"].T @ trace["x"].T),
                        mended=delta1,
                        note="the equation has the transpose that the listing lacks",
                    ),
                    Figure("dE/dW_2 = delta_2 h_out^T", None, trace["dW2"].T, formula=trace["dz2"].T @ trace["a1"]),
                    Figure("dE/dW_1 = delta_1 net_in^T", None, trace["dW1"].T, formula=trace["dz1"].T @ trace["x"]),
                ),
            ),
        ),
    )  # fmt: skip


def slope(z: Array) -> Array:
    """The derivative of the sigmoid."""
    a = 1 / (1 + np.exp(-z))
    return a * (1 - a)


def first_layer(trace: Trace, *, transposed: bool = False, bias: bool = False) -> Array:
    """The notebook's new W_1 (outputs x inputs), by its own calculation, or with one mistake taken out or both."""
    w1, w2 = trace["W1"].T, trace["W2"].T
    error = (w2.T if transposed else w2) @ trace["dz2"].T
    z = w1 @ trace["x"].T
    delta = error * slope(z + trace["b1"][:, None] if bias else z)
    return w1 - float(trace["lr"]) * delta @ trace["x"]
