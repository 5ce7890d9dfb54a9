"""Scaling of inputs and targets: layers whose numbers are learned from the samples, and a loss without a unit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import DataWarning
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.model.adapting import moments
from chalkgrad.program import Role

RNG = np.random.default_rng(2)
X = RNG.standard_normal((120, 4)) * [1, 100, 1e-3, 0] + [0, 5000, 1, 7.7]
PRICES = 2e5 + 1e5 * np.sin(X[:, :1]) + 300 * (X[:, 1:2] - 5000) + 2e4 * RNG.standard_normal((120, 1))
ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not available(), reason="no C compiler"))]


def houses(loss: Any = None, **more: Any) -> cg.Network:
    layers = [cg.Standardize(), cg.Dense(6), cg.Tanh(), cg.Dense(1), cg.Unstandardize()]
    return cg.Network(layers, input_shape=4, loss=loss or cg.SquaredError(scale="variance"), seed=1, **more)


def test_the_lines_are_rules_and_states_that_can_be_opened() -> None:
    net = houses(dtype="float64")
    assert list(net.states) == ["mu0", "sigma0", "mu2", "sigma2"]
    assert list(net.parameters) == ["W1", "b1", "W2", "b2"]
    net.adapt(X, PRICES)
    trace = net.trace(X[:3], PRICES[:3])
    opened = trace.explain("x_hat0[1, 2]")
    assert opened.symbols == "(x[1, 2] - mu0[2]) / sigma0[2]"
    assert trace.explain("dW1[0, 0]").check.agrees
    assert trace.explain("dz2[0, 0]").symbols == "dy_hat[0, 0] * sigma2[0]"
    assert "(x - mu0) / sigma0" in str(net.derive())
    assert net.check_gradients(X[:30], PRICES[:30]).passed
    assert {v.name for v in net.program.inputs if v.role is Role.STATE} == set(net.states)


def test_every_usual_mistake_in_them_is_found() -> None:
    net = houses(dtype="float64")
    net.adapt(X, PRICES)
    trace = net.trace(X[:20], PRICES[:20])
    dz2 = trace["dy_hat"]  # without sigma
    claimed = {"dW2": trace["a1"].T @ dz2, "db2": dz2.sum(axis=0)}
    dz1 = dz2 @ net.parameters["W2"].T * (1 - trace["a1"] ** 2)
    claimed["dW1"], claimed["db1"] = trace["x_hat0"].T @ dz1, dz1.sum(axis=0)
    causes = " ".join(map(str, cg.diagnose(net, X[:20], PRICES[:20], claimed).causes))
    assert "the factor sigma is left out" in causes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_they_are_learned_from_the_samples_that_are_trained_on(dtype: str) -> None:
    """As scikit-learn's StandardScaler: population deviations, 1 where a feature is constant."""
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    net = houses(dtype=dtype)
    net.fit(X, PRICES, epochs=1, validation=0.25)
    rows, _ = cg.data.split_indices(120, 0.25, 1)
    for values, number in ((X, "0"), (PRICES, "2")):
        scaler = preprocessing.StandardScaler().fit(values[rows].astype(dtype).astype("float64"))
        assert np.allclose(net.states[f"mu{number}"], scaler.mean_, rtol=1e-6)
        assert np.allclose(net.states[f"sigma{number}"], scaler.scale_, rtol=1e-5)
    assert net.states["sigma0"][3] == 1
    before = {name: state.copy() for name, state in net.states.items()}
    net.fit(X[:50] + 3, PRICES[:50], epochs=1)
    assert all(np.array_equal(net.states[name], before[name]) for name in before), "the first fit's stay"
    net.adapt(X[:50], PRICES[:50])
    assert np.allclose(net.states["mu0"], X[:50].mean(axis=0), rtol=1e-5)


def test_parts_are_put_together() -> None:
    whole = RNG.standard_normal((5000, 3)) * [1, 1e-4, 1e3] + [0, 1e4, -5]
    parts = [whole[:7], whole[7:2000], whole[2000:]]
    mean, deviation = moments(iter(parts))
    assert np.allclose(mean, whole.mean(axis=0), rtol=1e-13, atol=1e-13)
    assert np.allclose(deviation, whole.std(axis=0), rtol=1e-9)
    _, constant = moments([np.full((9, 2), 0.1)])
    assert constant.tolist() == [1, 1]


@pytest.mark.parametrize("engine", ENGINES)
def test_sgd_with_a_usual_rate_learns_prices_and_the_loss_is_what_is_not_explained(engine: str) -> None:
    net = houses()
    history = net.fit(X, PRICES, optimizer=cg.SGD(0.1), epochs=60, engine=engine)
    assert history.stop_detail == ""
    assert history[-1].loss < 0.2
    found = net.evaluate(X, PRICES, metrics="r2")
    assert found.loss == pytest.approx(1 - found.metrics["r2"], rel=1e-4)
    assert abs(net.predict(X) - PRICES).mean() < 5e4


def test_the_engines_agree_and_a_resumed_training_is_the_same(tmp_path: Path) -> None:
    nets = [houses(dtype="float64") for _ in range(3)]
    settings: dict[str, Any] = {"optimizer": cg.SGD(0.05), "validation": 0.2}
    nets[0].fit(X, PRICES, epochs=6, engine="numpy", **settings)
    nets[1].fit(X, PRICES, epochs=3, engine="numpy", checkpoints=tmp_path, **settings)
    nets[1].fit(X, PRICES, epochs=6, engine="numpy", resume=tmp_path, **settings)
    assert np.array_equal(nets[0].flat, nets[1].flat)
    assert all(np.array_equal(nets[0].states[n], nets[1].states[n]) for n in nets[0].states)
    if available():
        nets[2].fit(X, PRICES, epochs=6, engine="compiled", **settings)
        assert np.allclose(nets[2].flat, nets[0].flat, rtol=1e-9, atol=1e-12)


