"""Random networks for the property tests: every layer, loss, reduction and batch size."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import chalkgrad as cg

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
