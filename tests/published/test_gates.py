"""Published worked examples of LSTMs and GRUs: the right figures, and the mistakes that make the wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from summed import column, summed

import chalkgrad as cg
from chalkgrad.replay import Figure

Array = np.ndarray[Any, Any]
Gates = dict[str, tuple[float, float, float]]


def scalar_gates(layer: Any, gates: Gates) -> cg.Network:
    """One unit over three steps, of the weights of x and h and the bias of each gate."""
    given: dict[str, Any] = {}
    for gate, (w, u, b) in gates.items():
        given |= {f"W{gate}1": [[w]], f"U{gate}1": [[u]], f"b{gate}1": [b]}
    return summed([layer], 3, 1, given)


def table(net: cg.Network, x: Array, columns: str) -> Array:
    trace = net.trace(x, np.zeros((1, 3, 1)))
    return np.concatenate([trace["y_hat" if name == "h" else f"{name}1"][0] for name in columns], axis=1)


def test_scalar_lstm_step_by_step() -> None:
    """GitHub dummy-ilh/MINE, LSTM, chapter 3."""
    gates = {"f": (0.5, 0.3, 0.1), "i": (0.4, 0.2, 0.0), "g": (0.5, 0.8, 0.1), "o": (0.6, 0.4, 0.0)}
    printed = [
        [0.646, 0.599, 0.537, 0.322, 0.646, 0.201],
        [0.761, 0.699, 0.851, 0.839, 0.783, 0.536],
        [0.853, 0.787, 0.966, 1.477, 0.882, 0.795],
    ]
    net = scalar_gates(cg.LSTM(1, sequences=True), gates)
    np.testing.assert_allclose(table(net, column([1, 2, 3]), "figcoh"), printed, atol=6e-4)


@pytest.mark.long
def test_scalar_lstm_with_one_tanh_misread() -> None:
    """GitHub dummy-ilh/MINE, Sequential models, chapter 6: tanh(-1.0294) is -0.7736, not -0.7745."""
    gates = {"f": (0.8, 0.1, 0.0), "i": (0.5, 0.2, 0.0), "o": (0.6, 0.3, 0.0), "g": (1.0, -0.1, 0.0)}
    printed = np.array(
        [
            ["0.6900", "0.6225", "0.7616", "0.4741", "0.6457", "0.2852"],
            ["0.6055", "0.5762", "0.4394", "0.5403", "0.5952", "0.2937"],
            ["0.3164", "0.3915", "-0.7745", "-0.1323", "0.3748", "-0.0493"],
        ]
    )
    net, x = scalar_gates(cg.LSTM(1, sequences=True), gates), column([1, 0.5, -1])
    right = [
        [0.6899744811, 0.6224593312, 0.7615941560, 0.4740613890, 0.6456563062, 0.2850411137],
        [0.6055164075, 0.5761548348, 0.4394071723, 0.5402185160, 0.5952019199, 0.2935258251],
        [0.3163390735, 0.3914324793, -0.7736485527, -0.1319389462, 0.3747383267, -0.0491576667],
    ]
    np.testing.assert_allclose(table(net, x, "figcoh"), right, atol=1e-10)
    claims = {("y_hat" if n == "h" else f"{n}1"): printed[None, :, k, None].tolist() for k, n in enumerate("figcoh")}
    diagnosis = cg.diagnose(net, x, np.zeros((1, 3, 1)), claims)
    verdicts = {f.name: f.verdict for f in diagnosis.findings}
    by_hand, follows = "rounded by hand", "follows"
    assert verdicts == {"i1": by_hand, "f1": by_hand, "g1": "wrong", "o1": by_hand, "c1": follows, "y_hat": follows}
    (cause,) = diagnosis.causes
    assert cause.slips[0].text.startswith("g1[0, 2, 0] is misread or miscalculated, -0.7745")


def test_gomez_two_steps_of_an_lstm() -> None:
    """Aidan Gomez, Backpropagating an LSTM, as worked through in GitHub ThomasH88/home_made_RNN."""
    W = {"g": [0.45, 0.25], "i": [0.95, 0.8], "f": [0.7, 0.45], "o": [0.6, 0.4]}
    U, b = {"g": 0.15, "i": 0.8, "f": 0.1, "o": 0.25}, {"g": 0.2, "i": 0.65, "f": 0.15, "o": 0.1}
    given: dict[str, Any] = {}
    for gate in W:
        given |= {f"W{gate}1": np.transpose([W[gate]]), f"U{gate}1": [[U[gate]]], f"b{gate}1": [b[gate]]}
    net = summed([cg.LSTM(1, sequences=True)], 2, 2, given)
    trace = net.trace([[[1, 2], [0.5, 3]]], [[[0.5], [1.25]]], optimizer=cg.SGD(0.1))
    np.testing.assert_allclose(trace["c1"].ravel(), [0.7857261484365797, 1.5176330976694041], rtol=3e-15)
    np.testing.assert_allclose(trace["y_hat"].ravel(), [0.5363133978820118, 0.7719811057588907], rtol=3e-15)
    deltas = np.concatenate([trace[f"dz{gate}1"][0] for gate in "gifo"], axis=1)
    printed = [
        [-0.01702404472886597, -0.0016458818995508829, 0, 0.0017648023073026033],
        [-0.01938434750774075, -0.001115614070446023, -0.006306541742007648, -0.05537783112520711],
    ]
    np.testing.assert_allclose(deltas, printed, rtol=1e-12, atol=1e-16)
    new = {
        "W": [[0.45267162, 0.25922011], [0.95022037, 0.80066386], [0.70031533, 0.45189196], [0.60259241, 0.41626039]],
        "U": [[0.15103961], [0.80005983], [0.10033823], [0.25296999]],
        "b": [[0.20364084], [0.65027615], [0.15063065], [0.1053613]],
    }
    for kind, rows in new.items():
        for gate, row in zip("gifo", rows, strict=True):
            np.testing.assert_allclose(trace[f"{kind}{gate}1_new"].ravel(), row, atol=6e-9)


# -- the LSTM of a course ------------------------------------------------------------------------------------------


def deep_learning_ai() -> tuple[cg.Network, Array, Array]:
    """The first four of the seven steps of the exercise, whose derivatives are given at random.

    There h starts at a0. Here it starts at 0, and five further inputs at the first step are a0, whose weights are those
    of h.
    """
    random = np.random.RandomState(1)
    x, a0 = random.randn(3, 10, 7), random.randn(5, 10)
    gates: dict[str, tuple[Array, Array]] = {}
    for gate in "fiog":
        weights = random.randn(5, 8)
        gates[gate] = weights, random.randn(5, 1)
    da = random.randn(5, 10, 4)
    given: dict[str, Any] = {}
    for gate, (weights, bias) in gates.items():
        given[f"W{gate}1"] = np.concatenate([weights[:, 5:], weights[:, :5]], axis=1).T
        given[f"U{gate}1"], given[f"b{gate}1"] = weights[:, :5].T, bias[:, 0]
    net = summed([cg.LSTM(5, sequences=True)], 4, 8, given)
    samples = np.zeros((10, 4, 8))
    samples[:, :, :3] = x[:, :, :4].transpose(1, 2, 0)
    samples[:, 0, 3:] = a0.T
    return net, samples, net.predict(samples) - da.transpose(1, 2, 0)  # so that the derivative by h is da


def of_the_gate(values: Any, gate: str, row: int, column: int) -> float:
    """An element of the exercise's matrix of h: the derivative by U, and by the weights of a0."""
    return float(values[f"dU{gate}1"][column, row] + values[f"dW{gate}1"][3 + column, row])


