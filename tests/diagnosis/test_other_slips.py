"""Mistakes by hand in NumPy: crossed cases and gates, other settings, one number copied wrongly, a function that raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

Array = np.ndarray[Any, Any]
SIX = 6


def drawn(layers: list[cg.Layer], inputs: Any, loss: str = "SquaredError", **settings: Any) -> cg.Network:
    net = cg.Network(layers, input_shape=inputs, loss=loss, dtype="float64", seed=4, **settings)
    net.flat += 0.3 * np.random.default_rng(8).standard_normal(net.flat.shape)
    return net


def samples(*shape: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def only(diagnosis: cg.Diagnosis) -> tuple[tuple[str, ...], str]:
    """The one mistake that is named: its values and its words."""
    (cause,) = diagnosis.causes
    (slip,) = cause.slips
    assert not diagnosis.unexplained
    return slip.outputs, slip.text


@pytest.mark.parametrize(
    ("slope", "words"),
    [
        (lambda z: np.where(z > 0, 0.2, 1.0), "the cases are crossed: what belongs to [z1 > 0] stands at [z1 <= 0]"),
        (lambda z: np.where(z > 0, 1.0, 0.02), "slope is 0.02, not 0.2"),
    ],
)
def test_the_slope_of_a_leaky_relu(slope: Callable[[Array], Array], words: str) -> None:
    net = drawn([cg.Dense(4), cg.LeakyReLU(0.2), cg.Dense(2)], 3)
    x, y = samples(SIX, 3), samples(SIX, 2, seed=2)

    def gradients(p: dict[str, Array], x: Array, y: Array) -> dict[str, Array]:
        z1 = x @ p["W1"] + p["b1"]
        a1 = np.where(z1 > 0, z1, 0.2 * z1)
        dz2 = 2 * (a1 @ p["W2"] + p["b2"] - y) / len(x)
        dz1 = dz2 @ p["W2"].T * slope(z1)
        return {"W1": x.T @ dz1, "b1": dz1.sum(axis=0), "W2": a1.T @ dz2, "b2": dz2.sum(axis=0)}

    assert only(cg.diagnose(net, x, y, gradients)) == (("dz1",), words)


def test_another_eps_is_one_mistake_of_the_forward_pass_and_of_the_way_back() -> None:
    net = drawn([cg.Dense(3), cg.BatchNorm(), cg.Tanh(), cg.Dense(1)], 2)
    other = drawn([cg.Dense(3), cg.BatchNorm(eps=1e-2), cg.Tanh(), cg.Dense(1)], 2)
    x, y = samples(SIX, 2), samples(SIX, 1, seed=2)
    outputs, words = only(cg.diagnose(net, x, y, dict(other.gradients(x, y))))
    assert words == "eps is 0.01, not 1e-05, in the forward pass and on the way back"
    assert {"x_hat2", "dz1"} <= set(outputs)


@pytest.mark.long
def test_what_a_gate_keeps_back_for_what_it_lets_through() -> None:
    net = drawn([cg.GRU(3), cg.Dense(1)], (3, 2))
    x, y = samples(4, 3, 2), samples(4, 1, seed=2)

    def sigmoid(z: Array) -> Array:
        return 1 / (1 + np.exp(-z))

    def gradients(p: dict[str, Array], x: Array, y: Array) -> dict[str, Array]:
        W, U, b = ({g: p[f"{kind}{g}1"] for g in "rzn"} for kind in "WUb")
        h, steps = np.zeros((len(x), 3)), []
        for t in range(x.shape[1]):
            r, z = (sigmoid(x[:, t] @ W[g] + h @ U[g] + b[g]) for g in "rz")
            n = np.tanh(x[:, t] @ W["n"] + (r * h) @ U["n"] + b["n"])
            steps.append((x[:, t], h, r, z, n))
            h = (1 - z) * n + z * h
        dy = 2 * (h @ p["W2"] + p["b2"] - y) / len(x)
        found = {name: np.zeros_like(value) for name, value in p.items()}
        found["W2"], found["b2"] = h.T @ dy, dy.sum(axis=0)
        dh = dy @ p["W2"].T
        for x_t, before, r, z, n in reversed(steps):
            dn = dh * (1 - z) * (1 - n**2)
            drh = dn @ U["n"].T
            dz, dr = dh * (before - n) * z * (1 - z), drh * before * r * (1 - r)
            for g, d, into in (("r", dr, before), ("z", dz, before), ("n", dn, r * before)):
                found[f"W{g}1"] += x_t.T @ d
                found[f"U{g}1"] += into.T @ d
                found[f"b{g}1"] += d.sum(axis=0)
            dh = dh * (1 - z) + drh * r + dz @ U["z"].T + dr @ U["r"].T  # z belongs there
        return found

    assert only(cg.diagnose(net, x, y, gradients)) == (("dh1_from_h1",), "1 - z1 stands where z1 belongs")


@pytest.mark.parametrize(
    ("last", "loss", "y", "words"),
    [
        (cg.Softmax(), "CrossEntropy", np.array([0, 2, 1, 2]), "the softmax is not differentiated"),
        (cg.Sigmoid(), "BinaryCrossEntropy", (samples(4, 3, seed=3) > 0) * 1.0, "the sigmoid is not differentiated"),
    ],
)
def test_the_derivative_by_the_probabilities_for_that_by_the_logits(
    last: cg.Layer, loss: str, y: Array, words: str
) -> None:
    net = drawn([cg.Dense(3), last], 2, loss)
    x = samples(4, 2)
    p, rows = net.predict(x), np.eye(3)[y] if y.ndim == 1 else y
    by_logits = net.trace(x, y)["dz1"]
    slope = by_logits / (p - rows)  # 1 / N, and over the outputs where the loss is their mean
    dz1 = -rows / p * slope if loss == "CrossEntropy" else by_logits / (p * (1 - p))
    outputs, text = only(cg.diagnose(net, x, y, {"dW1": x.T @ dz1, "db1": dz1.sum(axis=0)}))
    assert outputs == ("dz1",)
    assert text.startswith(words)


def test_what_goes_to_the_first_position_of_a_window() -> None:
    net = drawn([cg.Conv2D(2, 3), cg.Tanh(), cg.MaxPool2D(2), cg.Flatten(), cg.Dense(1)], (1, 6, 6))
    x, y = samples(3, 1, 6, 6), samples(3, 1, seed=2)
    trace = net.trace(x, y)
    da = np.zeros_like(trace["a1"])
    da[:, :, ::2, ::2] = trace["dp1"]
    dz = da * (1 - trace["a1"] ** 2)
    dW = sum(
        np.einsum("nf,ncuv->fcuv", dz[:, :, i, j], x[:, :, i : i + 3, j : j + 3]) for i, j in np.ndindex(*dz.shape[2:])
    )
    outputs, text = only(cg.diagnose(net, x, y, {"dW1": dW, "db1": dz.sum(axis=(0, 2, 3)), "dW2": trace["dW2"]}))
    assert outputs == ("da1",)
    assert text == "the gradient is sent to the first position of every window, not to the largest"


@pytest.mark.parametrize("optimizer", [cg.Adam(0.02), cg.AdamW(0.02), cg.RMSProp(0.02), cg.AdaGrad(0.02)])
def test_a_step_up_the_gradient(optimizer: cg.Optimizer) -> None:
    net = drawn([cg.Dense(3), cg.Tanh(), cg.Dense(2)], 2)
    x, y = samples(4, 2), samples(4, 2, seed=2)
    trace = net.trace(x, y, optimizer=optimizer)
    decay = 0.02 * getattr(optimizer, "weight_decay", 0.0)
    claims = {f"{n}_new": 2 * w - trace[f"{n}_new"] for n, w in net.parameters.items()}
    if decay:
        claims |= {n: v - 2 * decay * net.parameters[n[:-4]] for n, v in claims.items() if n[0] == "W"}
    outputs, text = only(cg.diagnose(net, x, y, claims, optimizer=optimizer))
    assert outputs == ("W1_new", "b1_new", "W2_new", "b2_new")
    assert text == "the step goes up the gradient, for every parameter"


def test_a_penalty_left_out_everywhere_is_one_mistake() -> None:
    layers: list[cg.Layer] = [cg.Dense(3), cg.Tanh(), cg.Dense(2)]
    net, without = drawn(layers, 2, l2=0.1), drawn(layers, 2)
    x, y = samples(4, 2), samples(4, 2, seed=2)
    outputs, text = only(cg.diagnose(net, x, y, dict(without.gradients(x, y))))
    assert set(outputs) == {"dW1", "dW2"}
    assert text == "the penalty's gradient is left out, for every penalty"


def test_another_learning_rate_for_the_biases() -> None:
    net = drawn([cg.Dense(3), cg.Tanh(), cg.Dense(3)], 2)
    x, y = samples(4, 2), samples(4, 3, seed=2)
    trace = net.trace(x, y, optimizer=cg.SGD(0.5))
    b1 = net.parameters["b1"] - 0.05 * trace["db1"]
    claims = {"W1_new": trace["W1_new"], "b1_new": [float(f"{v:.5f}") for v in b1]}
    found = cg.diagnose(net, x, y, claims, learning_rate=0.5)
    assert only(found) == (("b1_new",), "the learning rate is 0.05 there, not 0.5")


def test_sizes_of_further_axes_are_said_in_words() -> None:
    net = drawn([cg.Dense(4), cg.LayerNorm(), cg.Tanh(), cg.Dense(1)], 3)
    x, y = samples(5, 3), samples(5, 1, seed=2)
    gamma, beta = net.parameters["gamma2"], net.parameters["beta2"]
    z = net.trace(x, y)["z1"]
    a = np.tanh(gamma * (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, ddof=1, keepdims=True) + 1e-5) + beta)
    dz3 = 2 * (a @ net.parameters["W3"] + net.parameters["b3"] - y) / 5
    claims = {"dW3": a.T @ dz3, "db3": dz3.sum(axis=0)}
    outputs, text = only(cg.diagnose(net, x, y, claims))
    assert outputs == ("var2",)
    assert text.startswith("the number of features - 1 stands where the number of features belongs")


def test_one_number_and_rows_out_of_place() -> None:
    net = drawn([cg.Dense(3), cg.Sigmoid(), cg.Dense(2)], 3)
    x, y = samples(4, 3), samples(4, 2, seed=2)
    right = {f"d{n}": np.round(v, 4) for n, v in net.gradients(x, y).items()}
    dW1 = right["dW1"].copy()
    dW1[2, 1] += 0.0307
    (finding,) = (f for f in cg.diagnose(net, x, y, {**right, "dW1": dW1}).findings if f.verdict == "wrong")
    assert finding.where == "dW1[2, 1] alone is wrong, 8 others are right: look whether it was copied wrongly"
    found = cg.diagnose(net, x, y, {**right, "dW1": right["dW1"][[1, 2, 0]]})
    (finding,) = (f for f in found.findings if f.verdict == "wrong")
    assert finding.where == "the rows of dW1 are the right ones in another order: 1, 2, 0"


def test_a_function_that_takes_class_numbers_is_told_what_it_was_given() -> None:
    net = drawn([cg.Dense(3), cg.Softmax()], 2, "CrossEntropy")
    with pytest.raises(cg.DataError, match=r"IndexError: .* y \(2, 3\); class numbers come as rows") as raised:
        cg.diagnose(net, samples(2, 2), [0, 2], lambda p, x, y: {"W1": np.eye(3)[y]})
    assert isinstance(raised.value.__cause__, IndexError)


def test_a_factor_of_rounded_numbers_is_a_plain_one() -> None:
    net = drawn([cg.Dense(3), cg.Softmax()], 2, "CrossEntropy")
    x, y = samples(4, 2), np.array([0, 2, 1, 2])
    claims = {f"d{n}": np.round(10 * v, 3).tolist() for n, v in net.gradients(x, y).items()}
    assert cg.diagnose(net, x, y, claims).causes[0].slips[0].text == "it is 10 times what it should be"
