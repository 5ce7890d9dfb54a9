"""A Step by Step Backpropagation Example (Mazur, 2015): its published figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..examples.example import Example, load_example
from .figure import Figure, Replay, Section, Value, figures

Array = np.ndarray[Any, Any]

TEXT = (
    "The example on the web by M. Mazur (2015), much copied: two inputs, two hidden neurons, two outputs, learning "
    "rate 0.5. The figures of the first pass and the eight new weights are right, but for the last digit of one. The "
    "error after one step only comes out where the output layer is updated first and the error is then carried back "
    "through the new weights, and so do the outputs after 10,000 steps; the error printed beside them comes from "
    "correct gradients, one step earlier."
)
FORWARD = """
net_h1 0.3775
out_h1 0.593269992
out_h2 0.596884378
net_o1 1.105905967
out_o1 0.75136507
out_o2 0.772928465
E_o1 0.274811083
E_o2 0.023560026
E_total 0.298371109
"""
OUTPUT_LAYER = """
dE_total/dout_o1 0.74136507
dout_o1/dnet_o1 0.186815602
dE_total/dw5 0.082167041
w5_new 0.35891648
w6_new 0.408666186
w7_new 0.511301270
w8_new 0.561370121
"""
HIDDEN_LAYER = """
dE_o1/dnet_o1 0.138498562
dE_o1/dout_h1 0.055399425
dE_o2/dout_h1 -0.019049119
dE_total/dout_h1 0.036350306
dout_h1/dnet_h1 0.241300709
dE_total/dw1 0.000438568
w1_new 0.149780716
w2_new 0.19956143
w3_new 0.24975114
w4_new 0.29950229
"""
ERROR_1 = ("0.291027924",)
ERROR_10000 = ("0.0000351085",)
OUTPUTS = ("0.015912196", "0.984065734")
STEPS = 10_000
EARLY = "the output layer is updated first, and the error is carried back through its new weights"
ROUNDED_EARLY = {"dE_o2/dout_h1": "its factor dE_o2/dnet_o2 is rounded to nine decimals before it is multiplied by w7"}


@dataclass(frozen=True, slots=True)
class Trained:
    """The result of a training: the error and the outputs after its last update."""

    error: float
    outputs: Array


def replay() -> Replay:
    """Every published figure."""
    example = load_example("web")
    correct = _first_pass(example)
    histories = example.network.copy().fit(
        example.x, example.y, optimizer=example.optimizer, epochs=STEPS, batch_size=None, shuffle=False
    )  # fmt: skip
    before_last = histories.column("loss")[-1]
    once, often = example.train(1), example.train(STEPS)
    early_once, early_often = updated_early(example, 1), updated_early(example, STEPS)
    return Replay(
        "web", "A Step by Step Backpropagation Example", TEXT,
        (
            Section("Forward pass", figures(FORWARD, correct)),
            Section("Output layer", figures(OUTPUT_LAYER, correct)),
            Section("Hidden layer", figures(HIDDEN_LAYER, correct, _rounded_early(example), ROUNDED_EARLY)),
            Section(
                "Training",
                (
                    Figure("error after 1 step", ERROR_1, once.loss(example.x, example.y), early_once.error, EARLY),
                    Figure(
                        "error after 10,000 steps", ERROR_10000, often.loss(example.x, example.y), before_last,
                        "it is the error before the last of the 10,000 updates, by correct gradients",
                        f"the mistake of the outputs beside it would give {early_often.error:.6g}",
                    ),
                    Figure(
                        "outputs after 10,000 steps", OUTPUTS, often.predict(example.x)[0], early_often.outputs, EARLY
                    ),
                ),
            ),
        ),
    )  # fmt: skip


def updated_early(example: Example, steps: int) -> Trained:
    """Training in which the output layer's new weights carry the error back."""
    p = example.network.parameters
    w1, w2, b1, b2 = p["W1"].copy(), p["W2"].copy(), p["b1"], p["b2"]
    x, y, rate = example.x[0], example.y[0], example.optimizer.learning_rate
    hidden = outputs = np.empty(0)

    def forward() -> None:
        nonlocal hidden, outputs
        hidden = 1 / (1 + np.exp(-(x @ w1 + b1)))
        outputs = 1 / (1 + np.exp(-(hidden @ w2 + b2)))

    forward()
    for _ in range(steps):
        delta = (outputs - y) * outputs * (1 - outputs)
        w2 -= rate * np.outer(hidden, delta)
        w1 -= rate * np.outer(x, (w2 @ delta) * hidden * (1 - hidden))
        forward()
    return Trained(float(0.5 * np.sum((outputs - y) ** 2)), outputs)


def _first_pass(example: Example) -> dict[str, Value]:
    trace = example.trace()
    z1, a1, z2, y_hat = (trace[n][0] for n in ("z1", "a1", "z2", "y_hat"))
    of_o1, of_o2 = (_only(example, k) for k in range(2))
    values: dict[str, Value] = {
        "net_h1": z1[0],
        "out_h1": a1[0],
        "out_h2": a1[1],
        "net_o1": z2[0],
        "out_o1": y_hat[0],
        "out_o2": y_hat[1],
        "E_o1": of_o1["L"],
        "E_o2": of_o2["L"],
        "E_total": float(trace["L"]),
        "dE_total/dout_o1": trace["dy_hat"][0, 0],
        "dout_o1/dnet_o1": trace["dz2"][0, 0] / trace["dy_hat"][0, 0],
        "dE_total/dw5": trace["dW2"][0, 0],
        "dE_o1/dnet_o1": trace["dz2"][0, 0],
        "dE_o1/dout_h1": of_o1["da1"][0, 0],
        "dE_o2/dout_h1": of_o2["da1"][0, 0],
        "dE_total/dout_h1": trace["da1"][0, 0],
        "dout_h1/dnet_h1": trace["dz1"][0, 0] / trace["da1"][0, 0],
        "dE_total/dw1": trace["dW1"][0, 0],
    }
    new = [*trace["W1_new"].T.ravel(), *trace["W2_new"].T.ravel()]
    return values | {f"w{k}_new": w for k, w in enumerate(new, 1)}


def _rounded_early(example: Example) -> dict[str, Value]:
    trace = example.trace()
    return {"dE_o2/dout_h1": round(float(trace["dz2"][0, 1]), 9) * float(trace["W2"][0, 1])}


def _only(example: Example, output: int) -> dict[str, Any]:
    """The pass in which this output alone has an error: the others' targets are what they give."""
    targets = example.network.predict(example.x)
    targets[0, output] = example.y[0, output]
    return dict(example.network.trace(example.x, targets))