def test_deeplearning_ai_lstm_backward() -> None:
    """The later version of the exercise; every figure is right."""
    net, x, y = deep_learning_ai()
    trace = net.trace(x, y)
    np.testing.assert_allclose(trace["dx"][2, :, 1], [0.00218254, 0.28205375, -0.48292508, -0.43281115], atol=6e-9)
    assert trace["dx"][3, 0, 3 + 2] == pytest.approx(0.312770310257, abs=6e-13)
    printed = {
        ("f", 3): -0.0809802310938,
        ("i", 1): 0.40512433093,
        ("g", 3): -0.0793746735512,
        ("o", 1): 0.038948775763,
    }
    for (gate, row), figure in printed.items():
        assert of_the_gate(trace, gate, row, {3: 1, 1: 2}[row]) == pytest.approx(figure, abs=6e-12)
    biases = {"f": -0.15745657, "i": -0.50848333, "g": -0.42510818, "o": -0.17958196}
    for gate, figure in biases.items():
        assert trace[f"db{gate}1"][4] == pytest.approx(figure, abs=6e-9)


def test_deeplearning_ai_lstm_backward_without_recurrence() -> None:
    """The earlier version: each step sees its own da only."""
    net, x, y = deep_learning_ai()
    claims = {f"dx[2, {t}, 1]": v for t, v in enumerate(("-0.00173313", "0.08287442", "-0.30545663", "-0.43281115"))}
    claims |= {"dx[3, 0, 5]": "-0.095911501954", "dbf1[4]": "-0.0565788"}
    diagnosis = cg.diagnose(net, x, y, claims)
    (cause,) = diagnosis.causes
    assert (
        cause.slips[0].text == "nothing comes back from the step after, on any way: no recurrence in the backward pass"
    )


