"""Ids among several inputs, beside values: whole numbers in every reading, with a range and without a derivative."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from write.written import run

rng = np.random.default_rng(3)
X: dict[str, Any] = {
    "image": rng.standard_normal((6, 2, 3)),
    "tokens": rng.integers(0, 9, (6, 4)),
    "keep": np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]] * 2),
}
Y = rng.integers(0, 3, 6)


def network(dtype: str = "float64") -> cg.Network:
    layers = [
        cg.Embedding(9, 4, of="tokens"),
        cg.Attention(2, mask="keep"),
        cg.LSTM(3, name="h"),
        cg.Flatten(of="image"),
        cg.Dense(3),
        cg.Add("h"),
        cg.Dense(3),
        cg.Softmax(),
    ]
    shapes = {"image": (2, 3), "tokens": 4, "keep": 4}
    return cg.Network(layers, input_shape=shapes, loss="CrossEntropy", dtype=dtype)


def test_they_are_whole_numbers_without_a_derivative() -> None:
    net = network()
    net.program.verify()
    trace = net.trace(X, Y)
    assert trace["tokens"].dtype == np.int64
    np.testing.assert_array_equal(trace["tokens"], X["tokens"])
    assert net.program.values["tokens"].dtype == "int"
    assert "tokens" not in net.program.derivative_of
    assert "image" in net.program.derivative_of
    assert net.check_gradients(X, Y)
    first = X["tokens"][0, 1]
    assert trace.explain("e1[0, 1, 0]").symbols == f"W1[{first}, 0]"
    assert trace.explain(f"dW1[{first}, 0]").check.agrees


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.long), "float64"])
def test_both_engines_train_and_predict_alike(dtype: str) -> None:
    net = network(dtype)
    twin = net.copy()
    net.fit(X, Y, epochs=3, batch_size=4, engine="numpy")
    twin.fit(X, Y, epochs=3, batch_size=4, engine="compiled")
    near = 1e-12 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(net.flat, twin.flat, rtol=0, atol=near)
    np.testing.assert_allclose(net.predict(X, engine="numpy"), net.predict(X, engine="compiled"), rtol=0, atol=near)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_stopped_within_an_epoch_and_resumed_to_the_bit(engine: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"epochs": 3, "batch_size": 4, "optimizer": "Adam", "engine": engine}
    whole, again = network(), network()
    whole.fit(X, Y, **settings)
    network().fit(X, Y, **settings, max_steps=3, checkpoints=tmp_path)
    again.fit(X, Y, **settings, checkpoints=tmp_path, resume=tmp_path)
    np.testing.assert_array_equal(again.flat, whole.flat)


def test_saved_and_loaded(tmp_path: Path) -> None:
    net = network()
    net.save(tmp_path / "net")
    again = cg.load(tmp_path / "net")
    assert again.input_shape == net.input_shape
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


@pytest.mark.parametrize("kind", ["numpy", pytest.param("torch", marks=[pytest.mark.torch, pytest.mark.long])])
def test_scripts_give_the_same_losses(kind: str, tmp_path: Path) -> None:
    if kind == "torch":
        pytest.importorskip("torch")
    net = network()
    scripts = {"of these samples": net.source(kind, X, Y, steps=2), "of samples that it draws": net.source(kind)}
    printed = run(scripts, tmp_path)
    losses = [record.loss for record in net.fit(X, Y, epochs=3, batch_size=None, shuffle=False, engine="numpy").records]
    np.testing.assert_allclose(printed["of these samples"][:3], losses, rtol=0, atol=1e-14)


def test_rows_are_checked_as_well() -> None:
    net = network()
    rows = net.inputs(X)
    np.testing.assert_array_equal(net.predict(rows), net.predict(X))
    rows[2, 7] = 1.5
    with pytest.raises(cg.DataError, match=r"x\[2, 7\] is 1\.5, but layer 1, Embedding takes ids"):
        net.predict(rows)
    rows[2, 7] = 9
    with pytest.raises(cg.DataError, match=r"x\[2, 7\] is the id 9, but layer 1, Embedding has 9 ids.*Embedding\(10"):
        net.predict(rows)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.where(X["tokens"] == X["tokens"][1, 2], 12, X["tokens"]), r"\] is the id 12, but layer 1, Embedding"),
        (X["tokens"] - 9, r"x\['tokens'\]\[0, 0\] is the id -\d, but layer 1, Embedding .*ids begin at 0"),
        (X["tokens"] + 0.5, r"x\['tokens'\]\[0, 0\] is \d\.5, but layer 1, Embedding takes ids"),
        (X["tokens"].astype(float), r"x\['tokens'\] holds float64.*use x\['tokens'\]\.astype\(int\)"),
    ],
)
def test_ids_that_are_none(bad: Any, said: str) -> None:
    net, x = network(), {**X, "tokens": bad}
    for take in (lambda: net.predict(x), lambda: net.fit(x, Y), lambda: net.trace(x, Y), lambda: net.evaluate(x, Y)):
        with pytest.raises(cg.DataError, match=said):
            take()


def test_more_ids_than_the_values_type_can_count() -> None:
    layers = [cg.Embedding(2**24 + 2, 1, of="ids"), cg.Flatten(name="e"), cg.Dense(2, of="side"), cg.Add("e")]
    with pytest.raises(cg.OptionError, match=r"16,777,218 ids.*exactly up to 16,777,216; use dtype='float64'"):
        cg.Network(layers, input_shape={"ids": 2, "side": 3}, loss="SquaredError")


def test_the_page_says_where_whole_numbers_stand() -> None:
    page = network().page(X, Y)
    assert page.data.table["parts"] == [[6, 10, 9], [10, 14, 2]]


def test_a_repeated_id_that_overwrites_is_named() -> None:
    net = network()
    trace = net.trace(X, Y)
    wrong = np.zeros_like(net.parameters["W1"])
    wrong[X["tokens"]] = trace["de1"]
    assert "overwrites" in str(cg.diagnose(net, X, Y, {"dW1": wrong}))


def test_a_backward_pass_is_tried_on_other_ids_and_the_same_masks() -> None:
    net = network()

    def own(parameters: Any, x: Any, y: Any) -> Any:
        twin = net.copy()
        twin.set_parameters(parameters)
        assert set(np.unique(x[:, 10:])) <= {0, 1}
        return {name: np.asarray(g) for name, g in twin.gradients(x, y).items()}

    assert cg.diagnose(net, X, Y, own).correct
