"""Neural Network from Scratch: the formulas of a two-layer perceptron; it prints no numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..examples.example import Example, load_example
from ..explain.trace import Trace
from .figure import Figure, Replay, Section

Array = np.ndarray[Any, Any]

TEXT = (
    "Neural Network from Scratch derives the gradients of a two-layer perceptron and gives no numbers. So its formulas "
    "are taken at their word with the numbers of the worked example perceptron, and compared with the network's own "
    "values. The derivation is right; the listing of the forward pass and two of the general formulas are not. The "
    "same equations are written by chalkgrad derive perceptron in matrix form, and by chalkgrad explain perceptron in "
    "scalar form."
)


def replay() -> Replay:
    """Every formula of the text."""
    example = load_example("perceptron")
    trace = example.trace()
    return Replay(
        "001", "The formulas of a two-layer perceptron", TEXT,
        (
            _forward(trace), _output_layer(trace), _hidden_layer(trace), _general(example), _updates(trace),
            _batch(example),
        ),
    )  # fmt: skip


def sigmoid(z: Array) -> Array:
    """The activation phi of both layers in the worked example."""
    return 1 / (1 + np.exp(-z))


def slope(z: Array) -> Array:
    """phi', the derivative of the activation."""
    return sigmoid(z) * (1 - sigmoid(z))


def _forward(trace: Trace) -> Section:
    x, w1, b1, w2, b2 = (trace[n] for n in ("x", "W1", "b1", "W2", "b2"))
    a1 = sigmoid(np.dot(x, w1) + b1)
    wrong, right = np.dot(x, w1) + b2, np.dot(a1, w2) + b2
    mistake = "X and W_1 stand where a_1 and W_2 belong"
    return Section(
        "5.2 Forward pass",
        (
            Figure("z_1", None, trace["z1"], formula=np.dot(x, w1) + b1),
            Figure("a_1", None, trace["a1"], formula=a1),
            Figure("z_2", None, trace["z2"], mistake=mistake, formula=wrong, mended=right),
            Figure(
                "y_hat", None, trace["y_hat"], mistake="it follows from the wrong z_2",
                formula=sigmoid(wrong), mended=sigmoid(right),
            ),
        ),
    )  # fmt: skip


def _loss_slope(trace: Trace) -> Array:
    """dL/dy_hat of half the squared error, averaged over the samples."""
    return (trace["y_hat"] - trace["y"]) / len(trace["y"])


def _output_layer(trace: Trace) -> Section:
    delta = _loss_slope(trace) * slope(trace["z2"])
    a1 = trace["a1"]
    n, inputs, outputs = range(len(delta)), range(a1.shape[1]), range(delta.shape[1])
    by_element = [[sum(delta[i, j] * a1[i, k] for i in n) for j in outputs] for k in inputs]
    return Section(
        "5.4 Output layer",
        (
            Figure("error term delta_j(2)", None, trace["dz2"], formula=delta),
            Figure("dL/dw_kj(2) = delta_j(2) a_k(1)", None, trace["dW2"], formula=np.array(by_element)),
            Figure("dL/db_j(2) = delta_j(2)", None, trace["db2"], formula=delta.sum(axis=0)),
        ),
    )


def _hidden_layer(trace: Trace) -> Section:
    delta = _carried_back(trace)
    x = trace["x"]
    n, inputs, outputs = range(len(delta)), range(x.shape[1]), range(delta.shape[1])
    by_element = [[sum(delta[i, j] * x[i, k] for i in n) for j in outputs] for k in inputs]
    return Section(
        "5.4 Hidden layer",
        (
            Figure("error term delta_j(1)", None, trace["dz1"], formula=delta),
            Figure("dL/dw_kj(1) = delta_j(1) x_k", None, trace["dW1"], formula=np.array(by_element)),
            Figure("dL/db_j(1) = delta_j(1)", None, trace["db1"], formula=delta.sum(axis=0)),
        ),
    )


def _carried_back(trace: Trace) -> Array:
    """The scalar form: sum_k w_jk phi'(z_j) delta_k, sample by sample and neuron by neuron."""
    w2, delta2, slopes = trace["W2"], trace["dz2"], slope(trace["z1"])
    n, hidden, outputs = range(len(delta2)), range(w2.shape[0]), range(w2.shape[1])
    return np.array([[sum(w2[j, k] * slopes[i, j] * delta2[i, k] for k in outputs) for j in hidden] for i in n])


