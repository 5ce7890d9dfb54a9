"""Batches split into shards: the gradients of the whole, and the same bits whoever computes them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad import Shards
from chalkgrad.train.shards import shares
from ray_here import local_cluster, workers_at

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(90, 6))
Y = RANDOM.integers(0, 3, 90)


def network(dtype: str = "float32", *more: cg.Layer, **settings: Any) -> cg.Network:
    layers = [cg.Dense(8), cg.Tanh(), *more, cg.Dense(3), cg.Softmax()]
    return cg.Network(
        layers, input_shape=6, loss=settings.pop("loss", cg.CrossEntropy()), dtype=dtype, seed=3, **settings
    )


def trained(net: cg.Network, shards: Any, *, x: Any = X, y: Any = Y, epochs: int = 3, **settings: Any) -> np.ndarray:
    settings = {"optimizer": cg.Adam(0.01, clip_norm=1.0), "batch_size": 20, "engine": "auto", **settings}
    net.fit(x, y, epochs=epochs, shards=shards, **settings)
    return net.flat.copy()


@pytest.mark.parametrize("shards", [2, 3, 7])
@pytest.mark.parametrize("kind", ["plain", "penalties", "weights", "summed", "sequences", "image", "ignored", "frozen"])
def test_the_sum_of_the_shards_is_the_whole(kind: str, shards: int) -> None:
    x, y, settings = X, Y, {}
    make: Any = lambda: network("float64")  # noqa: E731
    match kind:
        case "penalties":
            make = lambda: network("float64", l1=0.01, l2=0.02)  # noqa: E731
        case "weights":
            settings = {"sample_weight": np.where(np.arange(90) % 12, RANDOM.uniform(0.1, 3, 90), 0)}
        case "summed":
            make = lambda: network("float64", loss=cg.CrossEntropy(reduction="sum"))  # noqa: E731
        case "sequences":
            layers = [cg.LSTM(5), cg.Dense(3), cg.Softmax()]
            make = lambda: cg.Network(layers, input_shape=(2, 3), loss=cg.CrossEntropy(), dtype="float64")  # noqa: E731
            x = X.reshape(90, 2, 3)
        case "image":
            layers = [cg.Conv2D(2, 2), cg.ReLU(), cg.Flatten(), cg.Dense(3), cg.Softmax()]
            make = lambda: cg.Network(layers, input_shape=(1, 2, 3), loss=cg.CrossEntropy(), dtype="float64")  # noqa: E731
            x = X.reshape(90, 1, 2, 3)
        case "ignored":
            layers = [cg.Embedding(9, 4), cg.GRU(5, sequences=True), cg.Dense(3), cg.Softmax()]
            loss = cg.CrossEntropy(ignore=-1)
            make = lambda: cg.Network(layers, input_shape=4, loss=loss, dtype="float64")  # noqa: E731
            x, y = RANDOM.integers(0, 9, (90, 4)), RANDOM.integers(-1, 3, (90, 4))
            y[:, 0] = 0
        case "frozen":

            def frozen() -> cg.Network:
                net = network("float64")
                net.freeze("W1")
                return net

            make = frozen
        case _:
            pass
    whole, split = make(), make()
    first = whole.fit(x, y, epochs=2, batch_size=20, optimizer=cg.SGD(0.01, momentum=0.9), engine="numpy", **settings)
    second = split.fit(x, y, epochs=2, batch_size=20, optimizer=cg.SGD(0.01, momentum=0.9), shards=shards, **settings)
    assert np.abs(whole.flat - split.flat).max() < 1e-12
    assert not np.array_equal(whole.flat, make().flat)
    assert np.allclose(first.column("loss"), second.column("loss"), rtol=1e-12, atol=0)


def test_one_shard_is_the_training_of_always() -> None:
    assert np.array_equal(trained(network(), 1), trained(network(), Shards(1)))
    assert network().fit(X, Y, shards=Shards(1)).engine == "numpy"


def test_the_same_bits_whoever_computes() -> None:
    one = trained(network("float32", cg.Dropout(0.3)), 4)
    for workers in (1, 2, 3):
        assert np.array_equal(one, trained(network("float32", cg.Dropout(0.3)), Shards(4, workers=workers)))
    assert not np.array_equal(one, trained(network("float32", cg.Dropout(0.3)), 5))


def test_shards_draw_masks_of_their_own() -> None:
    """Two shards with the same samples do not drop the same units."""
    x, y = np.concatenate([X[:10], X[:10]]), np.concatenate([Y[:10], Y[:10]])
    net, other = network("float64", cg.Dropout(0.5)), network("float64", cg.Dropout(0.5))
    trained(net, 2, x=x, y=y, epochs=1, shuffle=False)
    trained(other, 1, x=x[:10], y=y[:10], epochs=1, shuffle=False)
    assert not np.allclose(net.flat, other.flat)


class KillOne(cg.Callback):
    """Kills a process that computes shards, in the middle of the training."""

    def __init__(self, find: Any) -> None:
        self.find, self.killed = find, 0

    def on_step(self, training: cg.train.callbacks.Training) -> None:
        if training.step == 7 and (found := self.find()):
            os.kill(found[0], signal.SIGKILL)
            self.killed = found[0]


def children() -> list[int]:
    return [int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked up in /proc")
def test_a_worker_that_is_killed_in_the_middle_costs_no_bit() -> None:
    before = set(children())
    killer = KillOne(lambda: [p for p in children() if p not in before])
    whole = trained(network(), 4)
    assert np.array_equal(whole, trained(network(), Shards(4, workers=2), callbacks=[killer]))
    assert killer.killed
    assert set(children()) <= before  # and nobody is left


def test_resumed_with_other_workers(tmp_path: Path) -> None:
    whole = trained(network(), 4, epochs=4)
    first = network()
    trained(first, Shards(4, workers=2), epochs=2, checkpoints=tmp_path)
    second = network()
    assert np.array_equal(whole, trained(second, 4, epochs=4, resume=tmp_path))
    with pytest.raises(cg.CheckpointError, match="the training began with shards 4, not 5"):
        trained(network(), 5, epochs=4, resume=tmp_path)


def test_numbers_that_are_lost() -> None:
    net = network("float32")
    with pytest.warns(RuntimeWarning, match=r"training stopped: .* in step 2"):
        net.fit(X, Y, optimizer=cg.SGD(1e38, momentum=0.9), batch_size=20, epochs=3, shards=3)
    assert np.isfinite(net.flat).all()


def test_stopped_by_a_low_loss_and_by_steps() -> None:
    assert network().fit(X, Y, batch_size=20, max_steps=7, shards=2).steps == 7
    low = network()
    begun = low.flat.copy()
    assert low.fit(X, Y, batch_size=20, epochs=3, stop_below=1e9, shards=2).steps == 0
    assert np.array_equal(low.flat, begun)


@pytest.mark.parametrize(
    ("shards", "settings", "said"),
    [
        (0, {}, "shards must be a whole number"),
        (21, {}, "a batch of 20 has no 21 shards"),
        (2, {"engine": "compiled"}, "leave engine='compiled' out"),
        (2, {"check_finite": True}, "leave check_finite out"),
    ],
)
def test_what_cannot_be_split_is_said(shards: Any, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(cg.OptionError, match=said):
        trained(network(), shards, **settings)


def test_networks_that_cannot_be_split() -> None:
    with pytest.raises(cg.OptionError, match=r"BatchNorm.*looks at the whole batch"):
        trained(network("float32", cg.BatchNorm()), 2)
    with pytest.raises(cg.OptionError, match="reduction='mean'"):
        trained(network("float32", loss=cg.CrossEntropy(reduction="sum"), l2=0.1), 2)
    for wrong, said in ((lambda: Shards(2, workers=-1), "workers"), (lambda: Shards(2, ray=3), "an address")):  # type: ignore[arg-type]
        with pytest.raises(cg.OptionError, match=said):
            wrong()
    with pytest.raises(cg.OptionError, match="one shard"):
        trained(network(), Shards(1, workers=2))


def test_what_a_shard_counts() -> None:
    parts = [np.array([0, 1]), np.array([2])]
    assert shares(parts, None, averaged=True) == [2 / 3, 1 / 3]
    assert shares(parts, np.array([1.0, 0.0, 3.0]), averaged=True) == [0.25, 0.75]
    assert shares(parts, None, averaged=False) == [1.0, 1.0]


SCRIPT = """
import sys
import numpy as np
import chalkgrad as cg

