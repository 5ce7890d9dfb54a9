"""Layers made from formulas alone: in networks, files, scripts and both engines, and what is refused."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

SWISH = "a[...] = z[...] / (1 + exp(-beta * z[...]))"
LINEAR = "z[n,o] = sum_i x[n,i] * W[i,o] + b[o]"
NORM = [
    "m[n] = mean_k x[n,k]",
    "v[n] = mean_k (x[n,k] - m[n])^2",
    "y[n,k] = gain[k] * (x[n,k] - m[n]) / sqrt(v[n] + eps)",
]


@pytest.fixture(scope="module")
def net() -> cg.Network:
    swish = cg.layer("Swish", SWISH, settings={"beta": 1.0})
    linear = cg.layer("Affine", LINEAR, parameters={"W": "auto", "b": "zeros"}, sizes={"o": "units"})
    norm = cg.layer("Norm", NORM, parameters={"gain": "ones"}, settings={"eps": 1e-5})
    hard = cg.layer("HardSwish", cg.rule("a[...] = z[...] * min(max(z[...] + 3, 0), 6) / 6", name="hard"))
    layers = [cg.Dense(8), swish(beta=1.5), linear(6), norm(), hard(), cg.Dense(3), cg.Softmax()]
    return cg.Network(layers, input_shape=5, loss=cg.CrossEntropy(), seed=0, dtype="float64")


@pytest.fixture(scope="module")
def samples() -> tuple[Any, Any]:
    return np.random.default_rng(0).standard_normal((9, 5)), np.arange(9) % 3


def test_gradients(net: cg.Network, samples: tuple[Any, Any]) -> None:
    assert net.check_gradients(*samples).passed
    assert net.parameters["W2"].shape == (8, 6)
    assert net.parameters["gain3"].tolist() == [1.0] * 6


def test_the_layer_is_that_of_the_library(samples: tuple[Any, Any]) -> None:
    """The same network with Dense and SiLU instead has the same gradients."""
    swish = cg.layer("Swish1", "a[...] = z[...] / (1 + exp(-z[...]))")
    linear = cg.layer("Affine1", LINEAR, parameters={"W": "glorot", "b": "zeros"}, sizes={"o": "units"})
    settings: dict[str, Any] = {"input_shape": 5, "loss": cg.CrossEntropy(), "seed": 3, "dtype": "float64"}
    ours = cg.Network([linear(4), swish(), linear(3), cg.Softmax()], **settings)
    theirs = cg.Network([cg.Dense(4), cg.SiLU(), cg.Dense(3), cg.Softmax()], **settings)
    theirs.set_parameters(ours.parameters)
    other = theirs.gradients(*samples)
    for name, gradient in ours.gradients(*samples).items():
        np.testing.assert_allclose(gradient, other[name], rtol=1e-12, atol=1e-15)


def test_files_state_the_rules(net: cg.Network, samples: tuple[Any, Any], tmp_path: Path) -> None:
    net.save(tmp_path / "net")
    text = (tmp_path / "net" / "network.toml").read_text()
    assert "[rules.Swish]" in text
    assert '{ type = "Affine", units = 6 }' in text
    again = cg.load(tmp_path / "net")
    assert np.array_equal(again.predict(samples[0]), net.predict(samples[0]))
    assert np.array_equal(pickle.loads(pickle.dumps(again)).predict(samples[0]), net.predict(samples[0]))


def test_every_reading_takes_it(net: cg.Network, samples: tuple[Any, Any]) -> None:
    trace = net.trace(*samples)
    opened = trace.explain("dz1[0, 1]")
    assert opened.value == pytest.approx(trace["dz1"][0, 1])
    assert "swish_a_dz" in str(opened)
    assert "Layer 2, Swish" in net.derive().to_text()
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(net.source("numpy", *samples, steps=1), "script", "exec"), names)


@pytest.mark.torch
@pytest.mark.parametrize("steps", [False, True])
def test_the_torch_script_prints_the_same_losses(
    steps: bool, net: cg.Network, samples: tuple[Any, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    x, y = samples
    if steps:
        linear = cg.layer("Affine3", LINEAR, parameters={"W": "glorot", "b": "zeros"}, sizes={"o": "units"})
        settings: dict[str, Any] = {"loss": cg.CrossEntropy(), "seed": 1, "dtype": "float64"}
        net = cg.Network([linear(4), cg.RNN(3), cg.Dense(3), cg.Softmax()], input_shape=(2, 5), **settings)
        x = np.stack([x, x[::-1]], axis=1)
    losses = []
    for kind in ("numpy", "torch"):
        exec(compile(net.source(kind, x, y, steps=2), kind, "exec"), {"__name__": "__main__"})
        losses.append(
            [float(line.rpartition(" ")[2]) for line in capsys.readouterr().out.splitlines() if "L = " in line]
        )
    assert len(losses[0]) == 3
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-10)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_both_engines_train_it_alike(net: cg.Network, samples: tuple[Any, Any]) -> None:
    by_numpy, compiled = net.copy(), net.copy()
    by_numpy.fit(*samples, epochs=2, batch_size=4, engine="numpy", validation=0)
    compiled.fit(*samples, epochs=2, batch_size=4, engine="compiled", validation=0)
    np.testing.assert_allclose(compiled.flat, by_numpy.flat, rtol=1e-12, atol=1e-14)


def test_steps_of_a_sequence_are_samples() -> None:
    linear = cg.layer("Affine2", LINEAR, parameters={"W": "glorot", "b": "zeros"}, sizes={"o": "units"})
    net = cg.Network(
        [linear(4), cg.RNN(3), cg.Dense(2), cg.Softmax()], input_shape=(6, 5), loss=cg.CrossEntropy(), dtype="float64"
    )
    assert net.check_gradients(np.random.default_rng(1).standard_normal((3, 6, 5)), [0, 1, 0]).passed


def test_a_layer_from_toml(tmp_path: Path) -> None:
    file = tmp_path / "net.toml"
    file.write_text(
        f'input_shape = 4\nloss = "SquaredError"\nlayers = [{{ type = "Affine", units = 3 }}, "Bent"]\n'
        f'[rules.Affine]\nformula = "{LINEAR}"\nparameters = {{ W = "glorot", b = "zeros" }}\nsizes = {{ o = "units" }}\n'
        '[rules.Bent]\nformula = "a[...] = tanh(z[...]) + z[...] / 2"\nsource = "our own"\n'
    )
    net = cg.load(file)
    assert net.output_shape == (3,)
    assert net.check_gradients(np.ones((2, 4)) * 0.3, np.zeros((2, 3))).passed


REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "an unknown operand": (LINEAR, {}, "takes one value, but its lines read"),
    "a size that nothing gives": (LINEAR, {"parameters": {"W": "glorot", "b": "zeros"}}, "size of the index o"),
    "a parameter that no line has": (SWISH, {"parameters": {"W": "ones"}}, "there is no W"),
    "a size of no index": (SWISH, {"sizes": {"o": "units"}}, "names the index o"),
    "flat lines": ("s[n,k] = sign(x[n,k])", {}, "nothing comes back to x"),
    "a default of no setting": (SWISH, {"settings": {"alpha": 1.0}}, "there is no setting 'alpha'"),
    "a setting that every layer has": ("a[...] = z[...] * name", {}, "as every layer has"),
    "a line that cannot be read": ("a[...] = ", {}, "must stand"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    lines, settings, words = REFUSED[case]
    with pytest.raises(cg.ChalkgradError, match=words):
        cg.layer("Wrong", lines, **settings)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ('[rules.Dense]\nformula = "a[...] = z[...]"', "there is a layer Dense in chalkgrad"),
        ('[rules.Bent]\nformulas = "a[...] = z[...]"', "did you mean 'formula'?"),
        ("[rules.Bent]\nformula = 3", "formula is a line, or a list of lines"),
        ('[rules.Bent]\nformula = "a[...] = z[..."', "column"),
    ],
)
def test_wrong_files(rules: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "net.toml"
    file.write_text(f'input_shape = 4\nloss = "SquaredError"\nlayers = ["Bent"]\n{rules}\n')
    with pytest.raises(cg.ChalkgradError, match=words) as caught:
        cg.load(file)
    assert str(file) in str(caught.value)
