"""Networks over sequences and ids, to be written out as scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import chalkgrad as cg
from write.written import ACTIVATIONS, LOSSES, OPTIMIZERS, Written, written


def _frozen(layers: list[cg.Layer], *names: str) -> Written:
    made = written(layers, (4, 2), l2=0.02, l1=0.01, optimizer=cg.SGD(0.1, weight_decay=0.2))
    made.network.freeze(*names)
    return made


SEQUENCES: dict[str, Callable[[], Written]] = {
    "the last step's classes": lambda: written([cg.RNN(3), cg.Dense(2), cg.Softmax()], (4, 2), "CrossEntropy"),
    "every step's classes of ids": lambda: written(
        [cg.Embedding(5, 2), cg.RNN(3, sequences=True), cg.Dense(5), cg.Softmax()], 4, "CrossEntropy",
        optimizer=cg.Adam(0.05),
    ),
    "one over the other": lambda: written(
        [cg.RNN(3, "relu", sequences=True), cg.RNN(2, bias=False, sequences=True)], (3, 2), optimizer=cg.Adam(0.05)
    ),
    "one step": lambda: written([cg.RNN(3, sequences=True), cg.RNN(3), cg.Dense(1)], (1, 2)),
    "one feature, one unit": lambda: written([cg.RNN(1, sequences=True), cg.Dense(1)], (5, 1)),
    "ids in float32": lambda: written(
        [cg.Embedding(6, 3), cg.RNN(4, sequences=True), cg.Dense(6)], 5, cg.CrossEntropy(from_logits=True), "float32"
    ),
    "a name of its own": lambda: written(
        [cg.Embedding(6, 3, name="t"), cg.RNN(3, name="h"), cg.Dense(2, name="x")], 4, l2=0.02, optimizer="Adam"
    ),
    "a skip over time": lambda: written(
        [cg.Dense(3), cg.Residual([cg.RNN(3, sequences=True), cg.Dropout(0.0), cg.Dense(3)]), cg.Dense(2)], (4, 2)
    ),
    "two sequences": lambda: written(
        [cg.RNN(3, of="left", name="l"), cg.RNN(3, of="right", name="r"), cg.Add("l"), cg.Dense(2)],
        {"left": (3, 2), "right": (2, 1)},
    ),
    "two inputs of ids": lambda: written(
        [cg.Embedding(4, 3, of="left", name="l"), cg.Embedding(7, 3, of="right", name="r"), cg.Add("l"), cg.RNN(2)],
        {"left": 3, "right": 3},
    ),
    "LSTM": lambda: written([cg.LSTM(3, sequences=True), cg.LSTM(2), cg.Dense(2)], (4, 2), optimizer=cg.Adam(0.05)),
    "LSTM without bias, from the end": lambda: written(
        [cg.Embedding(5, 2), cg.LSTM(3, bias=False, reverse=True, sequences=True), cg.Dense(2)], 4
    ),
    "GRU": lambda: written([cg.GRU(3, sequences=True), cg.GRU(2), cg.Dense(2)], (4, 2), optimizer=cg.Adam(0.05)),
    "GRU as in PyTorch": lambda: written(
        [cg.GRU(3, "after", sequences=True), cg.GRU(2, "after", reverse=True)], (4, 2), optimizer=cg.Adam(0.05), l1=0.01
    ),
    "GRU without bias": lambda: written(
        [cg.GRU(3, "after", bias=False, sequences=True), cg.GRU(2, "before", bias=False, reverse=True)], (4, 2)
    ),
    "RNN from the end": lambda: written([cg.RNN(3, reverse=True, sequences=True), cg.RNN(2, reverse=True)], (4, 2)),
    "both ways at every step": lambda: written(
        [cg.LSTM(2, bidirectional=True, sequences=True), cg.GRU(2, bidirectional=True), cg.Dense(2)], (3, 2)
    ),
    "both ways": lambda: written(
        [cg.GRU(3, of="x", name="there"), cg.GRU(3, reverse=True, of="x", name="back"), cg.Add("there"), cg.Dense(2)],
        (4, 2),
    ),
    "a gate that is frozen": lambda: _frozen(
        [cg.LSTM(3, sequences=True), cg.GRU(3, "after", sequences=True), cg.GRU(2)], "Wf1", "bo1", "Un2", "cn2", "Wr3"
    ),
    "frozen as a whole": lambda: _frozen(
        [cg.RNN(3, sequences=True), cg.GRU(3, "after", sequences=True), cg.LSTM(2)], "b1", "cn2", "Ui3", "Uf3", "Ug3", "Uo3"
    ),
    "gates with weight decay": lambda: written(
        [cg.LSTM(3, sequences=True), cg.GRU(3, "after", sequences=True), cg.GRU(2)], (4, 2),
        optimizer=cg.AdamW(0.02, weight_decay=0.3),
    ),
    "an embedding's table once more, transposed": lambda: written(
        [cg.Embedding(5, 4, name="t"), cg.RNN(4, sequences=True), cg.Dense(5, weights_of="t"), cg.Softmax()], 3, "CrossEntropy"
    ),
    "an embedding's table once more, as it is": lambda: written(
        [cg.Embedding(5, 4, name="t"), cg.Dense(5), cg.Dense(4, bias=False, weights_of="t")], 3
    ),
    "attention": lambda: written(
        [cg.Positions(), cg.Residual([cg.LayerNorm(), cg.Attention(2)]), cg.RMSNorm(), cg.Dense(3), cg.Softmax()],
        (3, 4), "CrossEntropy", optimizer=cg.Adam(0.02),
    ),
    "a small GPT": lambda: written(
        [
            cg.Embedding(7, 6), cg.Positions(), cg.Residual([cg.LayerNorm(), cg.Attention(3, causal=True)]),
            cg.Residual([cg.LayerNorm(), cg.Dense(8), cg.GELU(), cg.Dense(6)]), cg.LayerNorm(affine=False), cg.Dense(7),
        ],
        5, cg.CrossEntropy(from_logits=True), "float32", optimizer=cg.AdamW(0.02),
    ),
    "attention to another, masked": lambda: written(
        [
            cg.Dense(4, of="left", name="q"), cg.Dense(4, of="right", name="kv"),
            cg.Attention(2, mask="keep", bias=False, of=("q", "kv")), cg.Positions("sinusoidal"), cg.RMSNorm(affine=False),
        ],
        {"left": (3, 2), "right": (5, 3), "keep": 5},
    ),
    "ids with a mask": lambda: written(
        [cg.Embedding(7, 2, of="text"), cg.Attention(1, causal=True, mask="keep"), cg.RNN(2)], {"text": 4, "keep": 4}
    ),
    "the mean over the steps that count": lambda: written(
        [cg.GRU(3, sequences=True, of="s"), cg.GlobalAvgPool1D("keep"), cg.Dense(2)], {"s": (4, 2), "keep": 4}
    ),
    "the mean over the ids that count, in float32": lambda: written(
        [cg.Embedding(7, 2, of="text"), cg.GlobalAvgPool1D("keep"), cg.Dense(3), cg.Softmax()],
        {"text": 4, "keep": 4}, "CrossEntropy", "float32",
    ),
    "attention with frozen parts": lambda: _frozen(
        [cg.Dense(4), cg.Attention(2), cg.Attention(1, causal=True), cg.Attention(4)], "Wq2", "bv3", "Wo4", "bk4"
    ),
    "layer norm over all steps": lambda: written([cg.LayerNorm(over="sample"), cg.Dense(2)], (3, 2)),
    "side by side": lambda: written(
        [cg.RNN(2, sequences=True, name="a", of="x"), cg.Dense(3, of="x"), cg.Concat("a"), cg.GRU(2)], (3, 2)
    ),
    "many steps": lambda: written([cg.RNN(5), cg.Dense(2)], (40, 3), optimizer=cg.RMSProp(0.01)),
    **{
        f"every step's {n}": lambda v=v: written(
            [cg.RNN(4, sequences=True), cg.Dense(v[2]), *v[1]], (3, 2), v[0], optimizer=cg.SGD(0.05)
        )
        for n, v in LOSSES.items()
    },
}  # fmt: skip
"""Networks of sequences."""

DROPPED: dict[str, Callable[[], Written]] = {
    "before and after a recurrence": lambda: written(
        [cg.Dropout(0.3), cg.RNN(3, sequences=True), cg.Dropout(0.2), cg.LSTM(2, bidirectional=True), cg.Dense(2)], (4, 2)
    ),
    "in a block": lambda: written(
        [
            cg.Embedding(5, 4), cg.Dropout(0.1), cg.Residual([cg.Attention(2, causal=True), cg.Dropout(0.3)]),
            cg.GRU(3, sequences=True), cg.Dense(5), cg.Softmax(),
        ], 4, "CrossEntropy",
    ),
}  # fmt: skip
"""Networks of sequences with dropout, whose losses in training and as in prediction differ."""


def random_sequence(seed: int) -> Written:
    """Any layers over sequences in any order, of values or ids, with any loss, optimizer and dtype."""
    rng = np.random.default_rng(seed)

    def one(of: Any) -> Any:
        return of[int(rng.integers(len(of)))]

    def some() -> int:
        return int(rng.integers(1, 5))

    steps, features = one([1, 2, 3, 6]), some()
    ids, width = bool(rng.random() < 0.4), features
    layers: list[Any] = [cg.Embedding(int(rng.integers(2, 7)), features)] if ids else []
    for _ in range(int(rng.integers(0, 3))):
        heads = 2 if features % 2 == 0 else 1
        inner = [
            lambda heads=heads: cg.Attention(heads, causal=bool(rng.random() < 0.5)),
            lambda: one([cg.Positions(), cg.LayerNorm(), cg.RMSNorm()]),
            lambda: recurrent(one, some(), sequences=True),
            lambda: cg.Dense(some(), bias=bool(rng.random() < 0.8)),
        ]
        layers.append(one(inner)())
        features = getattr(layers[-1], "units", features)
        if rng.random() < 0.5:
            layers.append(one([*ACTIVATIONS.values(), cg.Dropout(0.3)]))
    every = bool(rng.random() < 0.5)
    layers.append(recurrent(one, some(), sequences=every))
    loss, end, outputs = one(list(LOSSES.values()))
    layers += [cg.Dense(outputs), *end]
    return written(
        layers, steps if ids else (steps, width), loss, one(["float64", "float64", "float32"]), seed=seed,
        l2=one([0.0, 0.02]), optimizer=one(list(OPTIMIZERS.values())), steps=int(rng.integers(1, 5)),
    )  # fmt: skip


def recurrent(one: Callable[[Any], Any], units: int, *, sequences: bool) -> cg.Layer:
    """Any recurrent layer."""
    settings = {"sequences": sequences, "bias": one([True, True, False]), "reverse": one([False, False, True])}
    match one(["RNN", "LSTM", "GRU"]):
        case "RNN":
            return cg.RNN(units, one(["tanh", "relu"]), **settings)
        case "LSTM":
            return cg.LSTM(units, **settings)
        case _:
            return cg.GRU(units, one(["before", "after"]), **settings)
