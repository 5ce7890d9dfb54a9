"""Networks that scale, as PyTorch scripts: the same losses, the same predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from write.written import run

pytestmark = pytest.mark.torch
OPTIMIZER = cg.SGD(0.01)
CHOICES = (False, True)
"""Whether the samples have weights."""
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


@dataclass(frozen=True)
class Case:
    """A network, its samples and their weights."""

    net: cg.Network
    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None

    @classmethod
    def of(cls, name: str, *, weighted: bool) -> Case:
        layers, shape, loss = NETWORKS[name]
        net = cg.Network(layers, input_shape=shape, loss=loss, dtype="float64", seed=2)
        rng = np.random.default_rng(0)
        x = 3 * rng.standard_normal((12, *net.layout.sample_shape)) + 20
        y = 1000 * rng.standard_normal((12, *net.output_shape)) + 5000
        if name == "channels":
            y = y / 1000
        net.adapt(x, y)
        return cls(net, x, y, rng.integers(1, 4, 12) * 1.0 if weighted else None)

    def script(self) -> str:
        return self.net.source("torch", self.x, self.y, optimizer=OPTIMIZER, steps=3, sample_weight=self.weights)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], list[float]]:
    """What all the scripts print: one process imports PyTorch for them."""
    pytest.importorskip("torch")
    scripts = {(name, weighted): Case.of(name, weighted=weighted).script() for name in NETWORKS for weighted in CHOICES}
    return run(scripts, tmp_path_factory.mktemp("scripts"))


@pytest.mark.parametrize("weighted", CHOICES)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_script_prints_the_losses(name: str, weighted: bool, printed: dict[tuple[str, bool], list[float]]) -> None:
    case = Case.of(name, weighted=weighted)
    history = case.net.fit(
        case.x, case.y, optimizer=OPTIMIZER, epochs=3, batch_size=None, shuffle=False, engine="numpy",
        sample_weight=case.weights,
    )  # fmt: skip
    *before, last = printed[name, weighted]
    assert before == pytest.approx([r.loss for r in history], rel=1e-10)
    assert last == pytest.approx(case.net.loss(case.x, case.y, sample_weight=case.weights), rel=1e-10)
