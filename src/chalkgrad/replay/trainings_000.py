"""The notebook's class trained to the end, with its own and with correct gradients, and the same in PyTorch."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from ..describe.optimizers import SGD
from ..examples.example import Example
from . import manual_pass
from .figure import Figure, Section
from .simple_cnn import SimpleCNN

RATE = 0.01
TEXT_RATE = 0.005
BELOW = 1e-4
ITERATIONS = ("364024",)
ERROR = ("9.999979092063292e-05",)
OUTPUTS = ("0.007072593084103007", "0.9929304725768032")
TORCH_ITERATIONS = ("235742",)
TORCH_ERROR = ("9.999879694078118e-05",)
TORCH_OUTPUTS = ("0.0101", "0.9901")
UNSEEDED = "unseeded, it starts from other weights, and has biases and a ReLU besides"
ROUNDING = 1e-11
"""The relative difference that the rounding of some 364,000 updates may make on another machine."""

OWN_BACKWARD = (
    "w9 to w12 are updated before they carry the error back (their array is changed in place), H1 gets w9 + w11 times "
    "the error of O1 alone and H2 w10 + w12 times that of O2 alone, H(1 - H) is left out, and w1 to w8 are never "
    "updated"
)
CARRIED_BACK = (
    "w9 to w12 are updated before they carry the error back (their array is changed in place), H1 gets w9 + w11 times "
    "the error of O1 alone and H2 w10 + w12 times that of O2 alone, and H(1 - H) is left out"
)


def class_of_the_document(example: Example) -> SimpleCNN:
    """The document's class with the example's initial weights."""
    p = example.network.parameters
    weights = [*p["W1"].ravel(), *p["W2"].T.ravel(), *p["W3"].T.ravel()]
    return SimpleCNN(weights, example.x[0, 0], example.y[0])


def class_section(example: Example) -> Section:
    """The figures of the class's backward pass in its first step."""
    trace = example.trace()
    model = class_of_the_document(example)
    model.forward()
    model.backward(RATE)
    right, weights = _without_mistakes(example)
    corrected, _ = manual_pass.kernel_step(
        weights, manual_pass.forward(weights, example.x[0, 0]), example.x[0, 0], right["grad_sigmoid_features"], RATE
    )
    hidden = np.array([right[f"grad_w_{k}"] for k in range(1, 9)])
    return Section(
        "The class SimpleCNN, first step",
        (
            Figure("grad_w9 to grad_w12", None, trace["dW3"].T.ravel(), formula=np.array(model.out_gradients)),
            Figure(
                "grad_w1 to grad_w8", None, trace["dW2"].T.ravel(), mistake="w1 to w8 are never updated",
                formula=np.zeros(8), mended=hidden,
            ),
            Figure(
                "grad_sigmoid_features", None, trace["da1"][0], mistake=CARRIED_BACK,
                formula=np.array(model.feature_gradients), mended=right["grad_sigmoid_features"],
            ),
            Figure(
                "grad_w_conv", None, trace["dW1"][0, 0],
                mistake="it follows from the wrong gradient of the sigmoid features",
                formula=np.reshape(model.kernel_gradients, (2, 2)), mended=corrected["grad_w_conv"],
            ),
        ),
    )  # fmt: skip


def training_section(example: Example) -> Section:
    """The class trained until its error is below 1e-4, beside the same with correct gradients."""
    own = class_of_the_document(example).train(RATE, BELOW)
    slow = class_of_the_document(example).train(TEXT_RATE, BELOW)
    network = example.network.copy()
    history = network.fit(
        example.x, example.y, optimizer=SGD(RATE), epochs=None, batch_size=None, shuffle=False, stop_below=BELOW
    )
    outputs = network.predict(example.x)[0]
    return Section(
        "The class SimpleCNN, trained until the error is below 0.0001",
        (
            Figure("iterations", ITERATIONS, history.steps, own.iterations, OWN_BACKWARD),
            Figure("final error", ERROR, history.loss, own.error, OWN_BACKWARD, tolerance=ROUNDING),
            Figure("predictions for O1, O2", OUTPUTS, outputs, np.array(own.outputs), OWN_BACKWARD, tolerance=ROUNDING),
            Figure(
                "iterations with the learning rate of the text, 0.005", ITERATIONS, slow.iterations, own.iterations,
                "the text names the learning rate 0.005, the run has 0.01",
                "beside 0.005 the list of settings has 0.01; the class's own backward pass, mistakes included",
            ),
        ),
    )  # fmt: skip


def torch_section(example: Example) -> Section:
    """The figures of the document's PyTorch network, and whether PyTorch agrees with chalkgrad."""
    predictions = np.array([[float(t) for t in TORCH_OUTPUTS]])
    error = float(np.mean((predictions - example.y) ** 2))
    figures = [
        Figure("iterations", TORCH_ITERATIONS, None, lost=UNSEEDED),
        Figure("final error", TORCH_ERROR, None, lost=UNSEEDED),
        Figure("predictions for O1, O2", TORCH_OUTPUTS, None, lost=UNSEEDED, shape=(2,)),
        Figure(
            "mean squared error of these predictions", None, error,
            note=(
                "PyTorch's MSELoss is the mean over the two outputs, not their sum as before: it stops below 0.0001 "
                "where the sum is still twice that, hence 0.0101 here and 0.0071 there"
            ),
        ),
    ]  # fmt: skip
    if find_spec("torch") is not None:
        from .simple_cnn_torch import STEPS, differences

        loss, weights = differences(example, RATE)
        start = f"the same initial weights, no biases, no ReLU, the sum of the errors, float64, {STEPS:,} updates"
        figures += [
            Figure("largest difference between PyTorch and chalkgrad in a loss", None, loss, note=start),
            Figure("largest difference between PyTorch and chalkgrad in a weight", None, weights, note=start),
        ]
    return Section("The same network in PyTorch", tuple(figures))


def _without_mistakes(example: Example) -> tuple[dict[str, manual_pass.Array], dict[str, manual_pass.Array]]:
    p = example.network.parameters
    weights = manual_pass.initial(p["W1"], p["W2"], p["W3"])
    now = manual_pass.forward(weights, example.x[0, 0])
    values, _ = manual_pass.backward(weights, now, example.y[0], RATE, manual_pass.Mistakes(False, False, False))
    return values, weights
