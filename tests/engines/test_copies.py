"""Copies take no memory: what an addition hands back is the derivative that came in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.engines.c.schedule.plan import plan
from chalkgrad.engines.c.schedule.products import Machine
from chalkgrad.engines.c.schedule.request import training_request

IMAGE, ROW = (3, 6, 6), (9,)
NETWORKS: dict[str, tuple[tuple[int, ...], list[cg.Layer]]] = {
    "images": (IMAGE, [
        cg.Conv2D(16, 3, padding=1, name="a"), cg.ReLU(), cg.Conv2D(16, 3, padding=1), cg.Add("a"), cg.Flatten(),
        cg.Dense(3), cg.Softmax(),
    ]),
    "four terms": (ROW, [
        cg.Dense(20, name="a"), cg.Tanh(name="b"), cg.Dense(20, name="c"), cg.Tanh(), cg.Add(["a", "b", "c"]),
        cg.Residual([cg.Dense(20), cg.ReLU()]), cg.Dense(3), cg.Softmax(),
    ]),
    "twice the same": (ROW, [cg.Dense(20, name="a"), cg.Add("a"), cg.Tanh(), cg.Dense(3), cg.Softmax()]),
    "steps": ((4, 6), [cg.Residual([cg.RNN(6, sequences=True)]), cg.GRU(5), cg.Dense(3), cg.Softmax()]),
}  # fmt: skip


def made(kind: str) -> cg.Network:
    shape, layers = NETWORKS[kind]
    return cg.Network(layers, input_shape=shape, loss="CrossEntropy", dtype="float64", seed=1)


def planned(net: cg.Network) -> Any:
    program = net.updated_by(cg.SGD())
    carried = [*net.parameters, *net.states]
    request = training_request(program, carried, 8, 2, program.resolve("L"), "", net.dtype)
    return plan(request, Machine(64, 32, 8, 64))


@pytest.mark.parametrize("kind", NETWORKS)
def test_no_derivative_is_copied(kind: str) -> None:
    schedule = planned(made(kind))
    steps = [s for phase in schedule.phases for s in phase.statements]
    names = {s.output for s in steps if s.step.rule.name.startswith("add_d")}
    assert not names, names
    assert not {v for v in schedule.values if "_from_s" in v}


@pytest.mark.skipif(not available(), reason="there is no C compiler")
@pytest.mark.parametrize("kind", NETWORKS)
def test_the_numbers_are_those_of_the_reference(kind: str) -> None:
    net = made(kind)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((11, *NETWORKS[kind][0])), rng.integers(0, 3, 11)
    one, two = net.copy(), net.copy()
    one.fit(x, y, optimizer=cg.SGD(0.1), batch_size=4, max_steps=4, engine="numpy")
    two.fit(x, y, optimizer=cg.SGD(0.1), batch_size=4, max_steps=4, engine="compiled")
    assert np.abs(one.flat - two.flat).max() < 1e-12 * (1 + np.abs(one.flat).max())
