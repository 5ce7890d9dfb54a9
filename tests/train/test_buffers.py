"""The arrays of a training have one owner, and the model gets them back when somebody looks."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.compiler import available
from chalkgrad.train.fit import Fit

ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not available(), reason="no C compiler"))]
X, Y = np.random.default_rng(3).standard_normal((12, 4)), np.arange(12) % 3


def network() -> cg.Network:
    layers = [cg.Dense(5), cg.BatchNorm(), cg.ReLU(), cg.Dense(3), cg.Softmax()]
    return cg.Network(layers, input_shape=4, loss="CrossEntropy")


class Looking(cg.Callback):
    """Keeps the model's weights after every step, first as they lie there, then as `training.network` has them."""

    def __init__(self, net: cg.Network, every: int) -> None:
        self.net, self.every = net, every
        self.lying: list[bytes] = []
        self.seen: list[bytes] = []

    def on_step(self, training: Any) -> None:
        self.lying.append(self.net.flat.tobytes())
        if training.step % self.every == 0:
            assert training.network is self.net
            self.seen.append(self.net.flat.tobytes())


@pytest.mark.parametrize("engine", ENGINES)
def test_the_model_gets_them_back_when_somebody_looks(engine: str) -> None:
    net = network()
    begin = net.flat.tobytes()
    looking = Looking(net, every=2)
    net.fit(X, Y, max_steps=5, batch_size=4, engine=engine, callbacks=[looking])
    assert looking.lying == [begin, begin, looking.seen[0], looking.seen[0], looking.seen[1]]
    assert len({begin, *looking.seen, net.flat.tobytes()}) == 4


@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_that_is_over_holds_no_arrays(engine: str) -> None:
    fit = Fit(network(), X, Y, epochs=2, batch_size=4, engine=engine, validation=0.25)
    steps, samples = weakref.ref(fit.state.buffers.steps), weakref.ref(fit.task.samples.y)
    fit.run()
    assert steps() is None
    assert samples() is None
    assert fit.history.steps == len(fit.history) * 3 > 0


@pytest.mark.filterwarnings("ignore:the loss grew:RuntimeWarning")
def test_what_the_optimizer_remembers_goes_with_the_weights() -> None:
    """Its arrays are the network's after a training, but not where the weights of an earlier epoch were put back."""
    net = network()
    net.fit(X, Y, epochs=2, optimizer=cg.SGD(0.1, momentum=0.9))
    assert net.optimizer_state is not None
    assert net.optimizer_state.steps == 2
    rising = cg.Exponential(decay=100.0)
    found = net.fit(X, Y, epochs=4, optimizer=cg.SGD(0.1, momentum=0.9), schedule=rising, validation=(X, Y))
    assert found.steps_before == 2
    assert found.best_epoch is not None
    assert found.best_epoch < 4
    assert net.optimizer_state is None
