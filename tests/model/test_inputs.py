"""Several inputs: x is a mapping of their samples, and every reading has them by their names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.examples.example import load_example

SHAPES: dict[str, dict[str, Any]] = {
    "rows": {"left": 3, "right": (5,)},
    "image": {"picture": (1, 4, 4), "side": 2},
}


def layers(kind: str) -> list[cg.Layer]:
    if kind == "rows":
        gate = [cg.Dense(4, name="p", of="left"), cg.Sigmoid(name="g"), cg.Dense(4, of="right"), cg.Multiply("g")]
        return [*gate, cg.Dense(2), cg.Softmax()]
    seen = [cg.Conv2D(2, 3, of="picture"), cg.ReLU(), cg.Flatten(), cg.Dense(2), cg.Add("side")]
    return [*seen, cg.Dense(2), cg.Softmax()]


def network(kind: str) -> tuple[cg.Network, dict[str, Any], Any]:
    net = cg.Network(layers(kind), input_shape=SHAPES[kind], loss=cg.CrossEntropy(), dtype="float64")
    rng = np.random.default_rng(1)
    x = {name: rng.standard_normal((6, *shape)) for name, shape in net.layout.inputs.items()}
    return net, x, rng.integers(0, 2, 6)


@pytest.mark.parametrize("kind", SHAPES)
def test_every_reading_has_the_inputs_by_their_names(kind: str) -> None:
    net, x, y = network(kind)
    net.program.verify()
    net.prediction_program.verify()
    trace = net.trace(x, y)
    for name, array in x.items():
        np.testing.assert_array_equal(trace[name], array)
        first = ", ".join("0" for _ in array.shape)
        assert trace.explain(f"d{name}[{first}]").check.agrees
        assert f"d{name}" in str(net.derive(x, y))
    check = net.check_gradients(x, y)
    assert check, check
    assert {f"d{name}" for name in x} <= {value.name for value in check.values}
    assert all(name in net.summary() for name in x)


@pytest.mark.parametrize("kind", SHAPES)
def test_both_engines_train_and_predict_alike(kind: str) -> None:
    net, x, y = network(kind)
    twin = net.copy()
    net.fit(x, y, epochs=3, batch_size=4, engine="numpy")
    twin.fit(x, y, epochs=3, batch_size=4, engine="compiled")
    np.testing.assert_allclose(net.flat, twin.flat, rtol=0, atol=1e-12)
    np.testing.assert_allclose(net.predict(x, engine="numpy"), net.predict(x, engine="compiled"), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", SHAPES)
def test_saved_copied_and_written(kind: str, tmp_path: Path) -> None:
    net, x, y = network(kind)
    net.save(tmp_path / "net")
    again = cg.load(tmp_path / "net")
    assert again.input_shape == net.input_shape
    np.testing.assert_array_equal(again.predict(x), net.predict(x))
    script = tmp_path / "net.py"
    net.source("numpy", x, y, steps=3, out=script)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    losses = [record.loss for record in net.fit(x, y, epochs=3, batch_size=None, shuffle=False, engine="numpy").records]
    assert done.stdout.split("\n")[:3] == [f"step {k}: L = {loss!r}" for k, loss in enumerate(losses)]


def test_rows_are_taken_as_well() -> None:
    net, x, y = network("rows")
    rows = np.concatenate([x["left"], x["right"]], axis=1)
    np.testing.assert_array_equal(net.predict(rows), net.predict(x))
    np.testing.assert_array_equal(net.trace(x, y)["x"], rows)


def test_validation_and_shares_of_the_samples() -> None:
    net, x, y = network("rows")
    assert net.fit(x, y, epochs=2, validation=(x, y)).records[-1].val_loss is not None
    assert net.fit(x, y, epochs=2, validation=0.3).records[-1].val_loss is not None


def test_a_worked_example_with_two_inputs(tmp_path: Path) -> None:
    file = tmp_path / "two.toml"
    file.write_text(
        'input_shape = { left = 1, right = 2 }\nloss = "SquaredError"\ny = [1]\n'
        'layers = [{ type = "Dense", units = 1, of = "left", name = "p" }, '
        '{ type = "Dense", units = 1, of = "right" }, { type = "Add", others = "p" }]\n'
        "x = { left = [2], right = [3, 4] }\n[parameters]\n"
        '"p.W" = [[0.5]]\nW2 = [[1], [2]]\n'
    )
    trace = load_example(file).trace()
    assert float(trace["y_hat"][0, 0]) == 2 * 0.5 + 3 + 8
    assert trace["dright"].tolist() == [[22.0, 44.0]]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({}, "names no inputs"),
        ({"y": 3}, "an input's name"),
        ({"x": 3, "right": 2}, "an input's name"),
        ({"two words": 3}, "an input's name"),
        ({1: 3}, "an input's name"),
        ({"left": 3, "right": 2}, "say which one the first layer takes, of='left'"),
        ({"left": 0}, "input_shape"),
    ],
)
def test_shapes_that_are_invalid(shape: dict[Any, Any], said: str) -> None:
    with pytest.raises(cg.OptionError, match=said):
        cg.Network([cg.Dense(2)], input_shape=shape, loss="SquaredError")


def test_an_input_that_nobody_takes() -> None:
    with pytest.raises(cg.OptionError, match="nobody uses the input 'right'"):
        cg.Network([cg.Dense(2, of="left")], input_shape={"left": 3, "right": 2}, loss="SquaredError")


@pytest.mark.parametrize(
    ("shapes", "error", "said"),
    [
        ({"left": (6, 3)}, cg.DataError, "x lacks the input right"),
        ({"left": (6, 3), "right": (5, 5)}, cg.DataError, "6 samples of left but 5 samples of right"),
        ({"left": (6, 3), "rigth": (6, 5)}, cg.UnknownNameError, "did you mean 'right'"),
        ({"left": (6, 4), "right": (6, 5)}, cg.ShapeError, "x\\['left'\\] has shape \\(6, 4\\)"),
        ((6, 3), cg.ShapeError, "x must be a mapping of the network's inputs"),
    ],
)
def test_samples_that_do_not_fit(shapes: dict[str, Sequence[int]] | Sequence[int], error: type, said: str) -> None:
    net, _, _ = network("rows")
    x = {name: np.ones(s) for name, s in shapes.items()} if isinstance(shapes, dict) else np.ones(shapes)
    with pytest.raises(error, match=said):
        net.predict(x)
