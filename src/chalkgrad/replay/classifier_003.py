"""The notes' classes for a classifier, calculated beside chalkgrad's: dense layer, ReLU, softmax, cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..describe.layers import Dense, ReLU, Softmax
from ..describe.losses import CrossEntropy
from ..network import Network
from .figure import Figure, Section

Array = np.ndarray[Any, Any]

SAMPLES, INPUTS, NEURONS, CLASSES = 5, 2, 4, 3
CLIP = 1e-7
STEP = 1e-6


def classifier_section() -> Section:
    """The values that the classes give, with weights 0.01 * randn and samples of ours."""
    rng = np.random.RandomState(0)
    weights = [0.01 * rng.randn(INPUTS, NEURONS), 0.01 * rng.randn(NEURONS, CLASSES)]
    x, numbers = rng.randn(SAMPLES, INPUTS), np.arange(SAMPLES) % CLASSES
    rows = np.eye(CLASSES)[numbers]
    network = Network(
        [Dense(NEURONS), ReLU(), Dense(CLASSES), Softmax()],
        input_shape=INPUTS, loss=CrossEntropy(clip=CLIP), dtype="float64",
    )  # fmt: skip
    network.set_parameters(W1=weights[0], b1=np.zeros(NEURONS), W2=weights[1], b2=np.zeros(CLASSES))
    trace = network.trace(x, numbers)
    z1, a1, z2, y_hat = forward(x, weights)
    loss = cross_entropy(y_hat, numbers)
    gradient, difference = trace["dW1"], numerical(x, numbers, weights)
    return Section(
        "The classes of a classifier",
        (
            Figure("Layer_Dense, output of the first", None, trace["z1"], formula=z1),
            Figure("Activation_ReLU, output", None, trace["a1"], formula=a1),
            Figure("Layer_Dense, output of the second", None, trace["z2"], formula=z2),
            Figure("Activation_Softmax, output", None, trace["y_hat"], formula=y_hat),
            Figure("Loss_CategoricalCrossEntropy, class numbers", None, network.loss(x, numbers), formula=loss),
            Figure(
                "Loss_CategoricalCrossEntropy, one-hot rows", None, network.loss(x, rows),
                formula=cross_entropy(y_hat, rows),
            ),
            Figure("difference of the two losses", None, network.loss(x, numbers) - network.loss(x, rows)),
            Figure(
                "largest difference of a gradient of W1 from the numerical one", None,
                float(np.max(np.abs(gradient - difference))),
                note=f"central differences of the notes' loss, h = {STEP:g}",
            ),
        ),
    )  # fmt: skip


def forward(x: Array, weights: list[Array]) -> tuple[Array, Array, Array, Array]:
    """The outputs of dense layer, ReLU, dense layer and softmax; the biases are 0."""
    z1 = np.dot(x, weights[0])
    a1 = np.maximum(z1, 0)
    z2 = np.dot(a1, weights[1])
    powers = np.exp(z2 - z2.max(axis=1, keepdims=True))
    return z1, a1, z2, powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(y_hat: Array, y: Array) -> float:
    """The mean of -log of the true class's probability, for class numbers (N,) or one-hot rows (N, K)."""
    clipped = np.clip(y_hat, CLIP, 1 - CLIP)
    likelihoods = clipped[np.arange(len(clipped)), y] if y.ndim == 1 else (clipped * y).sum(axis=1)
    return float(np.mean(-np.log(likelihoods)))


def numerical(x: Array, y: Array, weights: list[Array]) -> Array:
    """The central differences of the loss for the first layer's weights."""
    gradient = np.zeros_like(weights[0])
    for place in np.ndindex(gradient.shape):
        losses: list[float] = []
        for h in (STEP, -STEP):
            shifted = weights[0].copy()
            shifted[place] += h
            losses.append(cross_entropy(forward(x, [shifted, weights[1]])[3], y))
        gradient[place] = (losses[0] - losses[1]) / (2 * STEP)
    return gradient
