"""Convolutions over steps, and pooling of all of them: shapes, settings, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg


def built(*layers: cg.Layer, shape: Any = (7, 4)) -> cg.Network:
    return cg.Network([*layers], input_shape=shape, loss=cg.SquaredError(), dtype="float64")


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"kernel": 3}, 5), ({"kernel": 3, "stride": 2}, 3), ({"kernel": 3, "padding": 2}, 9),
        ({"kernel": 4, "padding": "same"}, 7), ({"kernel": 2, "stride": 2, "padding": "same"}, 4),
        ({"kernel": 5, "padding": "causal"}, 7), ({"kernel": 7}, 1),
    ],
)  # fmt: skip
def test_a_convolution_gives_so_many_steps(settings: dict[str, Any], steps: int) -> None:
    net = built(cg.Conv1D(2, **settings))
    assert net.output_shape == (steps, 2)
    assert net.parameters["W1"].shape == (2, 4, settings["kernel"])
    assert net.predict(np.zeros((3, 7, 4))).shape == (3, steps, 2)


def test_a_causal_convolution_sees_no_later_step() -> None:
    net, x = built(cg.Conv1D(2, 3, padding="causal")), np.random.default_rng(0).standard_normal((1, 7, 4))
    later = x.copy()
    later[:, 4:] = 9
    np.testing.assert_array_equal(net.predict(later)[:, :4], net.predict(x)[:, :4])


def test_layers_are_kept_in_files_and_share_weights(tmp_path: Path) -> None:
    layers = [cg.Conv1D(4, 3, padding="same", name="h"), cg.Tanh(), cg.Conv1D(4, 3, padding="same", weights_of="h")]
    net = built(*layers, cg.GlobalAvgPool1D())
    net.save(tmp_path / "n")
    again = cg.load(tmp_path / "n")
    x = np.random.default_rng(0).standard_normal((2, 7, 4))
    np.testing.assert_array_equal(again.predict(x), net.predict(x))
    assert net.check_gradients(x, np.zeros((2, 4))).passed
    assert "h.W" in str(net.derive())
    net.diagram("layers")
    net.diagram("graph")


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (cg.Conv1D(2, 9), (7, 4), "Conv1D: a window of 9 steps does not fit into the 7 steps that come in"),
        (cg.Conv1D(2, 3), 7, "Conv1D takes sequences, shape .N, T, D., but .N, 7. comes in"),
        (cg.GlobalAvgPool1D(), (3, 4, 5), "GlobalAvgPool1D takes sequences"),
        (cg.GlobalAvgPool2D(), (7, 4), "GlobalAvgPool2D takes images"),
    ],
)
def test_other_shapes_are_refused_with_a_cure(layer: cg.Layer, shape: Any, message: str) -> None:
    with pytest.raises(cg.ShapeError, match=message):
        built(layer, shape=shape)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"padding": "full"}, "padding is a number, 'same', 'valid' or 'causal', not 'full'"),
        ({"padding": -1}, "padding must be a whole number, 0 or more"),
        ({"stride": 0}, "stride must be a whole number, 1 or more"),
        ({"kernel": (3, 3)}, "kernel must be a whole number"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(cg.OptionError, match=message):
        cg.Conv1D(**{"filters": 2, "kernel": 3, **settings})
