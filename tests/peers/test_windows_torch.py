"""Conv1D and global average-pooling against PyTorch, in every reading of the program."""

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

RNG = np.random.default_rng(4)
SETTINGS: list[dict[str, Any]] = [
    {"kernel": 3}, {"kernel": 1}, {"kernel": 7}, {"kernel": 3, "stride": 2, "padding": 1}, {"kernel": 2, "padding": 3},
    {"kernel": 4, "padding": "same"}, {"kernel": 3, "stride": 3, "padding": "same"},
    {"kernel": 3, "padding": "causal", "bias": False},
]  # fmt: skip


def network(settings: dict[str, Any]) -> cg.Network:
    layers = [cg.Conv1D(5, **settings), cg.Tanh(), cg.GlobalAvgPool1D(), cg.Dense(3), cg.Softmax()]
    return cg.Network(layers, input_shape=(7, 4), loss=cg.CrossEntropy(), dtype="float64")


X, Y = RNG.standard_normal((6, 7, 4)), RNG.integers(0, 3, 6)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_values_and_gradients_are_those_of_conv1d(settings: dict[str, Any]) -> None:
    net = network(settings)
    trace = net.trace(X, Y)
    given = {name: torch.tensor(value, requires_grad=True) for name, value in net.parameters.items()}
    x, padding = torch.tensor(X, requires_grad=True), settings.get("padding", 0)
    images = x.mT
    kernel, stride = settings["kernel"], settings.get("stride", 1)
    if padding == "causal":
        images, padding = F.pad(images, (kernel - 1, 0)), 0
    elif padding == "same":
        zeros = max((-(-7 // stride) - 1) * stride + kernel - 7, 0)
        images, padding = F.pad(images, (zeros // 2, zeros - zeros // 2)), 0
    z = F.conv1d(images, given["W1"], given.get("b1"), stride=stride, padding=padding).mT
    pooled = torch.tanh(z).mean(dim=1)
    loss = F.cross_entropy(pooled @ given["W2"] + given["b2"], torch.tensor(Y))
    loss.backward()
    np.testing.assert_allclose(trace["z1"], z.detach().numpy(), rtol=1e-11, atol=1e-12)
    assert trace["L"] == pytest.approx(loss.item(), rel=1e-12)
    for name, value in {**given, "x": x}.items():
        assert value.grad is not None
        np.testing.assert_allclose(trace[f"d{name}"], value.grad.numpy(), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("settings", [SETTINGS[3], SETTINGS[5], SETTINGS[7]], ids=str)
def test_scripts_and_the_compiled_engine_train_alike(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = network(settings)
    trained = net.copy()
    trained.fit(X, Y, max_steps=2, batch_size=None, engine="numpy")
    for to in ("numpy", "torch"):
        script = tmp_path / f"{to}_script.py"
        script.write_text(net.source(to, X, Y, optimizer=cg.SGD(0.01), steps=2), encoding="utf-8")
        before = torch.get_default_dtype()
        try:
            runpy.run_path(str(script))
        finally:
            torch.set_default_dtype(before)
        assert float(capsys.readouterr().out.split("=")[-1]) == pytest.approx(trained.loss(X, Y), rel=1e-12), to
    if available():
        compiled = net.copy()
        compiled.fit(X, Y, max_steps=2, batch_size=None, engine="compiled")
        np.testing.assert_allclose(compiled.flat, trained.flat, rtol=1e-12)
        np.testing.assert_allclose(compiled.predict(X, engine="compiled"), trained.predict(X), rtol=1e-12)


def test_the_mean_of_images_is_that_of_their_pixels() -> None:
    layers = [cg.Conv2D(4, 3), cg.ReLU(), cg.GlobalAvgPool2D(), cg.Dense(3), cg.Softmax()]
    net = cg.Network(layers, input_shape=(2, 6, 5), loss=cg.CrossEntropy(), dtype="float64")
    x = RNG.standard_normal((6, 2, 6, 5))
    trace = net.trace(x, Y)
    images = torch.tensor(trace["a1"], requires_grad=True)
    pooled = F.adaptive_avg_pool2d(images, 1).flatten(1)
    F.cross_entropy(pooled @ torch.tensor(trace["W2"]) + torch.tensor(trace["b2"]), torch.tensor(Y)).backward()
    np.testing.assert_allclose(trace["p1"], pooled.detach().numpy(), rtol=1e-12)
    assert images.grad is not None
    np.testing.assert_allclose(trace["da1"], images.grad.numpy(), rtol=1e-11, atol=1e-15)
    if available():
        one, two = net.copy(), net.copy()
        one.fit(x, Y, max_steps=2, engine="numpy")
        two.fit(x, Y, max_steps=2, engine="compiled")
        np.testing.assert_allclose(one.flat, two.flat, rtol=1e-12)
    assert "x.mean(dim=(2, 3))" in net.source("torch")
