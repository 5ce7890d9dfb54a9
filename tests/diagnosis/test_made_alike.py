"""One mistake made alike in several places is named once."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.diagnosis.rerun import Rerun
from chalkgrad.diagnosis.slips.slip import Carried, Slip
from chalkgrad.diagnosis.slips.usual import slips

T = 4
DENSE = [cg.Dense(3), cg.Sigmoid(), cg.Dense(3), cg.Tanh(), cg.Dense(3)]
BLOCK = [cg.Dense(3), cg.Tanh()]


def diagnosed(layers: list[cg.Layer], words: str, places: int, steps: tuple[int, ...] = ()) -> cg.Diagnosis:
    """The diagnosis of a pass in which a mistake is made in so many places.

    Args:
        layers: the network.
        words: what stands in its text in each of them.
        places: how many there are.
        steps: (T,) for sequences.
    """
    rng = np.random.default_rng(0)
    shape = (*steps, 3)
    net = cg.Network(layers, input_shape=shape, loss="SquaredError", dtype="float64", seed=1)
    net.flat += 0.3 * rng.standard_normal(net.flat.shape)
    x, y = rng.standard_normal((3, *shape)), rng.standard_normal((3, *net.layout.output_shape))
    trace = net.trace(x, y)

    def meant(slip: Slip) -> bool:
        plain = slip.text.replace("left.U", "U").replace("right.U", "U")
        return words in plain and slip.carried is Carried.COMPUTED

    chosen = [slip for slip in slips(trace.program, None, 3) if meant(slip)]
    assert len(chosen) == places, chosen
    claims = Rerun(trace.program, trace).run(chosen, [f"d{name}" for name in net.parameters])
    return cg.diagnose(net, x, y, claims)


@pytest.mark.parametrize(
    ("layers", "words", "places", "said"),
    [
        ([cg.GRU(3)], "transpose of U", 3, "the transpose of U is left out, in every gate of layer 1, GRU"),
        ([cg.GRU(3, "after")], "transpose of U", 3, "the transpose of U is left out, in every gate of layer 1, GRU"),
        ([cg.RNN(3, bidirectional=True)], "transpose of U", 2, "the transpose of U is left out, in every RNN layer"),
        (
            [cg.LSTM(3, sequences=True), cg.LSTM(3)],
            "transpose of U",
            8,
            "the transpose of U is left out, in every LSTM layer",
        ),
    ],
)
def test_a_mistake_in_every_gate(layers: list[cg.Layer], words: str, places: int, said: str) -> None:
    diagnosis = diagnosed([*layers, cg.Dense(1)], words, places, (T,))
    assert [s.text for c in diagnosis.causes for s in c.slips] == [said]
    assert diagnosis.unexplained == ()
    assert len(diagnosis.causes[0].slips[0].outputs) == places


@pytest.mark.parametrize(
    ("layers", "words", "places", "said"),
    [
        (DENSE, "transpose of W", 3, "the transpose of W is left out, in every Dense layer"),
        (
            DENSE,
            "the activation's derivative is left out",
            2,
            "the activation's derivative is left out, in every layer",
        ),
        (
            [*BLOCK, cg.Residual([cg.Dense(3), cg.Tanh()]), cg.Residual([cg.Dense(3), cg.Tanh()]), cg.Dense(2)],
            "the skip's gradient is forgotten",
            2,
            "the skip's gradient is forgotten, everywhere",
        ),
    ],
)
def test_a_mistake_in_every_layer(layers: list[cg.Layer], words: str, places: int, said: str) -> None:
    diagnosis = diagnosed(layers, words, places)
    assert [s.text for c in diagnosis.causes for s in c.slips] == [said]


def test_where_the_shapes_allow_it() -> None:
    """Nobody can leave out the transpose of a matrix that is not square, but of all others."""
    layers = [cg.Dense(3), cg.Tanh(), cg.Dense(3), cg.Tanh(), cg.Dense(2)]
    rng = np.random.default_rng(2)
    net = cg.Network(layers, input_shape=3, loss="SquaredError", dtype="float64", seed=1)
    x, y = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    t, W = net.trace(x, y), net.parameters
    dz2 = t["da2"] * (1 - t["a2"] ** 2)
    dz1 = (dz2 @ W["W2"]) * (1 - t["a1"] ** 2)
    diagnosis = cg.diagnose(net, x, y, {"dW1": x.T @ dz1, "dx": dz1 @ W["W1"]})
    assert [s.text for c in diagnosis.causes for s in c.slips] == [
        "the transpose of W is left out, in every Dense layer where the shapes allow it"
    ]


def test_a_mistake_of_one_place_is_said_of_that_place() -> None:
    """The same in all layers gives the same where only one layer's gradient is claimed: the nearer one is named."""
    diagnosis = diagnosed(DENSE, "transpose of W2", 1)
    cause = diagnosis.causes[0]
    assert [s.text for s in cause.slips] == ["the transpose of W2 is left out"]
    assert cause.instead == ()


def test_the_report_names_all_places() -> None:
    diagnosis = diagnosed(DENSE, "transpose of W", 3)
    slip: Any = json.loads(diagnosis.to_json())["causes"][0]["slips"][0]
    assert slip["values"] == ["da2", "da1", "dx"]
    assert slip["layer"] == "Dense"
    assert "At da2, da1, dx, Dense. It makes" in diagnosis.to_text()
    assert str(diagnosis.causes[0]).startswith("da2, da1, dx (Dense): the transpose of W is left out, in every Dense")
