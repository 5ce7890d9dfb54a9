"""What is long is written as several functions, which changes no bit; and compiling it is weighed against the work."""

from __future__ import annotations

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.loops import phases
from chalkgrad.engines.c.print.source import print_source
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.engines.c.schedule import products
from chalkgrad.engines.c.schedule.request import training_request
from chalkgrad.engines.work import WORTH, worth
from chalkgrad.train.fit import Fit

RNG = np.random.default_rng(0)
LAYERS = {
    "dense": [cg.Dense(70), cg.ReLU(), cg.Dropout(0.2), cg.Dense(64), cg.Tanh(), cg.Dense(5), cg.Softmax()],
    "images": [
        cg.Conv2D(8, 3, padding=1), cg.BatchNorm(), cg.ReLU(), cg.MaxPool2D(2), cg.Conv2D(6, 3), cg.GELU(), cg.Flatten(),
        cg.Dense(5), cg.Softmax(),
    ],
}  # fmt: skip


def deep(layers: int) -> cg.Network:
    made = [layer for _ in range(layers) for layer in (cg.Dense(8), cg.ReLU())]
    return cg.Network([*made, cg.Dense(2), cg.Softmax()], input_shape=4, loss="CrossEntropy")


@pytest.mark.long
@pytest.mark.skipif(not available(), reason="there is no C compiler")
@pytest.mark.parametrize(
    ("kind", "together"),
    [
        ("dense", 1),
        ("images", 3),
        ("dense", 3),
        ("images", 1),
    ],
)
def test_several_functions_make_the_same_bits(kind: str, together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHALKGRAD_THREADS", "2")
    shape = (64,) if kind == "dense" else (1, 8, 8)
    x, y = RNG.random((90, *shape)), np.arange(90) % 5
    x[x < 0.7] = 0  # for the dense layer: zeros that are skipped

    def computed() -> tuple[bytes, bytes]:
        net = cg.Network(LAYERS[kind], input_shape=shape, loss="CrossEntropy", seed=1, l2=1e-3)
        net.fit(x, y, optimizer="Adam", epochs=3, batch_size=40, engine="compiled")
        return net.flat.tobytes(), net.predict(x, engine="compiled").tobytes()

    expected = computed()
    monkeypatch.setattr(phases, "MANY", 2)
    monkeypatch.setattr(phases, "TOGETHER", together)
    assert computed() == expected


def test_no_function_grows_with_the_depth() -> None:
    def longest(layers: int) -> int:
        net = deep(layers)
        program = net.updated_by(cg.SGD())
        request = training_request(program, list(net.parameters), 64, 1, "L", "a title", net.dtype)
        text = print_source(request, products.Machine(64, 32, 4, 64)).text
        return max(function.count("for (int n") and function.count("/* ") for function in text.split("\n}\n"))

    assert longest(60) == longest(30) <= 4 * phases.TOGETHER


def test_compiling_a_deep_network_is_weighed_against_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = deep(2), deep(80)
    assert worth(few.program) == WORTH
    assert worth(many.program) > 2 * WORTH
    x, y = RNG.random((64, 4)), np.arange(64) % 2
    assert not Fit(many, x, y, epochs=1000, batch_size=64).state.buffers.compiled