class Say(cg.Callback):
    def on_step(self, training):
        print(training.step, flush=True)

x = np.random.default_rng(0).normal(size=(90, 6))
net = cg.Network([cg.Dense(3), cg.Softmax()], input_shape=6, loss=cg.CrossEntropy())
try:
    net.fit(x, np.arange(90) % 3, epochs=10**6, batch_size=20, shards=cg.Shards(4, workers=2), callbacks=[Say()])
except KeyboardInterrupt:
    print("ended", np.isfinite(net.flat).all(), flush=True)
"""


def test_ctrl_c_ends_the_workers_too() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler), process_group=0,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers too
    said, complaints = process.communicate(timeout=30)  # it ends when the last process has closed the pipe
    assert said.endswith("ended True\n")
    assert complaints == ""


@pytest.fixture
def cluster() -> Iterator[None]:
    with local_cluster(workers=2):
        yield


@pytest.mark.long
@pytest.mark.usefixtures("cluster")
def test_actors_on_ray_one_of_them_killed() -> None:
    whole = trained(network("float32", cg.Dropout(0.3)), 4)
    for workers in (1, 2):
        assert np.array_equal(whole, trained(network("float32", cg.Dropout(0.3)), Shards(4, workers, "auto")))
    killer = KillOne(lambda: workers_at("_Actor", os.getpid()))
    net = network("float32", cg.Dropout(0.3))
    assert np.array_equal(whole, trained(net, Shards(4, 2, "auto"), callbacks=[killer]))
    assert killer.killed