# -- GRUs ----------------------------------------------------------------------------------------------------------


def test_scalar_gru_step_by_step() -> None:
    """GitHub dummy-ilh/MINE; there h = (1 - z) h' + z n, so that z is what 1 - z is here."""
    gates = {"r": (0.5, 0.3, 0.1), "z": (-0.4, -0.2, 0.0), "n": (0.5, 0.8, 0.1)}
    printed = [[0.646, 0.599, 0.537, 0.322], [0.768, 0.704, 0.861, 0.701], [0.859, 0.793, 0.969, 0.914]]
    found = table(scalar_gates(cg.GRU(1, sequences=True), gates), column([1, 2, 3]), "rznh")
    found[:, 1] = 1 - found[:, 1]
    np.testing.assert_allclose(found, printed, atol=6e-4)


GRU_STEP = {
    "W": {"n": [0.2, 0.9], "z": [0.1, 3.1], "r": [2.3, 0.5]},
    "U": {
        "n": [[1.5, 2.6], [1.8, 3.6]],
        "z": [[0.1, 4.1], [0.2, 1.0]],
        "r": [[1.3, 7.1], [9.1, 4.5]],
    },
}
READ, TARGET, RATE = np.array([2.0, 4.0]), 7.0, 0.1


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def gru_pass(W: Any, U: Any, xs: list[float], h: Array) -> list[dict[str, Array]]:
    """The steps of the notebook's GRU, in its convention, h = (1 - z) h' + z n."""
    steps: list[dict[str, Array]] = []
    for x in xs:
        z, r = (sigmoid(W[g] * x + U[g] @ h) for g in "zr")
        n = np.tanh(W["n"] * x + U["n"] @ (r * h))
        steps.append({"x": np.array(x), "before": h, "z": z, "r": r, "n": n, "h": (1 - z) * h + z * n})
        h = steps[-1]["h"]
    return steps


def gru_by_the_notebook(W: Any, U: Any, steps: list[dict[str, Array]]) -> tuple[Any, Any]:
    """Its gradients, with its mistakes; one more, in dUr, moves the prediction by 2e-10 only."""
    dW = {g: np.zeros(2) for g in "nzr"}
    dU = {g: np.zeros((2, 2)) for g in "nzr"}
    for s in steps:  # each by itself: nothing goes on to the step before
        x, before, z, r, n, h = (s[k] for k in ("x", "before", "z", "r", "n", "h"))
        dh = (READ @ h - TARGET) * READ
        dzn = dh * z * (1 - n**2)
        slope = z * (1 - z)
        dW["n"] += dzn * x
        dU["n"] += np.outer(dzn, before)
        dW["z"] += dh * (-h - n) * slope * x
        dU["z"] += np.outer(dh * n * slope, before) - np.outer(dh * h, before)
        dr = (U["n"].T @ dzn) * before * r * (1 - r)
        dW["r"] += dr * x
        dU["r"] += np.outer(dr, before)
    return dW, dU


def test_gru_after_one_step_with_several_mistakes() -> None:
    W, U = ({g: np.array(v) for g, v in GRU_STEP[k].items()} for k in "WU")
    net = summed([cg.GRU(2, bias=False, sequences=True), cg.Dense(1, bias=False)], 3, 1, {})
    signs = {"r": 1, "z": -1, "n": 1}  # z here is 1 - z there
    for gate, sign in signs.items():
        net.set_parameters({f"W{gate}1": sign * W[gate][None], f"U{gate}1": sign * U[gate].T})
    net.set_parameters(W2=READ[:, None])
    net.freeze("W2")
    x = column([0.2, 0.3, 0.4])
    net.fit(x, np.full((1, 3, 1), TARGET), optimizer=cg.SGD(RATE), epochs=1, batch_size=None, progress=False)
    correct = net.predict(x)[0, 2, 0]
    assert correct == pytest.approx(5.9153061318205, rel=1e-12)
    steps = gru_pass(W, U, [0.2, 0.3, 0.4], np.zeros(2))
    dW, dU = gru_by_the_notebook(W, U, steps)
    W2, U2 = ({g: a[g] - RATE * d[g] for g in a} for a, d in ((W, dW), (U, dU)))
    again = gru_pass(W2, U2, [0.2, 0.4], steps[-1]["h"])
    mistake = (
        "nothing goes back from step to step, dUn takes h' where r h' is due, dWz the wrong difference, dUz a term outside "
        "the sigmoid's slope, and the second pass starts at the first one's last h"
    )
    assert Figure("y_hat", ("5.986334",), correct, READ @ again[-1]["h"], mistake).explained
