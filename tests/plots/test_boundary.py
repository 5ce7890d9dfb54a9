"""The decision boundary: every class has a region of its colour where the network finds it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.plots.boundary import COLOURS

X = np.random.default_rng(0).uniform(-1, 1, (60, 2))
Y = (X[:, 0] > 0).astype(int)


def pixels(plot: Any) -> Any:
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(plot.png)).convert("RGB")).astype(int)


@pytest.mark.parametrize(("outputs", "loss"), [(2, cg.CrossEntropy(from_logits=True)), (1, "Hinge")])
def test_the_regions_are_where_the_classes_are_found(outputs: int, loss: Any) -> None:
    """The network says 1 where the first input is above 0: blue is left and orange is right of the middle."""
    net = cg.Network([cg.Dense(outputs)], input_shape=2, loss=loss)
    net.set_parameters(W1=[[0, 50], [0, 0]] if outputs == 2 else [[50], [0]], b1=np.zeros(outputs))
    shown = pixels(net.plot("boundary", X, Y, classes=["a $", "b_{"]))
    places = []
    for colour in COLOURS[:2]:
        strong = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])
        full = 255 - 0.45 * (255 - strong)
        near = np.abs(shown - full).max(axis=2) <= 2
        assert near.sum() > 10_000
        places.append(np.nonzero(near)[1])
    assert np.quantile(places[0], 0.99) < np.quantile(places[1], 0.01)


def test_a_network_of_probabilities_is_paler_where_it_is_less_sure() -> None:
    net = cg.Network([cg.Dense(1), cg.Sigmoid()], input_shape=2, loss="BinaryCrossEntropy")
    net.set_parameters(W1=[[8], [0]], b1=[0])
    shown = pixels(net.plot("boundary", X, Y))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 100, "many shades"


@pytest.mark.parametrize(
    ("shape", "x", "y", "text"),
    [
        (3, np.ones((4, 3)), [0, 1, 0, 1], "in the plane of two inputs"),
        (2, None, None, "give x and y"),
        (2, X[:4], np.ones((4, 2)) * 0.5, "needs classes"),
    ],
)
def test_what_has_no_boundary_says_so(shape: int, x: Any, y: Any, text: str) -> None:
    loss = "SquaredError" if text == "needs classes" else cg.CrossEntropy(from_logits=True)
    with pytest.raises(cg.OptionError, match=text):
        cg.Network([cg.Dense(2)], input_shape=shape, loss=loss).plot("boundary", x, y)


def test_runs_with_two_inputs_have_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "spiral", "--epochs", "1", "--quiet", "--out", "r"]) == 0
    picture = tmp_path / "r" / "decision_boundary.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    picture.unlink()
    assert main(["test", "r"]) == 0
    assert picture.is_file()