def test_they_are_saved_copied_and_set(tmp_path: Path) -> None:
    net = houses()
    net.save(tmp_path / "early")
    with pytest.raises(cg.OptionError, match="has seen no samples yet"):
        cg.load(tmp_path / "early").predict(X)
    net.fit(X, PRICES, epochs=2)
    net.save(tmp_path / "net")
    for twin in (cg.load(tmp_path / "net"), net.copy()):
        assert np.array_equal(twin.predict(X), net.predict(X))
    net.set_parameters(mu2=[0.0], sigma2=[1.0])
    assert net.predict(X).max() < 100
    with pytest.raises(cg.DataError, match="sigma2 is a standard deviation and cannot be negative"):
        net.set_parameters(sigma2=[-1.0])


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([cg.Standardize(), cg.Flatten(), cg.Dense(2)], (3, 4, 5)),
        ([cg.Standardize(), cg.RNN(3), cg.Dense(2)], (6, 4)),
        ([cg.Dense(3), cg.Standardize(), cg.Tanh(), cg.Standardize(), cg.Dense(2)], (5,)),
    ],
    ids=["channels", "steps", "inside"],
)
def test_images_sequences_and_lines_inside(layers: Any, shape: Any) -> None:
    net = cg.Network(layers, input_shape=shape, loss="SquaredError", dtype="float64")
    x, y = RNG.standard_normal((40, *shape)) * 3 + 5, RNG.standard_normal((40, 2))
    net.adapt(x)
    trace = net.trace(x, y)
    for name in [n for n in trace if n.startswith("x_hat")]:
        rows = np.moveaxis(trace[name], 1 if len(shape) == 3 else -1, -1).reshape(
            -1, trace[name].shape[1 if len(shape) == 3 else -1]
        )
        assert np.allclose(rows.mean(axis=0), 0, atol=1e-9)
        assert np.allclose(rows.std(axis=0), 1)
    assert net.check_gradients(x[:4], y[:4]).passed
    losses = [
        net.copy().fit(x, y, epochs=2, engine=e)[-1].loss for e in (["numpy", "compiled"] if available() else ["numpy"])
    ]
    assert losses == pytest.approx([losses[0]] * len(losses), rel=1e-9)


def test_several_targets_are_averaged() -> None:
    net = cg.Network(
        [cg.Standardize(), cg.Dense(2), cg.Unstandardize()], input_shape=4, dtype="float64",
        loss=cg.SquaredError(scale="variance"),
    )  # fmt: skip
    y = np.concatenate([PRICES, X[:, :1] * 1e-3], axis=1)
    net.adapt(X, y)
    found = net.evaluate(X, y, metrics="r2")
    assert found.loss == pytest.approx(1 - found.metrics["r2"])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: houses().predict(X), "predict: layer 1, Standardize has seen no samples yet, so mu0 and sigma0"),
        (lambda: houses().evaluate(X, PRICES), "evaluate: layer 1, Standardize has seen no samples"),
        (lambda: houses().trace(X, PRICES), r"net.adapt\(x, y\)"),
        (lambda: houses().source("numpy"), "source: layer 1"),
        (lambda: houses().check_gradients(X, PRICES), "has seen no samples"),
        (lambda: houses().adapt(X), "layer 5, Unstandardize learns from the targets: give y too"),
        (lambda: cg.Network([cg.Dense(1)], input_shape=4, loss="SquaredError").adapt(X), "no layer learns from samples"),
        (lambda: cg.Network([cg.Dense(1)], input_shape=4, loss=cg.SquaredError(scale="variance")), "end with Unstandardize"),
        (lambda: cg.Network([cg.Unstandardize(), cg.Dense(1)], input_shape=4, loss="SquaredError"), "so it is the last line"),
        (lambda: cg.AbsoluteError(scale="variance"), "scale must be a number"),
        (
            lambda: cg.Network(
                [cg.Dense(2), cg.Unstandardize()], input_shape=4, loss=cg.CrossEntropy(from_logits=True)
            ).fit(X, np.arange(120) % 2),
            "the targets are classes, which have no mean",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_or_does_not_fit_is_said(make: Any, text: str) -> None:
    with pytest.raises(cg.OptionError, match=text):
        make()


def test_scripts_print_the_same_losses(tmp_path: Path) -> None:
    net = houses(dtype="float64")
    net.adapt(X, PRICES)
    file = tmp_path / "script.py"
    file.write_text(net.source("numpy", X[:30], PRICES[:30], optimizer=cg.SGD(0.1), steps=3))
    out = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=True).stdout
    printed = [float(line.split("= ")[1]) for line in out.splitlines()]
    history = net.fit(
        X[:30], PRICES[:30], optimizer=cg.SGD(0.1), epochs=3, batch_size=None, shuffle=False, engine="numpy"
    )
    assert printed[:3] == [r.loss for r in history]


def test_a_loss_in_the_targets_unit_is_warned_of() -> None:
    with pytest.warns(DataWarning, match=r"loss=cg.SquaredError\(scale='variance'\)"):
        houses("SquaredError").fit(X, PRICES, optimizer=cg.SGD(1e-12), epochs=1)
    houses("SquaredError").fit(X, PRICES, optimizer="Adam", epochs=1)  # its steps do not grow with the gradient
