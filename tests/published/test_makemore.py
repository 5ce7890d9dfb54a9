"""The first losses of A. Karpathy's makemore, part 3 (batch normalisation): the weights are drawn by PyTorch's generator."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

SEED, BATCH, LETTERS = 2147483647, 32, 27
X1 = (
    "0 0 0/18 25 26/0 0 2/0 5 22/13 13 1/0 14 9/5 8 9/0 1 20/11 1 18/8 9 13/5 7 5/5 12 25/0 4 13/11 5 5/9"
    " 18 5/0 12 25/0 0 18/0 0 0/9 1 14/13 5 12/0 3 15/12 5 5/13 15 14/14 14 1/20 8 9/21 9 14/12 5 15/13 1"
    " 18/0 0 8/0 0 26/0 0 0/0 3 8"
)
Y1 = "11 5 18 5 12 11 18 26 15 0 18 0 9 13 0 14 9 1 0 12 18 0 1 0 14 26 14 22 21 1 4 5"
X2 = (
    "13 25 18/5 14 4/18 15 19/0 0 17/0 0 0/0 18 25/0 12 5/2 18 1/0 0 0/19 20 1/1 9 5/0 13 9/0 0 0/12 5 5/"
    "17 21 1/0 0 0/1 23 18/0 0 0/1 9 12/0 0 0/1 14 4/0 0 0/2 5 12/0 3 5/1 14 1/9 1 14/0 1 4/0 19 8/13 9 1"
    "4/25 9 1/9 12 25/0 0 11"
)
Y2 = "1 5 5 21 11 22 1 14 10 22 12 9 1 0 22 23 5 20 1 4 1 16 0 18 0 0 1 1 7 0 1 8"


def unbiased(gain: float = 1.0) -> float:
    """A gamma that divides by the deviation of N - 1 where the layer divides by that of N."""
    return gain * float(np.sqrt((BATCH - 1) / BATCH))


def loss(layers: list[Any], parameters: dict[str, Any], x: str, y: str) -> float:
    layers = [cg.Embedding(LETTERS, 10), cg.Flatten(), *layers, cg.Softmax()]
    net = cg.Network(layers, input_shape=3, loss="CrossEntropy", dtype="float64")
    net.set_parameters(parameters)
    ids = [list(map(int, row.split())) for row in x.split("/")]
    return float(net.trace(ids, list(map(int, y.split())))["L"])


def drawn(*shapes: tuple[int, int]) -> list[Any]:
    generator = torch.Generator().manual_seed(SEED)
    return [torch.randn(shape, generator=generator, dtype=torch.float32).numpy().astype(float) for shape in shapes]


def test_the_network_with_one_hidden_layer() -> None:
    table, W2, W4 = drawn((LETTERS, 10), (30, 200), (200, LETTERS))
    given = {"W1": table, "W2": W2 * (5 / 3) / 30**0.5, "gamma3": np.full(200, unbiased()), "W4": W4 * 0.01}
    layers = [cg.Dense(200, bias=False), cg.BatchNorm(eps=1e-12), cg.Tanh(), cg.Dense(LETTERS)]
    assert loss(layers, given, X1, Y1) == pytest.approx(3.3239, abs=6e-5)


def test_the_network_with_six_layers() -> None:
    sizes = [30, 100, 100, 100, 100, 100, LETTERS]
    table, *weights = drawn((LETTERS, 10), *itertools.pairwise(sizes))
    given: dict[str, Any] = {"W1": table}
    layers: list[Any] = []
    for k, (W, units) in enumerate(zip(weights, sizes[1:], strict=True)):
        last = k == len(weights) - 1
        given |= {
            f"W{2 * k + 2}": W / len(W) ** 0.5,
            f"gamma{2 * k + 3}": np.full(units, unbiased(0.1 if last else 1.0)),
        }
        layers += [
            cg.Dense(units, bias=False),
            cg.BatchNorm(eps=1e-5 * (BATCH - 1) / BATCH),
            *([] if last else [cg.Tanh()]),
        ]
    assert loss(layers, given, X2, Y2) == pytest.approx(3.287, abs=6e-5)
