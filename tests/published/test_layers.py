"""Published worked examples of residuals, normalisation, embeddings and convolutions; their figures are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

Array = np.ndarray[Any, Any]


def network(layers: list[Any], shape: Any) -> cg.Network:
    loss = cg.SquaredError(scale=0.5, reduction="sum")
    return cg.Network(layers, input_shape=shape, loss=loss, dtype="float64")


def test_open_deep_ml_113_residual_block() -> None:
    net = network([cg.Dense(2, bias=False), cg.ReLU(), cg.Dense(2, bias=False), cg.Add("x"), cg.ReLU()], 2)
    net.set_parameters(W1=np.eye(2), W2=np.eye(2) / 2)
    np.testing.assert_array_equal(net.predict([[1, 2], [-1, 2], [0, 0]]), [[1.5, 3], [0, 3], [0, 0]])


def test_cmu_10_714_residual() -> None:
    """Homework 2: x + a layer, a ReLU and a layer of it, and the derivative of the sum of all that by x."""
    np.random.seed(42)
    given: dict[str, Any] = {}
    for k in (1, 2):
        bound = np.sqrt(6 / 5)
        given[f"W{k}"] = np.random.rand(5, 5) * 2 * bound - bound
        given[f"b{k}"] = (np.random.rand(5, 1) * 2 * bound - bound).ravel()
    np.random.seed(50)
    x = np.random.randint(0, 100, (5, 5)) / 20
    net = network([cg.Residual([cg.Dense(5), cg.ReLU(), cg.Dense(5)])], 5)
    net.set_parameters(given)
    printed = [
        [0.4660964, 3.8619597, -3.637068, 3.7489638, 2.4931884],
        [-3.3769124, 2.5409935, -2.7110925, 4.9782896, -3.005401],
        [-3.0222898, 3.796795, -2.101042, 6.785948, 0.9347453],
        [-2.2496533, 3.635599, -2.1818666, 5.6361046, 0.9748006],
        [-0.03458184, 0.0823682, -0.06686163, 1.9169499, 1.2638961],
    ]
    y = net.predict(x)
    np.testing.assert_allclose(y, printed, atol=2e-6)
    dx = net.trace(x, y - 1)["dx"]  # the derivative by every output is 1
    np.testing.assert_allclose(dx, [[0.24244219, -0.19571924, -0.08556509, 0.9191598, 1.6787351]] * 5, atol=2e-6)


def test_keras_rms_normalization() -> None:
    printed = [0, 0.18731716, 0.37463433, 0.5619515, 0.74926865, 0.9365858, 1.123903, 1.3112202, 1.4985373, 1.6858544]
    net = network([cg.RMSNorm(eps=1e-6)], 10)
    np.testing.assert_allclose(net.predict([np.arange(10.0)])[0], printed, atol=2e-7)


@pytest.mark.parametrize(
    ("x", "printed"),
    [
        ([[1, -1, 2, -2]], [[1.7616, 0.2384]]),
        (
            [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]],
            [[2.8577, 7.8561], [34.9681, 47.9839], [98.9983, 119.9993]],
        ),
    ],
)
def test_open_deep_ml_156_swiglu(x: Any, printed: Any) -> None:
    """The first half of the columns times the SiLU of the second one."""
    net = network(
        [
            cg.Dense(2, bias=False, name="up"),
            cg.Dense(2, bias=False, of="x", name="gate"),
            cg.SiLU(),
            cg.Multiply("up"),
        ],
        4,
    )
    net.set_parameters({"up.W": np.eye(4)[:, :2], "gate.W": np.eye(4)[:, 2:]})
    np.testing.assert_allclose(net.predict(np.array(x, dtype=float)), printed, atol=6e-5)


def test_cs231n_word_embedding() -> None:
    net = network([cg.Embedding(5, 3)], 4)
    net.set_parameters(W1=np.linspace(0, 1, 15).reshape(5, 3))
    rows = [
        [0.0, 0.07142857, 0.14285714],
        [0.21428571, 0.28571429, 0.35714286],
        [0.42857143, 0.5, 0.57142857],
        [0.64285714, 0.71428571, 0.78571429],
    ]
    ids = [[0, 3, 1, 2], [2, 1, 0, 3]]
    np.testing.assert_allclose(net.predict(ids), [[rows[i] for i in sample] for sample in ids], atol=6e-9)


@pytest.mark.parametrize(
    ("kernel", "weight", "dilation", "printed"), [(3, 0.33, 1, 71.1), (5, 0.2, 1, 69.6), (3, 0.33, 2, 68.3)]
)
def test_understanding_deep_learning_10_1_convolution(
    kernel: int, weight: float, dilation: int, printed: float
) -> None:
    """Sums of the outputs; a kernel with gaps is a longer one with zeros."""
    x = [5.2, 5.3, 5.4, 5.1, 10.1, 10.3, 9.9, 10.3, 3.2, 3.4, 3.3, 3.1]
    W = np.zeros(dilation * (kernel - 1) + 1)
    W[::dilation] = weight
    net = network([cg.Conv1D(1, len(W), padding="same", bias=False)], (12, 1))
    net.set_parameters(W1=W[None, None])
    assert net.predict(np.array(x)[None, :, None]).sum() == pytest.approx(printed, abs=0.051)
