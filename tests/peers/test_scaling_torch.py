"""Networks that scale, as PyTorch scripts: the same losses, the same predictions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

pytestmark = pytest.mark.torch
RNG = np.random.default_rng(1)
NETWORKS: dict[str, tuple[list[cg.Layer], Any, Any]] = {
    "features": (
        [cg.Standardize(), cg.Dense(4), cg.Tanh(), cg.Dense(2), cg.Unstandardize()], 3, cg.SquaredError(scale="variance"),
    ),
    "channels": ([cg.Standardize(), cg.Flatten(), cg.Dense(2)], (3, 4, 4), "SquaredError"),
    "steps": (
        [cg.Standardize(), cg.RNN(3, sequences=True), cg.Dense(2), cg.Unstandardize()], (5, 3),
        cg.SquaredError(scale="variance"),
    ),
    "summed": ([cg.Standardize(), cg.Dense(2), cg.Unstandardize()], 3, cg.SquaredError(scale="variance", reduction="sum")),
}  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_script_prints_the_losses(name: str, weighted: bool, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    layers, shape, loss = NETWORKS[name]
    net = cg.Network(layers, input_shape=shape, loss=loss, dtype="float64", seed=2)
    x = 3 * RNG.standard_normal((12, *net.layout.sample_shape)) + 20
    y = 1000 * RNG.standard_normal((12, *net.output_shape)) + 5000
    if name == "channels":
        y = y / 1000
    weights = RNG.integers(1, 4, 12) * 1.0 if weighted else None
    net.adapt(x, y)
    file = tmp_path / "script.py"
    optimizer = cg.SGD(0.01)
    file.write_text(net.source("torch", x, y, optimizer=optimizer, steps=3, sample_weight=weights))
    out = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=True).stdout
    printed = [float(line.split("= ")[1]) for line in out.splitlines()]
    history = net.fit(
        x, y, optimizer=optimizer, epochs=3, batch_size=None, shuffle=False, engine="numpy", sample_weight=weights
    )
    assert printed[:3] == pytest.approx([r.loss for r in history], rel=1e-10)
    assert printed[3] == pytest.approx(net.loss(x, y, sample_weight=weights), rel=1e-10)
