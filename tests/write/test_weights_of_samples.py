"""Samples with weights, in everything that reads a network: scripts, checks, diagnoses and worked examples."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import OptionError, ShapeError
from chalkgrad.cli.main import main
from chalkgrad.engines.c.run import compiler
from write.written import LOSSES, Written, run, samples

Array = np.ndarray[Any, Any]
SEQUENCE: list[cg.Layer] = [cg.Embedding(5, 3), cg.RNN(4, sequences=True), cg.Dense(3), cg.Softmax()]


def made(name: str) -> tuple[Written, Array]:
    """A network with this loss, and weights of its samples."""
    rng = np.random.default_rng(1)
    if name == "steps of sequences":
        loss = cg.CrossEntropy(ignore=0, label_smoothing=0.1)
        net = cg.Network(SEQUENCE, input_shape=4, loss=loss, dtype="float64")
        return Written(net, *samples(net), cg.Adam(0.05, clip_norm=0.1)), rng.random((6, 4))
    loss, ending, outputs = LOSSES[name]
    layers = [cg.Dense(3), cg.Tanh(), cg.Dense(outputs), *ending]
    net = cg.Network(layers, input_shape=4, loss=loss, dtype="float64", l2=0.01)
    return Written(net, *samples(net), cg.SGD(0.1)), rng.random(6)


def losses(one: Written, weights: Array) -> list[float]:
    """The loss before each of three updates, and after them."""
    twin = one.network.copy()
    found: list[float] = []
    for _ in range(3):
        found.append(twin.loss(one.x, one.y, sample_weight=weights))
        twin.fit(
            one.x, one.y, optimizer=one.optimizer, batch_size=None, shuffle=False, sample_weight=weights, engine="numpy"
        )  # fmt: skip
    return [*found, twin.loss(one.x, one.y, sample_weight=weights)]


def source(one: Written, weights: Array, to: str) -> str:
    return one.network.source(to, one.x, one.y, optimizer=one.optimizer, steps=3, sample_weight=weights)


KINDS = [*LOSSES, "steps of sequences"]


def test_numpy_scripts_print_the_networks_losses(tmp_path: Path) -> None:
    networks = {name: made(name) for name in KINDS}
    printed = run({name: source(*pair, "numpy") for name, pair in networks.items()}, tmp_path)
    assert printed == {name: losses(*pair) for name, pair in networks.items()}


@pytest.mark.torch
def test_torch_scripts_print_the_networks_losses(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    networks = {name: made(name) for name in KINDS}
    printed = run({name: source(*pair, "torch") for name, pair in networks.items()}, tmp_path)
    for name, pair in networks.items():
        assert printed[name] == pytest.approx(losses(*pair), rel=1e-9), name


@pytest.mark.skipif(compiler.compiler() is None, reason="no C compiler")
def test_c_programs_print_the_networks_losses(tmp_path: Path) -> None:
    one, weights = made("steps of sequences")
    (tmp_path / "net.c").write_text(source(one, weights, "c"))
    flags = ["-O1", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fopenmp-simd"]
    subprocess.run([*compiler.compiler().command, *flags, "net.c", "-o", "net", "-lm"], cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "net"], capture_output=True, text=True, check=True).stdout
    assert [float(v) for v in re.findall(r"L = (\S+)", printed)] == pytest.approx(losses(one, weights), rel=1e-12)


def test_many_samples_lie_beside_the_script_with_their_weights(tmp_path: Path) -> None:
    one, _ = made("squared")
    one.x, one.y = samples(one.network, rows=400)
    weights = np.random.default_rng(2).random(400)
    text = one.network.source(
        "numpy", one.x, one.y, optimizer=one.optimizer, steps=3, sample_weight=weights, out=tmp_path / "a.py"
    )
    assert 'sample_weight = data["sample_weight"]' in text
    assert run({"a": text.replace("__file__", repr(str(tmp_path / "a.py")))}, tmp_path)["a"] == losses(one, weights)


@pytest.mark.parametrize("name", ["squared", "steps of sequences"])
def test_gradients_with_weights_are_checked_and_diagnosed(name: str) -> None:
    one, weights = made(name)
    net, x, y = one.network, one.x, one.y
    assert net.check_gradients(x, y, sample_weight=weights).passed
    right = net.gradients(x, y, sample_weight=weights)
    assert cg.diagnose(net, x, y, right, sample_weight=weights).correct
    last = list(right)[-1]  # what is wrong with it is not asked: one is enough
    assert not cg.diagnose(net, x, y, {f"d{last}": right[last]}).correct


@pytest.mark.parametrize(
    ("reduction", "share", "words"),
    [
        ("mean", lambda w: np.ones(6) / 6, "the weights are left out: all samples count alike"),
        ("mean", lambda w: np.ones(6) / w.sum(), "the sample's own weight is left out"),
        ("mean", lambda w: w, "the sum of the weights is left out"),
        ("mean", lambda w: w / 6, "it is divided by the number of samples"),
        ("sum", lambda w: np.ones(6), "the sample's own weight is left out"),
    ],
)
def test_mistakes_of_weights_are_named(reduction: str, share: Any, words: str) -> None:
    rng = np.random.default_rng(0)
    net = cg.Network([cg.Dense(2)], input_shape=3, loss=cg.SquaredError(reduction=reduction), dtype="float64")
    x, y, weights = rng.standard_normal((6, 3)), rng.standard_normal((6, 2)), rng.random(6)
    dz = 2 * (net.predict(x) - y) * share(weights)[:, None]
    diagnosis = cg.diagnose(net, x, y, {"dW1": x.T @ dz, "db1": dz.sum(axis=0)}, sample_weight=weights)
    assert [(s.output, s.text[: len(words)]) for c in diagnosis.causes for s in c.slips] == [("dl", words)]


def test_the_loss_after_a_weighted_update() -> None:
    one, weights = made("squared")
    after = losses(one, weights)[1]
    claims = {"L_next": after}
    diagnosis = cg.diagnose(one.network, one.x, one.y, claims, learning_rate=0.1, sample_weight=weights)
    assert diagnosis.correct


def test_a_derivation_and_a_drawing_have_the_weights() -> None:
    one, weights = made("squared")
    assert "sample_weight" in one.network.derive(one.x, one.y, sample_weight=weights).to_text()
    plain, weighted = (
        one.network.diagram("neurons", one.x, one.y, sample_weight=w).svg for w in (None, weights)
    )  # fmt: skip
    assert plain != weighted


def test_what_does_not_fit_is_refused() -> None:
    one, weights = made("squared")
    net, x, y = one.network, one.x, one.y
    for call in (net.check_gradients, net.gradients, lambda *a, **k: cg.diagnose(net, *a, {"dW1": 0}, **k)):
        with pytest.raises(ShapeError, match=r"sample_weight has shape \(5,\); expected one weight a sample, \(6,\)"):
            call(x, y, sample_weight=weights[:5])
    for to in ("numpy", "torch", "c"):
        with pytest.raises(OptionError, match="sample_weight goes with x and y"):
            net.source(to, sample_weight=weights)


EXAMPLE = """
input_shape = 2
loss = "SquaredError"
layers = [{ type = "Dense", units = 1 }]
x = [[0.5, 1.0], [1.0, -1.0]]
y = [[1.01234], [0.04321]]
sample_weight = [3.0, 1.0]
learning_rate = 0.1
[parameters]
W1 = [[0.5], [0.25]]
"""


def test_a_worked_example_with_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text(EXAMPLE)
    one = cg.load_example(Path("own.toml"))
    errors = np.array([[0.5], [0.25]]) - one.y  # z = 0.5, 0.25
    dz = 2 * errors * np.array([[0.75], [0.25]])
    np.testing.assert_allclose(one.trace()["dW1"], one.x.T @ dz)
    assert one.train(1).loss(one.x, one.y, sample_weight=one.sample_weight) == pytest.approx(
        one.at(1).trace()["L"].item()
    )
    assert main(["check", "own.toml"]) == 0
    Path("claims.json").write_text(f'{{"dW1": {(one.x.T @ errors).tolist()}}}')  # 1/N where w / total belongs
    capsys.readouterr()
    assert main(["check", "own.toml", "--claimed", "claims.json"]) == 1
    assert "dl: the weights are left out: all samples count alike" in capsys.readouterr().out
    assert main(["write", "own.toml"]) == 0
    assert "sample_weight = np.array([3.0, 1.0])" in capsys.readouterr().out
    assert main(["worksheet", "own.toml", "--out", "sheet"]) == 0
    assert cg.load_example(Path("sheet/worksheet.toml")).sample_weight is not None
