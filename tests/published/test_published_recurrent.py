"""Published worked examples of recurrent networks: the right figures, and the mistakes that make the wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from summed import column, summed

import chalkgrad as cg
from chalkgrad.diagnosis.claims.slack import Slack
from chalkgrad.replay import Figure

Array = np.ndarray[Any, Any]


def scalar(Wxh: float, Whh: float, Why: float, b: float | None = None, by: float | None = None) -> cg.Network:
    """One unit over three steps, read at each of them."""
    layers = [cg.RNN(1, sequences=True, bias=b is not None), cg.Dense(1, bias=by is not None)]
    given = {"W1": [[Wxh]], "U1": [[Whh]], "W2": [[Why]]}
    biases = {"b1": b, "b2": by}
    return summed(layers, 3, 1, given | {n: [v] for n, v in biases.items() if v is not None})


@pytest.mark.parametrize(
    ("x", "W", "U", "b", "printed"),
    [
        ([[1], [2], [3]], [[0.5]], [[0.8]], [0], [0.9759]),
        ([[0.5], [0.1], [-0.2]], [[1.0]], [[0.5]], [0.1], [0.118]),
        (
            [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]],
            [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]],
            [[0.7, 0.8], [0.9, 1.0]],
            [0.1, 0.2],
            [0.7474, 0.9302],
        ),
    ],
)
def test_open_deep_ml_54_last_state(x: Any, W: Any, U: Any, b: Any, printed: list[float]) -> None:
    """Open-Deep-ML, question 54; there the vectors are columns."""
    net = summed([cg.RNN(len(b))], len(x), len(x[0]), {"W1": np.transpose(W), "U1": np.transpose(U), "b1": b})
    np.testing.assert_allclose(net.predict([x])[0], printed, atol=6e-5)


def test_scalar_network_with_all_gradients_and_an_update() -> None:
    """A Bengali course note on back-propagation through time; every figure is right."""
    net = scalar(0.5, 0.1, 1.0)
    x, y = column([1, 2, 3]), column([0.5, 1, 1.5])
    trace = net.trace(x, y, optimizer=cg.SGD(0.1))
    assert trace["L"] == pytest.approx(0.194, abs=6e-5)
    printed = {
        "dz1": [[[-0.03683], [-0.08948], [-0.09117]]],
        "dW1": [[-0.4893]],
        "dU1": [[-0.11249]],
        "dW2": [[-0.7231]],
        "W1_new": [[0.54893]],
        "U1_new": [[0.11125]],
        "W2_new": [[1.07231]],
    }
    for name, figure in printed.items():
        np.testing.assert_allclose(trace[name], figure, atol=4e-5, err_msg=name)
    assert cg.diagnose(net, x, y, printed, learning_rate=0.1).correct


def test_scalar_network_by_the_forward_recursion() -> None:
    """GitHub dummy-ilh/MINE, RNN, chapters 2 and 3: dh_t/dWhh step by step, to three digits by hand."""
    net = scalar(0.5, 0.8, 1.0, 0.1, 0.0)
    x = column([1, 2, 3])
    trace = net.trace(x, column([0.6, 0.8, 1.0]))
    np.testing.assert_allclose(trace["h1"][0, :, 0], [0.537, 0.91, 0.981], atol=6e-4)
    assert trace["dU1"][0, 0] == pytest.approx(0.0095, abs=1.5e-4)
    for step, printed in enumerate([0.0, 0.0924, 0.0374]):
        alone = np.zeros((1, 3, 1))
        alone[0, step] = 1  # the derivative by this step's output is 1, by the others' 0
        found = net.trace(x, trace["y_hat"] - alone)["dU1"][0, 0]
        assert found == pytest.approx(printed, abs=8e-4)


MINE = {"dW2": [[-0.1601]], "dW1": [[-0.1085]], "dU1": [[-0.0323]], "db1": [-0.0441], "db2": [-0.091]}
"""As printed, to four decimals."""


def test_tanh_left_out_on_the_way_through_time() -> None:
    """GitHub dummy-ilh/MINE, RNN, chapter 3, second example: the signs of two gradients come out wrong."""
    net = scalar(0.5, 0.8, 1.2, 0.1, 0.0)
    x, y = column([1, 2, 3]), column([0.5, 1, 1.5])
    right = net.trace(x, y)
    correct = {"dW2": -0.15478038, "dW1": 0.12377688, "dU1": -0.0039998, "db1": 0.13562483, "db2": -0.08568785}
    for name, value in correct.items():
        assert right[name].item() == pytest.approx(value, abs=1e-8)
    h = [[[0.537], [0.906], [0.981]]]  # tanh(1.5296) is misread: it is 0.910
    misread, left_out = cg.diagnose(net, x, y, {"h1": h, **MINE}).causes
    assert misread.slips[0].text.startswith("h1[0, 1, 0] is misread or miscalculated, 0.906")
    assert left_out.slips[0].text == "the activation's derivative is left out on the way through time"
    assert left_out.slack is Slack.BY_HAND


def thsis() -> tuple[cg.Network, Array, Array]:
    """Two units over three steps, read at the last one; no biases."""
    net = summed([cg.RNN(2, bias=False), cg.Dense(1, bias=False)], 3, 1, {})
    net.set_parameters(W1=[[2.0, 1.0]], U1=[[1.0, 3.0], [2.0, 4.0]], W2=[[2.0], [4.0]])
    return net, column([0.2, 0.3, 0.4]), np.array([[7.0]])


def test_one_path_only_and_a_jacobian_taken_by_elements() -> None:
    net, x, y = thsis()
    trace = net.trace(x, y)
    np.testing.assert_allclose(trace["dW1"], [[-0.003096057329375939, -0.0010387890289912135]], rtol=1e-12)
    dU = [[-0.005399870849151139, -0.005711445674792883], [-0.00020622301302381662, -0.00011483219594516924]]
    np.testing.assert_allclose(trace["dU1"].T, dU, rtol=1e-12)
    h = trace["h1"][0]
    slopes, U = 1 - h**2, trace["U1"]
    # the sign is that of y - y_hat; of the ways only the longest counts; of a Jacobian the sums of its columns
    first = -trace["dlast1"][0] * (slopes[2] @ U.T)
    way = first * (slopes[1] @ U.T)
    mistake = "the sign is flipped, only the longest path counts, and the Jacobians are multiplied by elements"
    figures = (
        Figure("dW", ("0.00034735", "0.00272708"), trace["dW1"][0], way * slopes[0] * 0.2, mistake),
        Figure("dU", ("0.00053191", "0.00212484"), trace["dU1"].T[0], first * (slopes[1] @ h[0]), mistake),
    )
    assert all(f.explained for f in figures)
