"""What a history says: records, their losses, and a loss that grew."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.compiler import available

RNG = np.random.default_rng(5)
X = RNG.standard_normal((22, 3))
Y = X @ [[1.0], [2.0], [-1.0]] + 0.1
ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not available(), reason="no C compiler"))]


def network(loss: Any = "SquaredError", ending: Any = (), outputs: int = 1, **settings: Any) -> cg.Network:
    return cg.Network([cg.Dense(outputs), *ending], input_shape=3, loss=loss, dtype="float64", **settings)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_history_is_a_sequence_of_records(engine: str) -> None:
    history = network().fit(X, Y, optimizer=cg.SGD(0.01), epochs=30, engine=engine)
    assert len(history) == len(list(history)) == 30
    assert history[0] == history.records[0]
    assert history[0].epoch == 1
    assert history[-1] == history[29]
    assert history[-1].loss < history[0].loss
    assert [r.epoch for r in history[1:4]] == [2, 3, 4]
    with pytest.raises(IndexError, match="30 epochs"):
        history[30]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("max_steps", [None, 5])
def test_a_records_loss_is_the_mean_over_the_samples_penalties_included(
    engine: str, reduction: str, max_steps: int | None
) -> None:
    """Batches of 8, 8 and 6, each before its update; where it stops on the way, those that were taken."""
    net = network(cg.SquaredError(reduction=reduction), l2=0.3, l1=0.1)
    twin = net.copy()
    settings: dict[str, Any] = {"optimizer": cg.SGD(0.002), "batch_size": 8, "shuffle": False, "engine": engine}
    history = net.fit(X, Y, epochs=2, max_steps=max_steps, **settings)
    expected = []
    for _ in range(2):
        total = samples = penalties = 0.0
        for begin in range(0, 22, 8):
            if twin.steps_taken == max_steps:
                break
            x, y = X[begin : begin + 8], Y[begin : begin + 8]
            weights = twin.parameters["W1"]
            penalty = float(0.1 * np.abs(weights).sum() + 0.3 * (weights**2).sum())
            penalties += penalty * len(x)
            total += (twin.loss(x, y) - penalty) * (len(x) if reduction == "mean" else 1)
            samples += len(x)
            twin.fit(x, y, optimizer=cg.SGD(0.002), batch_size=8, shuffle=False, engine="numpy")
        expected.append((total / samples if reduction == "mean" else total) + penalties / samples)
    assert [r.loss for r in history] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("kind", [cg.SquaredError, cg.AbsoluteError])
def test_a_loss_that_grows_and_stays_finite_is_warned_of(kind: Any, reduction: str, engine: str) -> None:
    net = network(kind(reduction=reduction))
    rate = {"mean": 3.0, "sum": 0.5}[reduction] * (1 if kind is cg.SquaredError else 1e4)
    with pytest.warns(RuntimeWarning, match=rf"the loss grew from .* to .*try a smaller learning rate than {rate:g}"):
        history = net.fit(X, Y, optimizer=cg.SGD(rate), epochs=6, engine=engine, batch_size=8)
    assert history.stop_reason is cg.StopReason.EPOCHS
    assert history.stop_detail.startswith("the loss grew from ")
    assert "the loss grew" in str(history)


@pytest.mark.parametrize(
    ("loss", "ending", "outputs", "y"),
    [
        ("SquaredError", [], 1, Y),
        ("AbsoluteError", [], 1, Y * 1e3 - 1e4),
        ("SquaredError", [], 1, np.full(22, 3e3)),
        ("SquaredError", [], 1, np.zeros(22)),
        (cg.SquaredError(reduction="sum"), [], 1, Y),
        ("CrossEntropy", [cg.Softmax()], 3, np.arange(22) % 3),
        ("BinaryCrossEntropy", [cg.Sigmoid()], 3, (X > 0) * 1.0),
        ("Hinge", [], 3, np.arange(22) % 3),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 8, None])
def test_a_training_that_learns_slowly_or_is_done_warns_of_nothing(
    loss: Any, ending: Any, outputs: int, y: Any, batch_size: int | None
) -> None:
    net = network(loss, ending, outputs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rate in (1e-6, 1e-3, 1e-2, 1e-2, 1e-2):  # from perfect weights on, rounding may multiply the loss
            history = net.fit(X, y, optimizer=cg.SGD(rate), batch_size=batch_size, epochs=20)
            assert not history.stop_detail


def test_the_loss_of_outputs_that_are_all_0() -> None:
    """By hand; for losses of classes, scores that prefer none."""
    y = np.array([[1.0, 3.0], [3.0, 3.0], [2.0, 0.0]])
    assert cg.SquaredError(scale=0.5).of_zeros(y) == pytest.approx(0.5 * 32 / 3)
    assert cg.AbsoluteError(scale="mean").of_zeros(y) == pytest.approx(12 / 3 / 2)
    classes = np.eye(4)
    assert cg.CrossEntropy().of_zeros(classes) == pytest.approx(np.log(4))
    assert cg.BinaryCrossEntropy().of_zeros(classes) == pytest.approx(4 * np.log(2))
    assert cg.Hinge(margin=2.0).of_zeros(classes) == 6
    assert cg.Hinge().of_zeros(classes[:, :1]) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_the_training_that_callbacks_see_knows_of_an_update_that_was_taken_back(engine: str) -> None:
    seen: dict[str, int] = {}

    class See(cg.Callback):
        def on_step(self, training: Any) -> None:
            assert training.step == training.network.steps_taken

        def on_end(self, training: Any, history: Any) -> None:
            seen.update(training=training.step, history=history.steps, network=training.network.steps_taken)

    with pytest.warns(RuntimeWarning, match="training stopped"):
        network().fit(X, Y * 1e100, optimizer=cg.SGD(1e60), epochs=50, callbacks=[See()], engine=engine)
    assert seen["training"] == seen["history"] == seen["network"]


def test_history_is_json_even_when_numbers_are_lost() -> None:
    record = cg.Record(1, 1, float("nan"), 0.1, 0.0, float("inf"))
    assert json.loads(record.to_json())["val_loss"] is None
