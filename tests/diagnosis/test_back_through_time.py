"""Mistakes of networks over time: made in plain NumPy, and named by the diagnosis from the gradients alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.diagnosis.slips.slip import ONCE

Array = np.ndarray[Any, Any]
N, T, INPUTS, H, K = 3, 4, 2, 3, 2


def recurrent(seed: int = 0, **settings: Any) -> tuple[cg.Network, Array, Array]:
    rng = np.random.default_rng(seed)
    net = cg.Network(
        [cg.RNN(H, **settings), cg.Dense(K), cg.Softmax()], input_shape=(T, INPUTS), loss="CrossEntropy", dtype="float64",
        seed=1,
    )  # fmt: skip
    net.flat += 0.2 * rng.standard_normal(net.flat.shape)
    return net, rng.standard_normal((N, T, INPUTS)), rng.integers(0, K, N)


def by_hand(net: cg.Network, x: Array, y: Array, mistake: str = "") -> dict[str, Array]:
    """The gradients of `recurrent()`, step by step, with a mistake."""
    W, U, b, W2, b2 = (net.parameters[name] for name in ("W1", "U1", "b1", "W2", "b2"))
    h = np.zeros((N, T + 1, H))
    for t in range(T):
        h[:, t + 1] = np.tanh(x[:, t] @ W + h[:, t] @ U + b)
    e = np.exp(h[:, T] @ W2 + b2)
    dz2 = (e / e.sum(axis=1, keepdims=True) - np.eye(K)[y]) / N
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    dh = dz2 @ W2.T
    for t in reversed(range(T)):
        dz = dh if mistake == "no tanh'" else dh * (1 - h[:, t + 1] ** 2)
        dW += x[:, t].T @ dz
        db += dz.sum(axis=0)
        dU += (h[:, t + 1] if mistake == "same step" else h[:, t]).T @ dz
        match mistake:
            case "no recurrence":
                dh = np.zeros_like(dh)
            case "untransposed":
                dh = dz @ U
            case "no tanh' on the way":
                dh = dh @ U.T
            case _:
                dh = dz @ U.T
    return {"dU1": dU, "dW1": dW, "db1": db, "dW2": h[:, T].T @ dz2, "db2": dz2.sum(axis=0)}


def told(diagnosis: cg.Diagnosis) -> list[tuple[str, str]]:
    return [(s.output, s.text) for c in diagnosis.causes for s in c.slips]


def test_right_gradients_are_right() -> None:
    net, x, y = recurrent()
    assert cg.diagnose(net, x, y, by_hand(net, x, y)).correct


@pytest.mark.parametrize(
    ("mistake", "output", "text"),
    [
        ("no recurrence", "dh1_from_z1", "nothing comes back from the step after: no recurrence"),
        ("untransposed", "dh1_from_z1", "the transpose of U1 is left out"),
        (
            "no tanh' on the way",
            "dh1_from_z1",
            "the activation's derivative is left out on the way through time",
        ),
        ("no tanh'", "dz1", "the activation's derivative is left out"),
        ("same step", "dU1", "the same step's h1 is taken, not the one before"),
    ],
)
def test_a_mistake_of_a_recurrent_network_is_named(mistake: str, output: str, text: str) -> None:
    net, x, y = recurrent()
    claims = by_hand(net, x, y, mistake)
    assert told(cg.diagnose(net, x, y, claims)) == [(output, text)]
    alone = cg.diagnose(net, x, y, {"dU1": claims["dU1"]})
    assert told(alone) == [(output, text)]


def test_a_mistake_goes_on_through_time_or_is_made_at_each_step_from_right_numbers() -> None:
    net, x, y = recurrent()
    trace = net.trace(x, y)
    dz, U, h = trace["dz1"], net.parameters["U1"], trace["h1"]
    after = np.concatenate([dz[:, 1:], np.zeros((N, 1, H))], axis=1)
    share = after @ U
    claims = {"dh1_from_z1": share, "dz1": (share + trace["dh1_from_last1"]) * (1 - h**2)}
    once = cg.diagnose(net, x, y, claims)
    assert told(once) == [("dh1_from_z1", f"the transpose of U1 is left out; {ONCE}")]
    dh = np.zeros_like(dz)
    for t in reversed(range(T)):
        before = 0 if t == T - 1 else (dh * (1 - h**2))[:, t + 1] @ U
        dh[:, t] = before + trace["dh1_from_last1"][:, t]
    through = cg.diagnose(net, x, y, {"dh1": dh})
    assert told(through) == [("dh1_from_z1", "the transpose of U1 is left out")]


def test_both_lines_of_a_mistake_in_a_loop_name_what_they_take() -> None:
    net, x, y = recurrent()
    text = cg.diagnose(net, x, y, by_hand(net, x, y, "no tanh' on the way")).to_text()
    assert "dh1_from_z1[t] = dz1[t + 1] @ U1.T\n    right" in text
    assert "dh1_from_z1[t] = dh1[t + 1] @ U1.T\n    wrong" in text


def test_claims_that_follow_from_claims_of_other_times() -> None:
    """One wrong number at the last step: the steps before are right from it, and so are the sums."""
    net, x, y = recurrent()
    trace = net.trace(x, y)
    U, h = net.parameters["U1"], trace["h1"]
    dh, dz = trace["dh1"].copy(), trace["dz1"].copy()
    dz[0, T - 1, 1] += 0.01
    for t in reversed(range(T - 1)):
        dh[:, t] = dz[:, t + 1] @ U.T
        dz[:, t] = dh[:, t] * (1 - h[:, t] ** 2)
    claims = {"dh1": dh, "dz1": dz, "db1": dz.sum(axis=(0, 1))}
    verdicts = {f.name: f.verdict for f in cg.diagnose(net, x, y, claims).findings}
    assert verdicts == {"dh1": "follows", "dz1": "wrong", "db1": "follows"}


# -- gates ---------------------------------------------------------------------------------------------------------


def lstm() -> tuple[cg.Network, Array, Array]:
    rng = np.random.default_rng(3)
    net = cg.Network([cg.LSTM(H), cg.Dense(1)], input_shape=(T, INPUTS), loss="SquaredError", dtype="float64", seed=2)
    net.flat += 0.2 * rng.standard_normal(net.flat.shape)
    return net, rng.standard_normal((N, T, INPUTS)), rng.standard_normal((N, 1))


def lstm_by_hand(net: cg.Network, x: Array, y: Array, mistake: str = "") -> dict[str, Array]:
    """The gradients of `lstm()`, step by step, with a mistake."""
    p = net.parameters
    h, c = np.zeros((N, T + 1, H)), np.zeros((N, T + 1, H))
    gates: dict[str, Array] = {gate: np.zeros((N, T, H)) for gate in "ifgo"}
    for t in range(T):
        for gate, values in gates.items():
            z = x[:, t] @ p[f"W{gate}1"] + h[:, t] @ p[f"U{gate}1"] + p[f"b{gate}1"]
            values[:, t] = np.tanh(z) if gate == "g" else 1 / (1 + np.exp(-z))
        c[:, t + 1] = gates["f"][:, t] * c[:, t] + gates["i"][:, t] * gates["g"][:, t]
        h[:, t + 1] = gates["o"][:, t] * np.tanh(c[:, t + 1])
    dy = 2 * (h[:, T] @ p["W2"] + p["b2"] - y) / N
    found = {f"d{name}": np.zeros_like(value) for name, value in p.items()}
    found |= {"dW2": h[:, T].T @ dy, "db2": dy.sum(axis=0)}
    dh, dc = dy @ p["W2"].T, np.zeros((N, H))
    for t in reversed(range(T)):
        i, f, g, o = (gates[gate][:, t] for gate in "ifgo")
        squashed = np.tanh(c[:, t + 1])
        do = dh * squashed
        dc = dc + dh * o * (1 - squashed**2)
        before = c[:, t + 1] if mistake == "c for c'" else c[:, t]
        slopes = {"i": i * (1 - i), "f": f * (1 - f), "g": 1 - g**2, "o": o * (1 - o)}
        if mistake == "no slopes":
            slopes = dict.fromkeys("ifgo", np.ones_like(i))
        if mistake == "the gate, not its slope":
            slopes["f"] = f
        back = {"i": dc * g, "f": dc * before, "g": dc * i, "o": do}
        dz = {gate: back[gate] * slopes[gate] for gate in "ifgo"}
        for gate in "ifgo":
            found[f"dW{gate}1"] += x[:, t].T @ dz[gate]
            found[f"dU{gate}1"] += h[:, t].T @ dz[gate]
            found[f"db{gate}1"] += dz["f" if mistake == "biases of f" and gate in "io" else gate].sum(axis=0)
        dh, dc = sum(dz[gate] @ p[f"U{gate}1"].T for gate in "ifgo"), dc * f
        if mistake == "untransposed":
            dh = sum(dz[gate] @ p[f"U{gate}1"] for gate in "ifgo")
        if mistake == "no recurrence":
            dh, dc = np.zeros_like(dh), np.zeros_like(dc)
        if mistake == "cell only":
            dh = np.zeros_like(dh)
        if mistake == "hidden state only":
            dc = np.zeros_like(dc)
    return found


def test_right_gradients_of_an_lstm_are_right() -> None:
    net, x, y = lstm()
    assert cg.diagnose(net, x, y, lstm_by_hand(net, x, y)).correct


@pytest.mark.parametrize(
    ("mistake", "outputs", "words"),
    [
        ("no recurrence", ["dh1_from_zi1"], "no recurrence in the backward pass"),
        pytest.param("cell only", ["dh1"], "only the share from last1", marks=pytest.mark.long),
        ("hidden state only", ["dc1_from_c1"], "nothing comes back from the step after"),
        pytest.param("c for c'", ["df1"], "not the one before", marks=pytest.mark.long),
        pytest.param("the gate, not its slope", ["dzf1"], "the factor 1 - f1 is left out", marks=pytest.mark.long),
        ("biases of f", ["dbi1", "dbo1"], "what comes back to another gate is taken: dzf1"),
        ("untransposed", ["dh1_from_zi1"], "the transpose of U is left out, in every gate of layer 1, LSTM"),
        ("no slopes", ["dzi1"], "the activation's derivative is left out, in every gate of layer 1, LSTM"),
    ],
)
def test_a_mistake_of_an_lstm_is_named(mistake: str, outputs: list[str], words: str) -> None:
    net, x, y = lstm()
    diagnosis = cg.diagnose(net, x, y, lstm_by_hand(net, x, y, mistake))
    assert [output for output, _ in told(diagnosis)] == outputs, diagnosis
    assert all(words in text for _, text in told(diagnosis)), diagnosis


# -- ids -----------------------------------------------------------------------------------------------------------


def test_repeated_ids_that_overwrite_one_another() -> None:
    rng = np.random.default_rng(0)
    net = cg.Network(
        [cg.Embedding(5, 3), cg.RNN(2), cg.Dense(2), cg.Softmax()],
        input_shape=T,
        loss="CrossEntropy",
        dtype="float64",
        seed=1,
    )
    x, y = np.array([[1, 3, 1, 0], [3, 3, 2, 1]]), rng.integers(0, 2, 2)
    trace = net.trace(x, y)
    dW = np.zeros((5, 3))
    dW[x] = trace["de1"]  # the last one stays
    diagnosis = cg.diagnose(net, x, y, {"dW1": dW, "dU2": trace["dU2"]})
    assert told(diagnosis) == [("dW1", "an id that occurs again overwrites what came back before: assigned, not added")]


def test_ids_have_no_derivative_to_check() -> None:
    net = cg.Network(
        [cg.Embedding(5, 3), cg.RNN(2), cg.Dense(2), cg.Softmax()], input_shape=T, loss="CrossEntropy", seed=1
    )
    report = net.check_gradients(np.array([[1, 3, 1, 0], [3, 3, 2, 1]]), [0, 1])
    assert report.passed
    assert [v.name for v in report.values] == [f"d{p}" for p in net.parameters]
