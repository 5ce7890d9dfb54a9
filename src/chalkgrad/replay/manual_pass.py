"""The notebook's two passes by hand, mistakes included, each of which can be left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Named = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Which of the document's mistakes are made.

    Attributes:
        crossed: O1 is compared with the target of O2 for w10 and H2, and O2 with that of O1 for w11 and H1.
        early: w9 to w12 are updated before they carry the error back, and w1 to w8 likewise.
        one_slope: the sigmoid's slope at O1 is taken for both outputs on the way to H1, that at O2 on the way to H2.
    """

    crossed: bool = True
    early: bool = True
    one_slope: bool = True


ALL = Mistakes()


def sigmoid(z: Any) -> Any:
    """1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


def initial(kernel: Array, hidden: Array, out: Array) -> dict[str, Array]:
    """The document's weights from the network's W1 (1, 1, 2, 2), W2 (4, 2) and W3 (2, 2).

    `conv` is the kernel, the rows of `hidden` are w1 to w4 and w5 to w8, those of `out` w9, w10 and w11, w12.
    """
    return {"conv": kernel[0, 0].copy(), "hidden": hidden.T.copy(), "out": out.T.copy()}


def forward(weights: Named, image: Array) -> dict[str, Array]:
    """The values of a forward pass, as the document names them, for an image (5, 5)."""
    side = range(image.shape[0] - 1)
    kernel = weights["conv"]
    values: dict[str, Array] = {}
    values["feature_map"] = np.array([[np.sum(image[i : i + 2, j : j + 2] * kernel) for j in side] for i in side])
    values["pooled_feature_map"] = np.array(
        [[values["feature_map"][i : i + 2, j : j + 2].max() for j in (0, 2)] for i in (0, 2)]
    )
    values["flattened_features"] = values["pooled_feature_map"].ravel()
    values["sigmoid_features"] = sigmoid(values["flattened_features"])
    values["H"] = sigmoid(weights["hidden"] @ values["sigmoid_features"])
    values["O"] = sigmoid(weights["out"] @ values["H"])
    return values


def errors(outputs: Array, targets: Array) -> dict[str, Any]:
    """E1, E2 and their sum."""
    each = (outputs - targets) ** 2
    return {"E1": each[0], "E2": each[1], "E": each[0] + each[1]}


def backward(
    weights: Named,
    now: Named,
    targets: Array,
    rate: float,
    mistakes: Mistakes = ALL,
    slopes: Named | None = None,
) -> tuple[dict[str, Any], dict[str, Array]]:
    """The derivatives and gradients by the document's names, and the weights w1 to w12 updated.

    Args:
        weights: before the update.
        now: the forward pass with them.
        targets: (2,).
        rate: the learning rate.
        mistakes: which of them are made.
        slopes: the forward pass whose O and H stand in the derivatives at the output; `now` if not given.
    """
    source = now if slopes is None else slopes
    # compared[i][j]: output i with target j; only i == j is right
    compared = 2 * (now["O"][:, None] - targets)
    slope = source["O"] * (1 - source["O"])
    output_errors = compared if mistakes.crossed else np.repeat(np.diag(compared)[:, None], 2, axis=1)
    out_gradients = output_errors * slope[:, None] * source["H"]
    new_out = weights["out"] - rate * out_gradients
    carrying = new_out if mistakes.early else weights["out"]
    # the column j goes to the hidden neuron j
    to_hidden = slope[None, :] if mistakes.one_slope else slope[:, None]
    hidden_errors = (output_errors * carrying * to_hidden).sum(axis=0)
    inside = hidden_errors * now["H"] * (1 - now["H"])
    hidden_gradients = inside[:, None] * now["sigmoid_features"]
    new_hidden = weights["hidden"] - rate * hidden_gradients
    values = {
        "dE1_dO1": compared[0, 0],
        "dO1_dnetO1": slope[0],
        "dnetO1_dw9": source["H"][0],
        "dE2_dO1": compared[0, 1],
        "dnetO1_dw10": source["H"][1],
        "dE1_dO2": compared[1, 0],
        "dO2_dnetO2": slope[1],
        "dnetO2_dw11": source["H"][0],
        "dE2_dO2": compared[1, 1],
        "dnetO2_dw12": source["H"][1],
        "dE_dH1": hidden_errors[0],
        "dE_dH2": hidden_errors[1],
        "grad_sigmoid_features": inside @ (new_hidden if mistakes.early else weights["hidden"]),
    }
    values |= {f"grad_w_{k}": g for k, g in enumerate([*hidden_gradients.ravel(), *out_gradients.ravel()], 1)}
    values |= {f"updated_w_{k}": w for k, w in enumerate([*new_hidden.ravel(), *new_out.ravel()], 1)}
    return values, {**weights, "hidden": new_hidden, "out": new_out}


def kernel_step(
    weights: Named, now: Named, image: Array, gradient: Array, rate: float
) -> tuple[dict[str, Array], dict[str, Array]]:
    """From the gradient of the sigmoid features (4,) on to the kernel, and the weights with it updated."""
    features = now["sigmoid_features"]
    flattened = gradient * features * (1 - features)
    on_map = np.zeros_like(now["feature_map"])
    for k, value in enumerate(flattened):
        top, left = 2 * (k // 2), 2 * (k % 2)
        window = now["feature_map"][top : top + 2, left : left + 2]
        row, column = divmod(int(window.argmax()), 2)
        on_map[top + row, left + column] = value
    of_kernel = np.array([[np.sum(image[i : i + 4, j : j + 4] * on_map) for j in (0, 1)] for i in (0, 1)])
    updated = weights["conv"] - rate * of_kernel
    values = {
        "grad_flattened_features": flattened,
        "grad_feature_map": on_map,
        "grad_w_conv": of_kernel,
        "updated_w_conv": updated,
    }
    return values, {**weights, "conv": updated}