def _general(example: Example) -> Section:
    trace = example.trace()
    # 6.2 speaks of columns, so one sample is taken
    single = example.network.trace(example.x[:1], example.y[:1])
    column, slopes = single["dz2"].T, slope(single["z1"]).T
    delta1, a0 = single["dz1"][0], single["x"][0]
    return Section(
        "6 General formulas",
        (
            Figure("6.1 scalar form, delta_j of the output", None, trace["dz2"], formula=_output_terms(trace)),
            Figure(
                "6.1 matrix form, delta of the output", None, trace["dz2"],
                formula=np.multiply(_loss_slope(trace), slope(trace["z2"])),
            ),
            Figure("6.2 scalar form, delta_j of layer l", None, trace["dz1"], formula=_carried_back(trace)),
            Figure(
                "6.2 matrix form, delta of layer l", None, single["dz1"].T,
                mistake=(
                    "with w_jk from neuron j to neuron k, as in the scalar form, the columns are multiplied by w "
                    "itself, not by its transpose"
                ),
                note="with samples as rows, as in 6.4, it is delta w^T",
                formula=(single["W2"].T @ column) * slopes, mended=(single["W2"] @ column) * slopes,
            ),
            Figure(
                "largest difference of (delta w^T) * phi' from the delta of layer l", None,
                float(np.max(np.abs((trace["dz2"] @ trace["W2"].T) * slope(trace["z1"]) - trace["dz1"]))),
                note="6.2 with the transpose where samples as rows need it",
            ),
            Figure("6.3 scalar form, dL/db_j = delta_j", None, single["db1"], formula=delta1),
            Figure("6.3 matrix form, dL/dB = delta", None, single["db1"][None], formula=single["dz1"]),
            Figure(
                "6.4 scalar form, dL/dw_jk = a_k delta_j", None, single["dW1"],
                mistake="the indices of the weight are swapped: w_jk goes from neuron j to neuron k, as in 6.2",
                note="with w_kj, as in 5.4, it is right",
                formula=_elements(delta1, a0), mended=_elements(a0, delta1),
            ),
            Figure("6.4 matrix form, dL/dW = A^T delta", None, trace["dW2"], formula=trace["a1"].T @ trace["dz2"]),
        ),
    )  # fmt: skip


def _output_terms(trace: Trace) -> Array:
    rows, slopes = _loss_slope(trace), slope(trace["z2"])
    return np.array([[rows[i, j] * slopes[i, j] for j in range(rows.shape[1])] for i in range(len(rows))])


def _elements(first: Array, second: Array) -> Array:
    """The matrix whose element j, k is first_j second_k."""
    return np.array([[f * s for s in second] for f in first])


def _updates(trace: Trace) -> Section:
    rate = float(trace["lr"])
    return Section(
        "5.3 Update",
        tuple(
            Figure(f"{name} + Delta {name}", None, trace[f"{name}_new"], formula=trace[name] - rate * trace[f"d{name}"])
            for name in ("W1", "b1", "W2", "b2")
        ),
    )


def _batch(example: Example) -> Section:
    network = example.network
    whole = network.gradients(example.x, example.y)
    singles = [network.gradients(example.x[i : i + 1], example.y[i : i + 1]) for i in range(len(example.x))]
    passes = [network.trace(example.x[i : i + 1], example.y[i : i + 1]) for i in range(len(example.x))]
    # what a pass without 1/N carries back: a row for every sample
    rows, hidden = (np.concatenate([p[name] for p in passes]) for name in ("dz2", "a1"))
    return Section(
        "Notes *1 and *2: averages over the batch",
        (
            Figure("*1: mean of the N rows carried back to b_2", None, whole["b2"], formula=rows.mean(axis=0)),
            Figure(
                "*2: A^T delta, summed over the batch, by N", None, whole["W2"], formula=hidden.T @ rows / len(rows)
            ),
            *(
                Figure(f"mean of the samples' gradients of {name}", None, whole[name], formula=_mean(singles, name))
                for name in ("W1", "b1", "W2", "b2")
            ),
        ),
    )


def _mean(gradients: Sequence[dict[str, Array]], name: str) -> Array:
    return sum((g[name] for g in gradients), np.zeros_like(gradients[0][name])) / len(gradients)
