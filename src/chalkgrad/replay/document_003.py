"""Backpropagation of a Single Neuron, Backpropagation of a Layer: both trainings, and classes for a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..examples.example import Example, load_example
from . import rounded_products
from .classifier_003 import classifier_section
from .figure import Figure, Replay, Section, Value, cut, figures

Array = np.ndarray[Any, Any]

TEXT = (
    "The notes Backpropagation of a Single Neuron, Backpropagation of a Layer. The gradients are right. The losses of "
    "the single neuron and of the first listing of the layer differ in their late digits, since nnfs.init() makes "
    "np.dot round its products to float32; the second listing was run without that. The listing of the single neuron "
    "breaks off in its 27th line."
)
NEURON = (
    "36.0", "33.872397424621624", "31.87054345809546", "29.98699091998773", "28.214761511794592", "26.54726775906168",
    "24.978326552541866", "23.5021050739742", "22.11313179151597", "20.806246424284897", "19.576596334671486",
    "18.41961908608719", "17.33101994032309", "16.306757070164853", "15.343027506224132", "14.436253786815284",
    "13.583071280700132", "12.780312744165439", "12.024995767388878", "11.314319082257104", "10.64564263994962",
    "10.016485041642266", "9.424510031713222", "8.867521365009814", "8.34345204094211", "7.850353118483743", "7.3",
)  # fmt: skip
EVERY = 20
FIRST = """
loss_0 466.56000000000006
loss_20 5.329595763793193
loss_40 0.41191524253483786
loss_60 0.03183621475376345
loss_80 0.002460565405431671
loss_100 0.0001901729121621426
loss_120 1.4698120139337557e-05
loss_140 1.1359948840900371e-06
loss_160 8.779778427447647e-08
loss_180 6.785903626216421e-09
weights -0.00698895 -0.0139779 -0.02096685 -0.0279558 0.25975286 0.11950571 -0.02074143 -0.16098857 \
0.53548461 0.27096922 0.00645383 -0.25806156
biases -0.00698895 -0.04024714 -0.06451539
"""
SECOND = """
loss_0 466.56000000000006
loss_20 5.32959636083938
loss_40 0.41191523404899866
loss_60 0.031836212079467595
loss_80 0.002460565465389601
loss_100 0.000190172825660145
loss_120 1.4698126966451542e-05
loss_140 1.1359926717815175e-06
loss_160 8.779889800154524e-08
loss_180 6.7858241357822796e-09
weights -0.00698895 -0.01397789 -0.02096684 -0.02795579 0.25975286 0.11950572 -0.02074143 -0.16098857 \
0.53548461 0.27096922 0.00645383 -0.25806156
biases -0.00698895 -0.04024714 -0.06451539
"""
FLOAT32 = "np.dot rounds its products to float32, as nnfs.init() has arranged"
ROUNDING = 1e-10
"""The sum becomes small while its terms do not, so that another order of summation shows in more than the last digits:
0.0001 of terms of size 0.5 keeps twelve digits, and its square eleven."""


def replay() -> Replay:
    """Every figure of the notes."""
    neuron, layer = load_example("neuron"), load_example("layer")
    return Replay(
        "003", "One neuron, a layer, and the classes of a classifier", TEXT,
        (_neuron(neuron), *_layer(layer), _formulas(layer), classifier_section()),
    )  # fmt: skip


def _losses(example: Example) -> list[float]:
    network = example.network.copy()
    history = network.fit(
        example.x, example.y, optimizer=example.optimizer, epochs=example.steps, batch_size=None, shuffle=False
    )
    return history.column("loss")


def _neuron(example: Example) -> Section:
    correct, rounded = _losses(example), rounded_products.train(example).losses
    last = len(NEURON) - 1
    rows: list[Figure] = []
    for k, text in enumerate(NEURON):
        mistaken, mistake = rounded[k], FLOAT32
        if k == last:
            decimals = len(text.partition(".")[2])
            mistaken, mistake = cut(correct[k], decimals), "the listing breaks off within this number"
        rows.append(Figure(f"loss, iteration {k + 1}", (text,), correct[k], mistaken, mistake))
    trained = example.train()
    parameters = trained.parameters
    cut_off = "the listing breaks off before"
    rows += [
        Figure("final weights", None, parameters["W1"][:, 0], note=cut_off),
        Figure("final bias", None, parameters["b1"][0], note=cut_off),
        Figure(
            "largest relative difference of a gradient from the numerical one", None,
            example.network.check_gradients(example.x, example.y).largest_error,
            note="central differences, of which the notes speak without showing any",
        ),
    ]  # fmt: skip
    return Section("A single neuron", tuple(rows))


def _layer(example: Example) -> tuple[Section, Section]:
    losses, trained = _losses(example), example.train()
    correct: dict[str, Value] = {f"loss_{k}": losses[k] for k in range(0, example.steps, EVERY)}
    correct |= {"weights": trained.parameters["W1"].T, "biases": trained.parameters["b1"]}
    rounded = rounded_products.train(example)
    mistaken: dict[str, Value] = {f"loss_{k}": rounded.losses[k] for k in range(0, example.steps, EVERY)}
    mistaken |= {"weights": rounded.weights, "biases": rounded.biases}
    return (
        Section(
            "A layer of three neurons, first listing",
            figures(FIRST, correct, mistaken, dict.fromkeys(mistaken, FLOAT32), tolerance=ROUNDING),
        ),
        Section("A layer of three neurons, second listing", figures(SECOND, correct, tolerance=ROUNDING)),
    )


def _formulas(example: Example) -> Section:
    trace = example.trace()
    weights = trace["W1"].T
    later = example.trace(after=example.steps)
    mask = (later["z1"] > 0) * 1.0
    common = later["dy_hat"][0, 0] * np.ones(3)
    x = np.array([example.x[0], example.x[0][::-1]])
    y = np.zeros((2, *example.y.shape[1:]))
    g1, g2 = (example.network.gradients(x[i : i + 1], y[i : i + 1])["W1"] for i in range(2))
    # the network's loss is the mean over the samples
    total = example.network.gradients(x, y)["W1"] * len(x)
    return Section(
        "A layer of three neurons, formulas",
        (
            Figure("dl/dW, outer product of dl/dZ and X", None, trace["dW1"].T, formula=trace["dz1"].T @ trace["x"]),
            Figure("dl/dB = dl/dZ", None, trace["db1"][None], formula=trace["dz1"]),
            Figure("dl/dX = dl/dZ W", None, trace["dx"], formula=trace["dz1"] @ weights),
            Figure(
                "dl/dX = dl/dZ W^T, the weights as Layer_Dense has them", None, trace["dx"],
                formula=trace["dz1"] @ trace["W1"].T,
            ),
            Figure(
                "gradient of a batch's total loss, the sum of the samples'", None, total, formula=g1 + g2,
                note="with two samples of ours",
            ),
            Figure(
                "dl/dB after the 200 updates, one value for all neurons", None, later["db1"],
                mistake="a neuron whose ReLU is closed has the derivative 0",
                note="the notes take all neurons of a layer to have the same derivative",
                formula=common, mended=common * mask[0],
            ),
        ),
    )  # fmt: skip
