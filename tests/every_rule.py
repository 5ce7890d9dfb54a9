"""Networks that together have every rule, with samples: what the page computes is compared with the reference engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import chalkgrad as cg
from drawn_graphs import gate, tied, two_inputs

Case = tuple[str, cg.Network, Any, Any, dict[str, Any]]


def _net(layers: list[cg.Layer], shape: Any, loss: Any, **settings: Any) -> cg.Network:
    return cg.Network(layers, input_shape=shape, loss=loss, dtype="float64", seed=3, **settings)


def _dense(activation: cg.Layer, loss: Any = "SquaredError", **settings: Any) -> cg.Network:
    return _net([cg.Dense(4), activation, cg.Dense(2)], 3, loss, **settings)


def every_rule() -> Iterator[Case]:
    """Name, network, x, y and the settings of a trace."""
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    activations = [
        cg.ReLU(), cg.LeakyReLU(), cg.ELU(), cg.GELU(), cg.GELU(approximate="tanh"), cg.SiLU(), cg.Softplus(), cg.Tanh(),
        cg.Sigmoid(), cg.LayerNorm(), cg.RMSNorm(), cg.LayerNorm(over="sample"), cg.BatchNorm(), cg.Dropout(0.4),
    ]  # fmt: skip
    for activation in activations:
        yield f"{activation}", _dense(activation), x, y, {}
    optimizers = [
        cg.SGD(0.1, momentum=0.9), cg.SGD(0.1, momentum=0.9, nesterov=True), cg.Adam(0.01), cg.AdamW(0.01, weight_decay=0.1),
        cg.RMSProp(0.01), cg.AdaGrad(0.1), cg.Adam(0.01, clip_norm=0.1),
    ]  # fmt: skip
    for optimizer in optimizers:
        yield f"{optimizer}", _dense(cg.Tanh()), x, y, {"optimizer": optimizer}
    yield "penalties", _dense(cg.Tanh(), l1=0.01, l2=0.02), x, y, {}
    yield "weights of samples", _dense(cg.Tanh()), x, y, {"sample_weight": [1.0, 0.5, 2.0, 0.0]}
    scaled = _net(
        [cg.Standardize(), cg.Dense(4), cg.Tanh(), cg.Dense(2), cg.Unstandardize()],
        3,
        cg.SquaredError(scale="variance"),
    )
    scaled.adapt(3 * x + 1, 5 * y - 2)
    yield "scaled", scaled, 3 * x + 1, 5 * y - 2, {}
    yield "absolute", _dense(cg.Tanh(), "AbsoluteError"), x, y, {}
    yield "hinge", _dense(cg.Tanh(), "Hinge"), x, np.eye(2)[[0, 1, 1, 0]], {}
    yield "sum of losses", _dense(cg.Tanh(), cg.SquaredError(reduction="sum")), x, y, {}
    yield (
        "sum of weighted losses",
        _dense(cg.Tanh(), cg.SquaredError(reduction="sum")),
        x,
        y,
        {"sample_weight": [1.0, 0.5, 2.0, 0.0]},
    )
    yield "decay", _dense(cg.Tanh()), x, y, {"optimizer": cg.SGD(0.1, weight_decay=0.1)}
    yield "one margin", _net([cg.Dense(1)], 3, "Hinge"), x, np.array([0, 1, 1, 0]), {}
    yield "expanded", _net([cg.Dense(3), cg.Softmax()], 3, cg.CrossEntropy(fuse=False)), x, np.eye(3)[[0, 2, 1, 1]], {}
    yield (
        "yes or no, expanded",
        _net([cg.Dense(1), cg.Sigmoid()], 3, cg.BinaryCrossEntropy(fuse=False)),
        x,
        y[:, :1] > 0,
        {},
    )
    sums = [
        cg.Dense(2, name="a"), cg.Dense(2, name="b", of="x"), cg.Dense(2, name="c", of="x"), cg.Dense(2, name="d", of="x"),
        cg.Add(["a", "b", "c"], name="s"), cg.Concat(["a", "b", "c"]), cg.Dense(2), cg.Add("s"),
    ]  # fmt: skip
    yield "many", _net(sums, 3, "SquaredError"), x, y, {}
    yield "sum", _net([cg.Dense(3), cg.Sum()], 3, "SquaredError"), x, y[:, :1], {}
    classes = [cg.Dense(3), cg.Softmax()]
    targets = np.eye(3)[[0, 2, 1, 1]]
    yield "cross-entropy", _net(classes, 3, "CrossEntropy"), x, targets, {}
    yield "smoothed", _net(classes, 3, cg.CrossEntropy(label_smoothing=0.1)), x, targets, {}
    yield "softmax alone", _net(classes, 3, "SquaredError"), x, targets, {}
    yield "yes or no", _net([cg.Dense(1), cg.Sigmoid()], 3, "BinaryCrossEntropy"), x, targets[:, :1], {}
    image = rng.standard_normal((2, 2, 6, 6))
    pair = rng.standard_normal((2, 2))
    ends: list[cg.Layer] = [cg.Flatten(), cg.Dense(2)]
    yield (
        "convolution",
        _net([cg.Conv2D(3, 3, padding=1, stride=2), cg.ReLU(), cg.MaxPool2D(2), *ends], (2, 6, 6), "SquaredError"),
        image,
        pair,
        {},
    )
    yield (
        "pools",
        _net([cg.Conv2D(3, 2), cg.BatchNorm(), cg.AvgPool2D(3, stride=2), *ends], (2, 6, 6), "SquaredError"),
        image,
        pair,
        {},
    )
    yield (
        "padded pool",
        _net(
            [cg.MaxPool2D(3, stride=2, padding=1), cg.Conv2D(2, 1), cg.GlobalAvgPool2D(), cg.Dense(2)],
            (2, 6, 6),
            "SquaredError",
        ),
        image,
        pair,
        {},
    )
    yield "gate", gate(), *_samples(gate(), rng), {}
    yield "tied", tied(), *_samples(tied(), rng), {}
    yield "two inputs", two_inputs(), *_samples(two_inputs(), rng), {}
    yield from _sequences(rng)


def _samples(net: cg.Network, rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.standard_normal((3, *net.layout.sample_shape)), rng.random((3, *net.output_shape))


def _sequences(rng: np.random.Generator) -> Iterator[Case]:
    x = rng.standard_normal((2, 5, 3))
    y = rng.standard_normal((2, 2))
    for layer in (
        cg.RNN(4), cg.RNN(4, activation="relu"), cg.LSTM(3), cg.GRU(3), cg.GRU(3, reset="after"),
        cg.LSTM(2, bidirectional=True),
    ):  # fmt: skip
        yield f"{layer}", _net([layer, cg.Dense(2)], (5, 3), "SquaredError"), x, y, {}
    every = [cg.GRU(3, sequences=True), cg.RNN(2, sequences=True, reverse=True), cg.Dense(2)]
    yield "every step", _net(every, (5, 3), "SquaredError"), x, rng.standard_normal((2, 5, 2)), {}
    yield (
        "over time",
        _net([cg.Conv1D(4, 3, padding=1), cg.SiLU(), cg.GlobalAvgPool1D(), cg.Dense(2)], (5, 3), "SquaredError"),
        x,
        y,
        {},
    )
    ids = rng.integers(0, 7, (2, 5))
    for name, causal in (("causal", True), ("seeing all", False)):
        layers = [
            cg.Embedding(7, 4), cg.Positions(), cg.Residual([cg.LayerNorm(), cg.Attention(2, causal=causal)]),
            cg.Residual([cg.RMSNorm(), cg.Dense(6), cg.GELU(), cg.Dropout(0.3), cg.Dense(4)]), cg.Dense(7), cg.Softmax(),
        ]  # fmt: skip
        net = cg.Network(layers, input_shape=5, loss="CrossEntropy", dtype="float64", seed=1)
        yield name, net, ids, rng.integers(0, 7, (2, 5)), {}
    kept = {"s": (5, 4), "keep": 5}
    masked = _net([cg.Attention(2, mask="keep", of="s"), cg.Dense(2)], kept, "SquaredError")
    keep = np.array([[1.0, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    yield "masked", masked, {"s": rng.standard_normal((2, 5, 4)), "keep": keep}, rng.standard_normal((2, 5, 2)), {}
    meant = _net([cg.GlobalAvgPool1D(mask="keep", of="s"), cg.Dense(2)], kept, "SquaredError")
    yield "masked means", meant, {"s": rng.standard_normal((2, 5, 4)), "keep": keep}, rng.standard_normal((2, 2)), {}
    beside = [cg.Embedding(7, 3, of="ids"), cg.GRU(2, name="h"), cg.Dense(2, of="v"), cg.Add("h")]
    both = {"v": rng.standard_normal((2, 3)), "ids": ids}
    yield "ids beside values", _net(beside, {"v": 3, "ids": 5}, "SquaredError"), both, y, {}
    counted = cg.Network(
        [cg.Embedding(7, 4), cg.RNN(3, sequences=True), cg.Dense(7), cg.Softmax()],
        input_shape=5,
        loss=cg.CrossEntropy(ignore=-1),
        dtype="float64",
    )
    yield "padded", counted, ids, np.where(np.arange(5) < [[3], [5]], ids, -1), {}
    yield "padded, weighted", counted, ids, np.where(np.arange(5) < [[3], [5]], ids, -1), {"sample_weight": [1.0, 3.0]}
    waves = [cg.Positions(form="sinusoidal"), cg.Attention(1), cg.Dense(2)]
    yield "waves", _net(waves, (5, 2), "SquaredError"), x[..., :2], rng.standard_normal((2, 5, 2)), {}
