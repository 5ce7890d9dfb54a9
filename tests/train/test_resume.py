"""A training that was stopped and gone on with is, bit for bit, one that was never stopped."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.files.checkpoint import Checkpoint
from chalkgrad.train.checkpoints import checkpoint_files, newest

ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not available(), reason="no C compiler"))]
RNG = np.random.default_rng(8)
X, Y = RNG.standard_normal((23, 6)).astype(np.float32), RNG.integers(0, 3, 23)
STEPS = 4 * 5  # epochs of 5 steps: 18 of 23 samples, 4 at a time


def network() -> cg.Network:
    layers = [cg.Dense(8), cg.BatchNorm(), cg.ReLU(), cg.Dropout(0.3), cg.Dense(3), cg.Softmax()]
    return cg.Network(layers, input_shape=(6,), loss="CrossEntropy", seed=5, l2=0.01)


def settings(**more: Any) -> dict[str, Any]:
    return {
        "optimizer": cg.Adam(0.05), "batch_size": 4, "validation": 0.2, "patience": 4,
        "schedule": cg.ReduceOnPlateau(patience=1, warmup=3), "epochs": 4, **more,
    }  # fmt: skip


def same(one: cg.Network, two: cg.Network, h1: cg.History, h2: cg.History) -> None:
    assert np.array_equal(one.flat, two.flat)
    for name, array in one.states.items():
        assert np.array_equal(array, two.states[name])
    assert one.steps_taken == two.steps_taken
    kept = ("epoch", "step", "loss", "learning_rate", "val_loss", "val_accuracy")
    assert [[getattr(r, k) for k in kept] for r in h1] == [[getattr(r, k) for k in kept] for r in h2]
    for name in ("steps", "loss", "first_batch_loss", "best_epoch", "stop_reason", "stop_detail"):
        assert getattr(h1, name) == getattr(h2, name), name


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("optimizer", [cg.Adam(0.05), cg.SGD(0.1, momentum=0.9, nesterov=True)])
@pytest.mark.parametrize("engine", ENGINES)
def test_stopped_at_any_step(tmp_path: Path, engine: str, optimizer: cg.Optimizer, every: int) -> None:
    whole = network()
    kept = whole.fit(X, Y, **settings(engine=engine, optimizer=optimizer))
    assert kept.steps == STEPS
    for stop in range(1, STEPS, every):
        place = tmp_path / str(stop)
        network().fit(X, Y, **settings(engine=engine, optimizer=optimizer, max_steps=stop), checkpoints=place)
        again = network()
        found = again.fit(X, Y, **settings(engine=engine, optimizer=optimizer), checkpoints=place, resume=place)
        same(whole, again, kept, found)


@pytest.mark.parametrize("engine", ENGINES)
def test_stopped_again_and_again(tmp_path: Path, engine: str) -> None:
    """After every step anew, with a schedule that knows the end and without validation."""
    more = settings(engine=engine, schedule="Cosine", validation=None, patience=None, shuffle=True)
    whole = network()
    kept = whole.fit(X, Y, **more)
    net = network()
    for _ in range(kept.steps):
        net = network()
        stopper = _StopAfterOne()
        place = tmp_path if (tmp_path / "begun").exists() else None
        found = net.fit(X, Y, **more, checkpoints=tmp_path, resume=place, callbacks=[stopper])
        (tmp_path / "begun").touch()
    net = network()
    found = net.fit(X, Y, **more, checkpoints=tmp_path, resume=tmp_path)
    same(whole, net, kept, found)


class _StopAfterOne(cg.Callback):
    def on_step(self, training: Any) -> None:
        training.stop()


@pytest.mark.parametrize("engine", ENGINES)
def test_many_short_epochs(tmp_path: Path, engine: str) -> None:
    """Epochs that are computed many at a time, stopped in the middle of one."""
    more: dict[str, Any] = {"batch_size": 5, "engine": engine, "optimizer": cg.SGD(0.01)}
    whole, part, again = network(), network(), network()
    kept = whole.fit(X, Y, epochs=400, **more)
    part.fit(X, Y, epochs=400, max_steps=1403, **more, checkpoints=tmp_path)
    found = again.fit(X, Y, epochs=400, **more, checkpoints=tmp_path, resume=tmp_path)
    same(whole, again, kept, found)
    assert len(checkpoint_files(tmp_path)) == 2


def test_a_training_that_is_done_can_be_prolonged(tmp_path: Path) -> None:
    whole, part = network(), network()
    kept = whole.fit(X, Y, **settings(epochs=9, patience=None))
    first = part.fit(X, Y, **settings(epochs=3, patience=None), checkpoints=tmp_path)
    again = network()
    found = again.fit(X, Y, **settings(epochs=3, patience=None), resume=tmp_path)
    same(part, again, first, found)  # nothing is left to do
    found = again.fit(X, Y, **settings(epochs=9, patience=None), resume=tmp_path)
    same(whole, again, kept, found)


def test_a_loss_that_is_low_enough_ends_it_again(tmp_path: Path) -> None:
    more: dict[str, Any] = {"batch_size": 5, "stop_below": 0.9, "optimizer": cg.SGD(0.3)}
    part, again, whole = network(), network(), network()
    first = part.fit(X, Y, **more, checkpoints=tmp_path)
    assert first.stop_reason is cg.StopReason.LOSS
    found = again.fit(X, Y, **more, resume=tmp_path)
    same(part, again, first, found)
    found = again.fit(X, Y, **{**more, "stop_below": 0.5}, resume=tmp_path)
    same(whole, again, whole.fit(X, Y, **{**more, "stop_below": 0.5}), found)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_signal_finishes_the_step_and_saves(tmp_path: Path, engine: str) -> None:
    class Soon(cg.Callback):
        interval = 1.0

        def on_begin(self, training: Any) -> None:
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()

    whole, part, again = network(), network(), network()
    epochs = 500 if engine == "numpy" else 20_000
    more: dict[str, Any] = {"batch_size": 5, "epochs": epochs, "engine": engine, "optimizer": cg.SGD(0.001)}
    with pytest.raises(KeyboardInterrupt):
        part.fit(X, Y, **more, checkpoints=tmp_path, callbacks=[Soon()])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert newest(tmp_path).table["steps_taken"] == part.steps_taken
    assert 0 < part.steps_taken < 5 * epochs
    found = again.fit(X, Y, **more, resume=tmp_path)
    same(whole, again, whole.fit(X, Y, **more), found)


CHANGED: list[tuple[dict[str, Any], str]] = [
    ({"batch_size": 5}, "batch_size 4, not 5"),
    ({"optimizer": "SGD"}, "optimizer Adam, 0.05, not SGD"),
    ({"shuffle": False}, "shuffle True, not False"),
    ({"seed": 7}, "seed 5, not 7"),
    ({"validation": 0.3}, "validation 0.2, not 0.3"),
    ({"schedule": "Cosine"}, "schedule ReduceOnPlateau"),
    ({"restore_best": False}, "restore_best True, not False"),
]


@pytest.mark.parametrize(("change", "message"), CHANGED)
def test_other_settings_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    network().fit(X, Y, **settings(max_steps=7), checkpoints=tmp_path)
    net = network()
    before = net.flat.copy()
    with pytest.raises(cg.CheckpointError, match=message):
        net.fit(X, Y, **settings(**change), resume=tmp_path)
    assert np.array_equal(net.flat, before)


def test_other_data_and_networks_are_refused(tmp_path: Path) -> None:
    network().fit(X, Y, **settings(max_steps=7), checkpoints=tmp_path)
    with pytest.raises(cg.CheckpointError, match="other data"):
        network().fit(X + 1, Y, **settings(), resume=tmp_path)
    with pytest.raises(cg.CheckpointError, match="other data"):
        network().fit(X, (Y + 1) % 3, **settings(), resume=tmp_path)
    other = cg.Network([cg.Dense(3), cg.Softmax()], input_shape=(6,), loss="CrossEntropy")
    with pytest.raises(cg.CheckpointError, match="another network"):
        other.fit(X, Y, **settings(), resume=tmp_path)
    with pytest.raises(cg.CheckpointError, match="no such directory"):
        network().fit(X, Y, resume=tmp_path / "nowhere")
    with pytest.raises(cg.CheckpointError, match="holds no checkpoint"):
        network().fit(X, Y, resume=tmp_path.parent)


def test_the_last_few_are_kept_and_those_of_other_trainings_go(tmp_path: Path) -> None:
    every = cg.Checkpoints(tmp_path, share=1e9, keep=3)
    network().fit(X, Y, **settings(), checkpoints=every)
    assert [steps for _, steps, _ in checkpoint_files(tmp_path)] == [10, 15, 20]
    network().fit(X, Y, **settings(epochs=1), checkpoints=every)
    assert [steps for _, steps, _ in checkpoint_files(tmp_path)] == [20, 0, 5]
    assert newest(tmp_path).table["steps_taken"] == 5
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    network().fit(X, Y, **settings(), checkpoints=cg.Checkpoints(tmp_path, share=1e9))
    last = checkpoint_files(tmp_path)[-1][2]
    content = bytearray(last.read_bytes())
    content[-5] ^= 1
    last.write_bytes(content)
    with pytest.warns(cg.CheckpointWarning, match=r"damaged.*is resumed from .*000000000015"):
        assert newest(tmp_path).table["steps_taken"] == 15
    with pytest.raises(cg.CheckpointError, match="is damaged: its SHA-256 is another"):
        newest(last)
    for _, _, path in checkpoint_files(tmp_path):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(cg.CheckpointError, match="none of the checkpoints"):
        newest(tmp_path)


def test_two_trainings_do_not_write_into_one_directory(tmp_path: Path) -> None:
    class Second(cg.Callback):
        def on_epoch(self, training: Any, record: Any) -> None:
            with pytest.raises(cg.CheckpointError, match="another training is writing into"):
                network().fit(X, Y, checkpoints=tmp_path)

    network().fit(X, Y, epochs=1, checkpoints=tmp_path, callbacks=[Second()])
    network().fit(X, Y, epochs=1, checkpoints=tmp_path)  # the first one has ended


def test_a_checkpoint_holds_what_it_says(tmp_path: Path) -> None:
    net = network()
    net.fit(X, Y, **settings(max_steps=7, restore_best=False), checkpoints=tmp_path)
    found = Checkpoint(checkpoint_files(tmp_path)[-1][2])
    W = found.read("value/W1", np.float32, (6, 8))
    assert np.array_equal(W, net.parameters["W1"])
    assert found.table["history"]["steps"] == 7
    with pytest.raises(cg.CheckpointError, match=r"W1 is float32 \(6, 8\), but the network needs float32 \(6, 9\)"):
        found.read("value/W1", np.float32, (6, 9))
    with pytest.raises(cg.CheckpointError, match="value/W9 is missing"):
        found.read("value/W9", np.float32, (6, 9))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"directory": 3}, "directory is a path"),
    ({"directory": "x", "seconds": -1}, "seconds must be"),
    ({"directory": "x", "share": -1}, "share must be"),
    ({"directory": "x", "keep": 0}, "keep must be"),
]


@pytest.mark.parametrize(("given", "message"), BAD)
def test_bad_settings(given: dict[str, Any], message: str) -> None:
    with pytest.raises(cg.OptionError, match=message):
        cg.Checkpoints(**given)


def test_into_a_directory_of_a_later_training(tmp_path: Path) -> None:
    """What is written last is kept, whatever lies there."""
    a, b = tmp_path / "a", tmp_path / "b"
    network().fit(X, Y, **settings(max_steps=7), checkpoints=a)
    network().fit(X, Y, **settings(epochs=1), checkpoints=b)
    net = network()
    net.fit(X, Y, **settings(), checkpoints=b, resume=a)
    assert newest(b).table["steps_taken"] == net.steps_taken
    network().fit(X, Y, **settings(), checkpoints=tmp_path / "c", resume=b)  # nothing is left to do, and yet
    assert newest(tmp_path / "c").table["steps_taken"] == net.steps_taken


def test_damaged_ones_are_not_kept_instead_of_whole_ones(tmp_path: Path) -> None:
    every = cg.Checkpoints(tmp_path, share=1e9, keep=3)
    network().fit(X, Y, **settings(), checkpoints=every)
    for _, _, path in checkpoint_files(tmp_path)[1:]:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(cg.CheckpointWarning):
        network().fit(X, Y, **settings(max_steps=12), checkpoints=cg.Checkpoints(tmp_path, keep=1), resume=tmp_path)
    assert newest(tmp_path).table["history"]["steps"] == 12


def test_an_optimizer_may_overflow_and_lost_weights_are_not_kept(tmp_path: Path) -> None:
    def net() -> cg.Network:
        return cg.Network([cg.Dense(1)], input_shape=2, loss="SquaredError")

    x, y = np.full((8, 2), 1e10, "f4"), np.full((8, 1), 1e10, "f4")
    more: dict[str, Any] = {"optimizer": cg.RMSProp(1e-3), "batch_size": 4, "engine": "numpy", "epochs": 3}
    whole, again = net(), net()
    kept = whole.fit(x, y, **more)
    net().fit(x, y, **more, max_steps=3, checkpoints=tmp_path / "a")
    same(whole, again, kept, again.fit(x, y, **more, resume=tmp_path / "a"))
    with pytest.warns(RuntimeWarning, match="training stopped"):
        net().fit(x, y, optimizer=cg.SGD(1e30), max_steps=1, checkpoints=tmp_path / "b")
    assert newest(tmp_path / "b").table["history"]["steps"] == 0


@pytest.mark.parametrize("end", [{"max_steps": 1}, {"stop_below": 100.0, "epochs": 3}, {"epochs": 1}])
def test_a_signal_at_the_very_end_is_not_lost(tmp_path: Path, end: dict[str, Any]) -> None:
    class Late(cg.Callback):
        def on_epoch(self, training: Any, record: Any) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        network().fit(X, Y, **end, callbacks=[Late()])


def test_a_signal_ends_the_inner_of_two_fits_at_once() -> None:
    class Inner(cg.Callback):
        def on_epoch(self, training: Any, record: Any) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    class Outer(cg.Callback):
        def on_epoch(self, training: Any, record: Any) -> None:
            self.inner = network()
            self.inner.fit(X, Y, epochs=50, callbacks=[Inner()])

    outer = Outer()
    with pytest.raises(KeyboardInterrupt):
        network().fit(X, Y, epochs=2, callbacks=[outer])
    assert outer.inner.steps_taken == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_patience_that_comes_later_counts_all_epochs(tmp_path: Path) -> None:
    more: dict[str, Any] = {"optimizer": cg.SGD(0.05), "schedule": cg.Exponential(1.05), "batch_size": 8}

    class Watching(cg.Callback):
        def on_step(self, training: Any) -> None:
            pass

    found = []
    for k, callbacks in enumerate(([], [Watching()])):
        network().fit(X, Y, epochs=120, **more, checkpoints=tmp_path / str(k), callbacks=callbacks)
        found.append(network().fit(X, Y, epochs=140, patience=5, **more, resume=tmp_path / str(k)))
    assert len(found[0]) == len(found[1])
    assert found[0].stop_detail == found[1].stop_detail


def test_a_schedule_that_reckons_with_the_end(tmp_path: Path) -> None:
    network().fit(X, Y, **settings(schedule="Cosine", max_steps=7), checkpoints=tmp_path)
    with pytest.raises(cg.CheckpointError, match=r"is for 7 steps in all, not 20.*Cosine"):
        network().fit(X, Y, **settings(schedule="Cosine"), resume=tmp_path)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"checkpoints": 5}, "checkpoints is a directory"),
    ({"checkpoints": "a\0b"}, "cannot be made"),
    ({"resume": 5}, "from a path, not from 5"),
    ({"resume": "a\0b"}, "cannot be read|no such directory"),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_what_is_no_path(given: dict[str, Any], message: str) -> None:
    with pytest.raises(cg.ChalkgradError, match=message):
        network().fit(X, Y, **given)


def test_a_network_of_many_layers(tmp_path: Path) -> None:
    layers: list[cg.Layer] = [cg.Dense(1) for _ in range(60)]
    net = cg.Network(layers, input_shape=1, loss="SquaredError")
    net.fit(np.ones((2, 1)), np.ones(2), max_steps=1, optimizer="Adam", checkpoints=tmp_path)
    assert len(newest(tmp_path).parts) > 360
