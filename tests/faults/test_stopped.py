"""Random trainings, stopped after every step and resumed: bit for bit those that were never stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from trials import many

import chalkgrad as cg
from chalkgrad.engines.c.compiler import available
from networks import networks

pytestmark = pytest.mark.filterwarnings("ignore:the loss grew:RuntimeWarning")  # random networks may explode alike

OPTIMIZERS = [
    cg.SGD(0.05), cg.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01), cg.Adam(0.01, weight_decay=0.1),
    cg.AdamW(0.01), cg.RMSProp(0.01), cg.AdaGrad(0.01),
]  # fmt: skip
SCHEDULES = [
    cg.Constant(warmup=3), cg.StepDecay(every=1, decay=0.5), cg.Exponential(), cg.InverseTime(), cg.Linear(), cg.Cosine(),
    cg.OneCycle(), cg.ReduceOnPlateau(patience=1),
]  # fmt: skip
FIELDS = ("epoch", "step", "loss", "learning_rate", "val_loss", "val_accuracy")


def told(history: cg.History) -> list[Any]:
    return [[getattr(r, f) for f in FIELDS] for r in history] + [history.loss, history.best_epoch, history.stop_reason]


@pytest.mark.parametrize("engine", ["numpy", pytest.param("compiled", marks=pytest.mark.long)])
def test_random_trainings(tmp_path: Path, engine: str, record: Callable[..., None]) -> None:
    if engine == "compiled" and not available():
        pytest.skip("there is no C compiler")
    stops = 0

    @seed(11)
    @settings(
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        max_examples=many(4, 150),
    )
    @given(networks(), st.sampled_from(OPTIMIZERS), st.sampled_from(SCHEDULES), st.sampled_from([None, 0.4]),
           st.integers(1, 3), st.booleans())  # fmt: skip
    def check(
        drawn: tuple[cg.Network, np.ndarray, np.ndarray], optimizer: cg.Optimizer, schedule: cg.Schedule,
        validation: float | None, batch: int, shuffle: bool,
    ) -> None:  # fmt: skip
        nonlocal stops
        net, x, y = drawn
        x, y = np.concatenate([x] * 3), np.concatenate([y] * 3)
        more: dict[str, Any] = {
            "optimizer": optimizer, "schedule": schedule, "validation": validation, "batch_size": batch,
            "shuffle": shuffle, "epochs": 3, "patience": 3, "engine": engine,
        }  # fmt: skip
        whole = net.copy()
        expected = told(whole.fit(x, y, **more))
        begun = net.steps_taken
        stopped = Stop(0)
        place = tmp_path / "run"
        for step in range(1, whole.steps_taken - begun):
            shutil.rmtree(place, ignore_errors=True)
            stopped.at = step
            net.copy().fit(x, y, **more, callbacks=[stopped], checkpoints=place)
            again = net.copy()
            found = told(again.fit(x, y, **more, resume=place))
            what = f"{net!r}, {more}, stopped after {step}"
            assert repr(found) == repr(expected), what
            assert np.array_equal(again.flat, whole.flat), what
            assert all(np.array_equal(a, whole.states[n]) for n, a in again.states.items()), what
            stops += 1

    check()
    assert stops > 20
    record("Stopped", f"after every step of random trainings, and resumed, {engine} engine", stops,
           "weights, running averages and history bit for bit those of a training that was never stopped")  # fmt: skip


class Stop(cg.Callback):
    """Stops after some step."""

    def __init__(self, at: int) -> None:
        self.at = at

    def on_step(self, training: Any) -> None:
        if training.step >= self.at:
            training.stop()
