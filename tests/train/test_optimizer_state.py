"""What an optimizer remembers stays with the network, from one fit to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run.compiler import available
from networks import CLASSES, SAMPLES, classifier

RNG = np.random.default_rng(0)
X = RNG.standard_normal((22, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
OPTIMIZERS = [
    cg.SGD(0.1), cg.SGD(0.1, momentum=0.9), cg.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    cg.Adam(0.01), cg.AdamW(0.01), cg.RMSProp(0.01), cg.AdaGrad(0.1),
    cg.Adam(0.01, clip_norm=0.1),
]  # fmt: skip
NEEDS_COMPILER = pytest.mark.skipif(not available(), reason="no C compiler")
ENGINES = ["numpy", pytest.param("compiled", marks=NEEDS_COMPILER)]


def network(dtype: str = "float32") -> cg.Network:
    layers = [cg.Dense(6), cg.BatchNorm(), cg.Tanh(), cg.Dropout(0.2), cg.Dense(2), cg.Softmax()]
    return cg.Network(layers, input_shape=4, loss="CrossEntropy", dtype=dtype)


def fitted(net: cg.Network, optimizer: Any = None, **settings: Any) -> np.ndarray[Any, Any]:
    net.fit(X, Y, optimizer=optimizer or cg.Adam(0.01), batch_size=8, **{"epochs": 2, **settings})
    return net.flat.copy()


@pytest.mark.parametrize(
    ("optimizer", "engine"),
    [
        *((optimizer, "numpy") for optimizer in OPTIMIZERS),
        *(
            pytest.param(optimizer, "compiled", marks=[NEEDS_COMPILER, *([pytest.mark.long] if number != 3 else [])])
            for number, optimizer in enumerate(OPTIMIZERS)
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value),
)
def test_one_fit_is_as_many_fits_of_one_epoch_bit_by_bit(optimizer: cg.Optimizer, engine: str) -> None:
    one, many, steps = network(), network(), network()
    fitted(one, optimizer, epochs=6, engine=engine)
    for k in range(6):
        history = many.fit(X, Y, optimizer=optimizer, batch_size=8, engine=engine)
        assert history.steps_before == 3 * k
    assert np.array_equal(one.flat, many.flat)
    assert all(np.array_equal(one.states[n], many.states[n]) for n in one.states)
    for count in (3, 9, 6):
        fitted(steps, optimizer, epochs=None, max_steps=count, engine=engine)
    assert np.array_equal(one.flat, steps.flat)


def test_the_learning_rate_may_change_and_the_velocity_stays() -> None:
    """By hand: v = 0.9 v + g goes on with another rate, as in PyTorch with a changed param_group."""
    net = cg.Network([cg.Dense(1, bias=False, weights="zeros")], input_shape=1, loss="SquaredError", dtype="float64")
    w, v = 0.0, 0.0
    for rate in (0.1, 0.1, 0.01, 0.02):
        net.fit([[1.0]], [1.0], optimizer=cg.SGD(rate, momentum=0.9))
        v = 0.9 * v + 2 * (w - 1)
        w -= rate * v
        assert net.parameters["W1"][0, 0] == pytest.approx(w, rel=1e-12)


def anew(net: cg.Network, how: str, tmp_path: Path) -> tuple[cg.Network, Any, dict[str, Any]]:
    """The network, the optimizer and the settings of a fit in which the optimizer begins anew."""
    adam = cg.Adam(0.01)
    match how:
        case "fresh":
            return net, adam, {"fresh_optimizer": True}
        case "another":
            return net, cg.AdamW(0.01), {}
        case "settings":
            return net, cg.Adam(0.01, beta1=0.8), {}
        case "frozen":
            net.freeze("b1")
            return net, adam, {}
        case "set":
            net.set_parameters(W1=net.parameters["W1"] * 1)
            return net, adam, {}
        case _:
            net.save(tmp_path)
            return cg.load(tmp_path), adam, {}


@pytest.mark.parametrize("how", ["fresh", "another", "settings", "frozen", "set", "loaded"])
def test_when_it_begins_anew(how: str, tmp_path: Path) -> None:
    net = network()
    fitted(net)
    twin = network()
    net, optimizer, settings = anew(net, how, tmp_path)
    twin.set_parameters({**net.parameters, **net.states})
    twin.steps_taken = net.steps_taken
    twin.freeze(*net.frozen)
    history = net.fit(X, Y, optimizer=optimizer, batch_size=8, epochs=2, **settings)
    assert history.steps_before == 0
    assert np.array_equal(net.flat, fitted(twin, optimizer))


def test_a_copy_goes_on_alike_and_the_original_is_left_alone() -> None:
    net = network()
    fitted(net)
    twin = net.copy()
    assert np.array_equal(fitted(twin), fitted(net))
    wide = net.copy(dtype="float64")
    assert wide.fit(X, Y, optimizer=cg.Adam(0.01)).steps_before == 12
    assert wide.optimizer_state is not None
    assert all(a.dtype == np.float64 for a in wide.optimizer_state.arrays.values())


def test_moments_of_weights_that_were_not_kept_are_dropped() -> None:
    net = network()
    history = net.fit(X, Y, optimizer=cg.Adam(1.0), epochs=20, validation=0.3)
    assert history.best_epoch is not None
    assert history.best_epoch < 20
    assert net.optimizer_state is None
    lost = cg.Network([cg.Dense(1)], input_shape=4, loss="SquaredError")
    with pytest.warns(RuntimeWarning, match="finite|infinite|NaN|inf"):
        assert lost.fit(X, Y, optimizer=cg.SGD(1e20, momentum=0.9), epochs=20).stop_reason is cg.StopReason.NOT_FINITE
    assert lost.optimizer_state is None


@pytest.mark.parametrize("engine", ENGINES)
def test_a_second_fit_that_was_stopped_is_gone_on_with(tmp_path: Path, engine: str) -> None:
    whole, stopped = network(), network()
    for net in (whole, stopped):
        fitted(net, engine=engine)
    expected = fitted(whole, epochs=5, engine=engine)
    fitted(stopped, epochs=2, max_steps=5, engine=engine, checkpoints=tmp_path)
    again = network()
    history = again.fit(
        X, Y, optimizer=cg.Adam(0.01), batch_size=8, epochs=5, engine=engine, resume=tmp_path
    )  # fmt: skip
    assert history.steps_before == 6
    assert np.array_equal(again.flat, expected)


def test_after_an_interruption_it_goes_on(tmp_path: Path) -> None:
    class Stop(cg.Callback):
        def on_step(self, training: Any) -> None:
            if training.step == 4:
                raise KeyboardInterrupt

    whole, broken = network(), network()
    fitted(whole, epochs=None, max_steps=9)
    with pytest.raises(KeyboardInterrupt):
        fitted(broken, callbacks=[Stop()])
    assert broken.optimizer_state is not None
    assert broken.optimizer_state.steps == 4


def test_fresh_optimizer_is_true_or_false() -> None:
    with pytest.raises(cg.OptionError, match="fresh_optimizer is true or false"):
        network().fit(X, Y, fresh_optimizer=1)  # type: ignore[arg-type]


def test_adam_counts_its_own_steps() -> None:
    net = classifier()
    net.fit(SAMPLES, CLASSES, epochs=50)
    before = net.flat.copy()
    assert net.trace(SAMPLES, CLASSES, optimizer="Adam")["t"] == 1
    net.fit(SAMPLES, CLASSES, optimizer=cg.Adam(0.001), max_steps=1, batch_size=None)
    np.testing.assert_allclose(np.abs(net.flat - before).max(), 0.001, rtol=1e-3)
