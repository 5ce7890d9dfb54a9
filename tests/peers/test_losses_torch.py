"""The losses' settings against PyTorch: ignored targets, label smoothing, weights of samples, in float64."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run.compiler import available

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

RNG = np.random.default_rng(8)
SETTINGS: list[dict[str, Any]] = [
    {"ignore": -1},
    {"ignore": 2, "reduction": "sum"},
    {"label_smoothing": 0.1},
    {"label_smoothing": 0.3, "reduction": "sum"},
    {"ignore": -1, "label_smoothing": 0.1},
]


def samples(steps: tuple[int, ...], ignore: int | None) -> tuple[Any, Any]:
    x, y = RNG.standard_normal((6, *steps, 4)), RNG.integers(0, 3, (6, *steps))
    if ignore is not None:
        y[RNG.random(y.shape) < 0.4] = ignore
    y.flat[0] = 0
    return x, y


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("steps", [(), (5,)])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_losses_and_gradients_are_those_of_cross_entropy(
    settings: dict[str, Any], steps: tuple[int, ...], fuse: bool
) -> None:
    x, y = samples(steps, settings.get("ignore"))
    loss = cg.CrossEntropy(**settings, fuse=fuse)
    net = cg.Network([cg.Dense(3), cg.Softmax()], input_shape=(*steps, 4), loss=loss, dtype="float64")
    trace = net.trace(x, y)
    z = torch.tensor(trace["z1"].reshape(-1, 3), requires_grad=True)
    theirs = F.cross_entropy(
        z,
        torch.tensor(y.reshape(-1)),
        ignore_index=settings.get("ignore", -100),
        label_smoothing=loss.label_smoothing,
        reduction=loss.reduction,
    )
    theirs.backward()
    assert trace["L"] == pytest.approx(theirs.item(), rel=1e-12)
    np.testing.assert_allclose(trace["dz1"].reshape(-1, 3), z.grad.numpy(), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("steps", [(), (5,)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weights_are_those_of_a_weighted_mean(steps: tuple[int, ...], reduction: str) -> None:
    x, y = samples(steps, None)
    weights = RNG.random(y.shape)
    loss = cg.CrossEntropy(reduction=reduction)
    net = cg.Network([cg.Dense(3), cg.Softmax()], input_shape=(*steps, 4), loss=loss, dtype="float64")
    trace = net.trace(x, y, sample_weight=weights)
    z, w = torch.tensor(trace["z1"].reshape(-1, 3), requires_grad=True), torch.tensor(weights.reshape(-1))
    losses = F.cross_entropy(z, torch.tensor(y.reshape(-1)), reduction="none")
    theirs = (w * losses).sum() / (w.sum() if reduction == "mean" else 1)
    theirs.backward()
    assert trace["L"] == pytest.approx(theirs.item(), rel=1e-12)
    np.testing.assert_allclose(trace["dz1"].reshape(-1, 3), z.grad.numpy(), rtol=1e-9, atol=1e-14)


def test_weights_of_classes_are_given_as_weights_of_samples() -> None:
    """PyTorch's weight= of classes divides by the sum of the weights too."""
    x, y = samples((), None)
    of_classes = np.array([1.0, 0.2, 3.0])
    net = cg.Network([cg.Dense(3), cg.Softmax()], input_shape=4, loss=cg.CrossEntropy(), dtype="float64")
    trace = net.trace(x, y, sample_weight=of_classes[y])
    theirs = F.cross_entropy(torch.tensor(trace["z1"]), torch.tensor(y), weight=torch.tensor(of_classes))
    assert trace["L"] == pytest.approx(theirs.item(), rel=1e-12)


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_scripts_print_the_losses_of_the_network(
    settings: dict[str, Any], fuse: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = samples((), settings.get("ignore"))
    loss = cg.CrossEntropy(**settings, fuse=fuse)
    net = cg.Network([cg.Dense(3), cg.Softmax()], input_shape=4, loss=loss, dtype="float64")
    trained = net.copy()
    trained.fit(x, y, optimizer=cg.SGD(0.1, clip_norm=0.2), max_steps=2, batch_size=None)
    for to in ("numpy", "torch"):
        script = tmp_path / f"{to}_script.py"
        script.write_text(net.source(to, x, y, optimizer=cg.SGD(0.1, clip_norm=0.2), steps=2), encoding="utf-8")
        before = torch.get_default_dtype()
        try:
            runpy.run_path(str(script))
        finally:
            torch.set_default_dtype(before)
        last = float(capsys.readouterr().out.split("=")[-1])
        assert last == pytest.approx(trained.loss(x, y), rel=1e-9), to


@pytest.mark.skipif(not available(), reason="no C compiler")
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_compiled_engine_gives_the_same(settings: dict[str, Any]) -> None:
    x, y = samples((), settings.get("ignore"))
    net = cg.Network([cg.Dense(3), cg.Softmax()], input_shape=4, loss=cg.CrossEntropy(**settings), dtype="float64")
    one, two = net.copy(), net.copy()
    one.fit(x, y, max_steps=3, batch_size=None, engine="numpy")
    two.fit(x, y, max_steps=3, batch_size=None, engine="compiled")
    np.testing.assert_allclose(one.flat, two.flat, rtol=1e-12)
