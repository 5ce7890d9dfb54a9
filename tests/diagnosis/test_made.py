"""Mistakes that nobody listed: named from the formulas, or placed; and what numbers cannot say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.diagnosis.claims.claim import read_claims

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((4, 3)), RNG.integers(0, 2, 4)


def classifier() -> cg.Network:
    layers = [cg.Dense(3), cg.Tanh(), cg.Dense(3), cg.Sigmoid(), cg.Dense(2), cg.Softmax()]
    net = cg.Network(layers, input_shape=3, loss="CrossEntropy", dtype="float64", seed=1)
    net.flat += 0.3 * np.random.default_rng(1).standard_normal(net.flat.shape)
    return net


NET = classifier()
TRACE = NET.trace(X, Y)
RIGHT = {f"d{n}": TRACE[f"d{n}"] for n in NET.parameters}


def told(diagnosis: cg.Diagnosis) -> list[str]:
    return [f"{', '.join(s.outputs)}: {s.text}" for c in diagnosis.causes for s in c.slips]


def of_layer1(dz1: Any) -> dict[str, Any]:
    return {**RIGHT, "dW1": X.T @ dz1, "db1": dz1.sum(axis=0)}


@pytest.mark.parametrize(
    ("dz1", "words"),
    [
        (TRACE["da1"] * (1 - TRACE["a1"] ** 3), "dz1: a1^3 stands where a1^2 belongs"),
        (TRACE["da1"] - TRACE["a1"] ** 2, "dz1: the brackets around 1 - a1^2 are forgotten"),
        (-TRACE["da1"] * TRACE["a1"] ** 2, "dz1: -a1^2 stands where 1 - a1^2 belongs"),
        (TRACE["da1"] * TRACE["a1"] * (1 - TRACE["a1"]), "dz1: the derivative of sigmoid is taken"),
        (TRACE["da1"] * (1 - TRACE["a2"] ** 2), "dz1: a2 stands where a1 belongs"),
        (1 - np.tanh(TRACE["da1"]) ** 2, "dz1: the tanh of da1 stands where a1 belongs, and da1 is no factor"),
        (TRACE["da1"].T.reshape(4, 3) * (1 - TRACE["a1"] ** 2), "da1: it is written by columns, not by rows"),
        (TRACE["da1"] * (1 - TRACE["a1"] ** 2) * 4 / 3, "da1: it is 1.33333 times what it should be: N / (N - 1)"),
    ],
)
def test_a_mistake_that_no_list_holds_is_named(dz1: Any, words: str) -> None:
    assert told(cg.diagnose(NET, X, Y, of_layer1(dz1))) == [words]


def test_the_right_and_the_wrong_line_stand_side_by_side() -> None:
    text = cg.diagnose(NET, X, Y, of_layer1(TRACE["da1"] * (1 - TRACE["a1"] ** 3))).to_text()
    assert "dz1 = da1 ⊙ (1 - a1²)" in text or "dz1 = da1 ⊙ (1 - a1^2)" in text
    assert "wrong" in text


def test_where_not_why() -> None:
    found = cg.diagnose(NET, X, Y, of_layer1(TRACE["da1"] * np.cos(3 * TRACE["a1"])))
    assert found.causes == ()
    assert found.suspects == ("da1", "dz1")
    assert found.place == "The fault lies at da1 or dz1: dW2 and db2 are right, dW1 and db1 are wrong."
    assert "farthest from right" in found.to_text()


def test_a_few_numbers_are_not_the_mistake() -> None:
    """One array is twice the right one, the others are anything: that is claimed of it in part only."""
    net = cg.Network([cg.Dense(3), cg.Tanh(), cg.Dense(2)], input_shape=3, loss="SquaredError", dtype="float64", seed=1)
    right = {f"d{n}": g for n, g in net.gradients(X, X[:, :2]).items()}
    noise = {n: g + 0.1 * np.random.default_rng(2).standard_normal(g.shape) for n, g in right.items()}
    found = cg.diagnose(net, X, X[:, :2], {**noise, "db2": 2 * right["db2"]})
    assert found.causes == ()
    assert set(found.unexplained) == {*right}


# -- optimizers ------------------------------------------------------------------------------------------------------


def adam(step: Callable[[Any, Any], Any]) -> dict[str, Any]:
    """New parameters of Adam's first step by its gradient's moments, 0.1 g and 0.001 g^2."""
    new = {n: step(0.1 * RIGHT[f"d{n}"], 0.001 * RIGHT[f"d{n}"] ** 2) for n in NET.parameters}
    return {f"{n}_new": NET.parameters[n] - 0.001 * s for n, s in new.items()}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda m, v: m / (np.sqrt(v) + 1e-8), "the bias correction is left out"),
        (lambda m, v: m / 0.1 / (np.sqrt(v) + 1e-8), "the division by 1 - beta2^t is left out"),
        (lambda m, v: m * 0.1 / (np.sqrt(v * 0.001) + 1e-8), "the corrections multiply where they divide"),
        (lambda m, v: m / 0.19 / (np.sqrt(v / 0.001999) + 1e-8), "the count is off by one"),
    ],
)
def test_an_optimizers_mistake_is_one_for_every_parameter(step: Any, words: str) -> None:
    (said,) = told(cg.diagnose(NET, X, Y, adam(step), optimizer=cg.Adam()))
    assert words in said
    assert said.endswith("for every parameter")


@pytest.mark.parametrize(
    ("decay", "words"),
    [
        (lambda n: 0.1 / 4 if n[0] == "W" else 0.0, "decay is divided by N, for every parameter"),
        (lambda n: 0.1, "biases and scales are decayed too"),
    ],
)
def test_a_decay_by_the_samples_or_of_the_biases(decay: Callable[[str], float], words: str) -> None:
    new = {f"{n}_new": p - 0.5 * (RIGHT[f"d{n}"] + decay(n) * p) for n, p in NET.parameters.items()}
    (said,) = told(cg.diagnose(NET, X, Y, new, optimizer=cg.SGD(0.5, weight_decay=0.1)))
    assert words in said


# -- digits ------------------------------------------------------------------------------------------------------------


def test_two_digits_are_too_few() -> None:
    found = cg.diagnose(NET, X, Y, {"dW1": [[f"{2 * v:.2g}" for v in row] for row in RIGHT["dW1"]]})
    assert found.causes == ()
    assert found.too_few == ("dW1",)
    assert "too few digits to tell" in found.to_text()


def test_slips_of_the_pen() -> None:
    swapped = RIGHT["dW1"].copy()
    swapped[0, 1], swapped[2, 0] = RIGHT["dW1"][2, 0], RIGHT["dW1"][0, 1]
    (said,) = {f.where for f in cg.diagnose(NET, X, Y, {**RIGHT, "dW1": swapped}).findings if f.where}
    assert said == "dW1[0, 1] and dW1[2, 0] are swapped: two numbers in each other's place"
    typed = np.round(RIGHT["dW1"], 6)
    typed[1, 1] *= -1
    found = cg.diagnose(NET, X, Y, {**RIGHT, "dW1": typed})
    assert "one number is mistyped: dW1[1, 1]" in found.to_text()
    assert "the sign is the other one" in found.to_text()


def test_numbers_of_few_digits_are_right_to_the_decimals_of_the_others() -> None:
    claims = read_claims({"dW1": np.round(RIGHT["dW1"], 4), "db3": np.array([-0.0002, 0.0002])}, TRACE)
    assert claims["db3"].units.tolist() == claims["dW1"].units[0, :2].tolist() == [0.00005, 0.00005]


def test_a_wrong_number_among_many_is_seen() -> None:
    net = cg.Network([cg.Dense(40), cg.Tanh(), cg.Dense(2)], input_shape=30, loss="SquaredError", dtype="float64")
    x, y = RNG.standard_normal((4, 30)), RNG.standard_normal((4, 2))
    claims = {n: np.array(g) for n, g in net.gradients(x, y).items()}
    claims["W1"][17, 23] *= 1.5
    found = cg.diagnose(net, x, y, {f"d{n}": g for n, g in claims.items()})
    assert not found.correct
    assert [f.first for f in found.findings if f.verdict == "wrong"] == ["dW1[17, 23]"]


def test_right_is_right_however_it_was_computed() -> None:
    layers = [cg.Dense(3), cg.BatchNorm(), cg.Tanh(), cg.Dense(2), cg.Softmax()]
    net = cg.Network(layers, input_shape=3, loss="CrossEntropy", dtype="float64", seed=2)
    trace = net.trace(X, Y)
    right = {f"d{n}": np.asarray(trace[f"d{n}"]) for n in net.parameters}
    step = 0.0007 * max(float(np.abs(g).max()) for g in right.values())
    forms = {
        "rounded": {n: np.vectorize(lambda v: float(f"{v:.3g}"))(g) for n, g in right.items()},
        "to decimals": {n: np.round(g, 3) for n, g in right.items()},
        "on a grid": {n: np.round(g / step) * step for n, g in right.items()},
        "of float32": {n: g * (1 + 2e-7 * np.sin(np.arange(g.size)).reshape(g.shape)) for n, g in right.items()},
        "zeros that are nothing": {**right, "db1": np.array([3e-9, -2e-10, 1e-9])},
    }
    for form, claims in forms.items():
        assert cg.diagnose(net, X, Y, claims).correct, form


def test_one_number_of_fewer_digits_is_right() -> None:
    claims = {n: np.round(g, 9) for n, g in RIGHT.items()}
    claims["dW3"] = claims["dW3"].copy()
    claims["dW3"][0, 0] = float(f"{RIGHT['dW3'][0, 0]:.2g}")
    assert cg.diagnose(NET, X, Y, claims).correct


# -- what the input cannot show --------------------------------------------------------------------------------------


def normalised() -> cg.Network:
    layers = [cg.Dense(3), cg.LayerNorm(), cg.Tanh(), cg.Dense(2)]
    return cg.Network(layers, input_shape=3, loss="SquaredError", dtype="float64", seed=0)


def test_mistakes_that_right_numbers_could_not_show() -> None:
    net, x, y = normalised(), X[:1], X[:1, :2]
    found = cg.diagnose(net, x, y, dict(net.gradients(x, y)))
    assert found.correct
    unseen = {u.slip.text: u for u in found.unseen}
    assert "gamma2 is 1 everywhere here" in unseen["gamma is left out"].why
    assert any("there is one sample here" in u.why for u in found.unseen)
    assert "gamma is left out" in found.to_text()
    assert not np.array_equal(unseen["gamma is left out"].parameters["gamma2"], net.parameters["gamma2"])


def test_a_function_is_tried_at_other_points() -> None:
    net, x, y = normalised(), X, X[:, :2]

    def gradients(p: dict[str, Any], x: Any, y: Any) -> dict[str, Any]:
        twin = net.copy()
        twin.set_parameters(p)
        trace = twin.trace(x, y)
        dx_hat = trace["dz2"]  # without gamma, which is 1 at first
        apart = dx_hat - dx_hat.mean(1, keepdims=True)
        apart = apart - trace["x_hat2"] * (dx_hat * trace["x_hat2"]).mean(1, keepdims=True)
        dz1 = apart / np.sqrt(trace["var2"][:, None] + 1e-5)
        given = {n: trace[f"d{n}"] for n in p}
        return {**given, "W1": x.T @ dz1, "b1": dz1.sum(0)}

    found = cg.diagnose(net, x, y, gradients)
    assert told(found) == ["dx_hat2: gamma is left out"]
    assert "At the numbers given the function is right" in found.notes[0]
    right = cg.diagnose(net, x, y, lambda p, x, y: dict(_with(net, p).gradients(x, y)))
    assert right.correct
    assert "right there too" in right.notes[0]


def _with(net: cg.Network, parameters: dict[str, Any]) -> cg.Network:
    twin = net.copy()
    twin.set_parameters(parameters)
    return twin


def test_an_overlapping_window_that_is_assigned() -> None:
    layers = [cg.Conv2D(2, 2), cg.MaxPool2D(2, stride=1), cg.Flatten(), cg.Dense(2)]
    net = cg.Network(layers, input_shape=(1, 5, 5), loss="SquaredError", dtype="float64", seed=3)
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((2, 1, 5, 5)), rng.standard_normal((2, 2))
    trace = net.trace(x, y)
    z, dp = trace["z1"], trace["dp1"]
    dz = np.zeros_like(z)
    for n, c, i, j in np.ndindex(dp.shape):
        u, v = divmod(int(z[n, c, i : i + 2, j : j + 2].argmax()), 2)
        dz[n, c, i + u, j + v] = dp[n, c, i, j]
    windows = np.lib.stride_tricks.sliding_window_view(x, dz.shape[2:], axis=(2, 3))  # n, c, u, v, p, q
    claims = {f"d{n}": trace[f"d{n}"] for n in net.parameters}
    claims.update(dW1=np.einsum("ncuvpq,nopq->ocuv", windows, dz), db1=dz.sum((0, 2, 3)))
    found = cg.diagnose(net, x, y, claims)
    assert told(found) == ["dz1: it is assigned where it should be added: the last one stays"]
