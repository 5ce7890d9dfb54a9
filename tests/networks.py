"""The networks of two of the documents, and random ones for the property tests: every layer, loss and reduction."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import chalkgrad as cg

X, Y = [[0.05, 0.10]], [[0.01, 0.99]]


def example(**settings: object) -> cg.Network:
    """The 2-2-2 network of document 002."""
    given = {"loss": cg.SquaredError(scale=0.5), "dtype": "float64", **settings}
    net = cg.Network([cg.Dense(2), cg.Sigmoid(), cg.Dense(2), cg.Sigmoid()], input_shape=(2,), **given)
    net.set_parameters(
        W1=[[0.15, 0.25], [0.20, 0.30]], b1=[0.35, 0.35], W2=[[0.40, 0.50], [0.45, 0.55]], b2=[0.60, 0.60]
    )
    return net


IMAGE = np.array(
    [
        [0.51, 0.90, 0.88, 0.84, 0.05],
        [0.40, 0.62, 0.22, 0.59, 0.10],
        [0.11, 0.20, 0.74, 0.33, 0.14],
        [0.47, 0.01, 0.85, 0.70, 0.09],
        [0.76, 0.19, 0.72, 0.17, 0.57],
    ]
)[None, None]


def document_000() -> cg.Network:
    layers = [
        cg.Conv2D(1, 2, bias=False), cg.MaxPool2D(2), cg.Flatten(), cg.Sigmoid(),
        cg.Dense(2, bias=False), cg.Sigmoid(), cg.Dense(2, bias=False), cg.Sigmoid(),
    ]  # fmt: skip
    net = cg.Network(layers, input_shape=(1, 5, 5), loss=cg.SquaredError(), dtype="float64")
    w = np.random.RandomState(0).randn(16)
    net.set_parameters(W1=w[:4].reshape(1, 1, 2, 2), W2=w[4:12].reshape(2, 4).T, W3=w[12:].reshape(2, 2).T)
    return net


SAMPLES, CLASSES = np.random.default_rng(0).standard_normal((12, 3)), np.arange(12) % 2


def classifier(**settings: Any) -> cg.Network:
    """A small network for SAMPLES and CLASSES."""
    given = {"input_shape": 3, "loss": "CrossEntropy", "dtype": "float64", **settings}
    return cg.Network(given.pop("layers", [cg.Dense(4), cg.Tanh(), cg.Dense(2), cg.Softmax()]), **given)


def saturated(layer: cg.Layer, loss: cg.Loss, weight: float) -> cg.Network:
    """One weight so large that the activation is flat."""
    net = cg.Network([cg.Dense(1), layer], input_shape=1, loss=loss, dtype="float64")
    net.set_parameters(W1=[[weight]], b1=[0.0])
    return net


ACTIVATIONS = [
    cg.Sigmoid(), cg.Tanh(), cg.ReLU(), cg.LeakyReLU(), cg.ELU(), cg.GELU(), cg.GELU(approximate="tanh"),
    cg.Softplus(), cg.SiLU(), cg.Softmax(),
]  # fmt: skip


@st.composite
def networks(draw: st.DrawFn) -> tuple[cg.Network, np.ndarray, np.ndarray]:
    """A small random network in float64 with samples and targets."""
    layers: list[cg.Layer] = []
    image = draw(st.booleans())
    shape: tuple[int, ...] = (draw(st.integers(1, 4)),)
    if image:
        shape = (draw(st.integers(1, 2)), 5, draw(st.integers(4, 5)))
        padding = draw(st.sampled_from([0, 1, "same"]))
        stride = draw(st.integers(1, 2)) if padding != "same" else 1
        layers.append(cg.Conv2D(draw(st.integers(1, 2)), 2, stride=stride, padding=padding, bias=draw(st.booleans())))
        if draw(st.booleans()):
            layers.append(cg.BatchNorm(affine=draw(st.booleans())))
        layers.append(draw(st.sampled_from(ACTIVATIONS[:-1])))
        pool = draw(st.sampled_from([None, cg.MaxPool2D(2), cg.MaxPool2D(2, stride=1), cg.AvgPool2D(2)]))
        if pool is not None:
            layers.append(pool)
        layers.append(cg.Flatten())
    for place in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from([None, f"hidden{place}"]))
        layers.append(cg.Dense(draw(st.integers(1, 4)), bias=draw(st.booleans()), name=name))
        if draw(st.booleans()):
            layers.append(draw(st.sampled_from([cg.LayerNorm(), cg.BatchNorm(), cg.Dropout(0.4)])))
        layers.append(draw(st.sampled_from(ACTIVATIONS)))
    ending, end, loss, outputs = draw(endings())
    layers += end
    seed = draw(st.integers(0, 1000))
    penalties = draw(st.sampled_from([{}, {"l2": 0.1}, {"l1": 0.05, "l2": 0.1}]))
    net = cg.Network(layers, input_shape=shape, loss=loss, dtype="float64", seed=seed, **penalties)
    rng = np.random.default_rng(seed)
    samples = draw(st.integers(1, 3))
    x = rng.standard_normal((samples, *shape))
    return net, x, targets(ending, rng, samples, outputs)


@st.composite
def endings(draw: st.DrawFn) -> tuple[str, list[cg.Layer], cg.Loss, int]:
    """How a network ends: the kind of its targets, the last layers, the loss, and how many outputs it has."""
    layers: list[cg.Layer] = []
    ending = draw(st.sampled_from(["square", "absolute", "softmax", "expanded", "logits", "binary", "hinge", "sum"]))
    reduction = draw(st.sampled_from(["mean", "sum"]))
    outputs = draw(st.integers(2, 3))
    scale = draw(st.sampled_from([1.0, 0.5, "mean"]))
    loss: cg.Loss
    match ending:
        case "square":
            layers.append(cg.Dense(outputs))
            loss = cg.SquaredError(scale=scale, reduction=reduction)
        case "absolute":
            layers += [cg.Dense(outputs), cg.Sigmoid()]
            loss = cg.AbsoluteError(scale=scale, reduction=reduction)
        case "softmax":
            layers += [cg.Dense(outputs), cg.Softmax()]
            loss = cg.CrossEntropy(reduction=reduction)
        case "expanded":
            layers += [cg.Dense(outputs), cg.Softmax()]
            loss = cg.CrossEntropy(fuse=False, reduction=reduction)
        case "logits":
            layers.append(cg.Dense(outputs))
            loss = cg.CrossEntropy(from_logits=True, reduction=reduction)
        case "binary":
            layers += [cg.Dense(outputs), cg.Sigmoid()]
            loss = cg.BinaryCrossEntropy(reduction=reduction, fuse=draw(st.booleans()))
        case "hinge":
            layers.append(cg.Dense(outputs))
            loss = cg.Hinge(reduction=reduction)
        case _:
            layers += [cg.Dense(outputs), cg.ReLU(), cg.Sum()]
            outputs, loss = 1, cg.SquaredError(reduction=reduction)
    return ending, layers, loss, outputs


def targets(ending: str, rng: np.random.Generator, samples: int, outputs: int) -> np.ndarray:
    """Targets such as the ending takes."""
    if ending in ("softmax", "expanded", "logits", "hinge"):
        return rng.integers(0, outputs, samples)
    return rng.random((samples, outputs)) if ending == "binary" else rng.standard_normal((samples, outputs))
