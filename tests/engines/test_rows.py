"""Memory that is used again, rows that several statements go through, functions that are computed once: the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.loops import loops, memory
from chalkgrad.engines.c.loops.memory import LINE
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.engines.c.schedule import plan as planning
from chalkgrad.engines.c.schedule.layouts import multiple
from chalkgrad.engines.c.schedule.lifetimes import places_of
from chalkgrad.engines.c.schedule.plan import Plan, plan
from chalkgrad.engines.c.schedule.products import Machine
from chalkgrad.engines.c.schedule.request import training_request

IMAGES = [
    cg.Conv2D(8, 3, padding=1), cg.BatchNorm(), cg.GELU(), cg.MaxPool2D(2), cg.Conv2D(6, 3), cg.Tanh(), cg.Flatten(),
    cg.Dense(11), cg.Softmax(),
]  # fmt: skip


def block(width: int) -> list[cg.Layer]:
    return [
        cg.Embedding(11, width), cg.Residual([cg.LayerNorm(), cg.Attention(2, causal=True)]),
        cg.Residual([cg.LayerNorm(), cg.Dense(48), cg.GELU(), cg.Dense(width)]), cg.Dense(11), cg.Softmax(),
    ]  # fmt: skip


NETWORKS: dict[str, tuple[Any, list[cg.Layer]]] = {
    "block": (16, block(32)),
    "uneven block": (18, block(24)),
    "images": ((3, 9, 9), IMAGES),
    "loops": ((7, 5), [cg.LSTM(20, sequences=True), cg.RMSNorm(), cg.GRU(9), cg.Dense(11), cg.Softmax()]),
}


def made(kind: str) -> cg.Network:
    shape, layers = NETWORKS[kind]
    return cg.Network(layers, input_shape=shape, loss="CrossEntropy", seed=2)


def planned(net: cg.Network) -> Plan:
    program = net.updated_by(cg.SGD())
    carried, ids = [*net.parameters, *net.states], program.values["x"].dtype == "int"
    request = training_request(program, carried, 8, 2, program.resolve("L"), "", net.dtype)
    assert request.of_ids == ids
    return plan(request, Machine(64, 32, 4, 64))


def trained(kind: str) -> bytes:
    net = made(kind)
    rng = np.random.default_rng(0)
    shape, of_ids = net.input_shape, isinstance(NETWORKS[kind][0], int)
    x = rng.integers(0, 11, (13, *shape)) if of_ids else rng.random((13, *shape))
    y = rng.integers(0, 11, (13, *shape) if of_ids else 13)
    net.fit(x, y, optimizer=cg.SGD(0.1), batch_size=5, epochs=2, engine="compiled")
    return net.flat.tobytes()


def apart(schedule: Plan, line: int) -> tuple[dict[str, int], int]:
    """A place of its own for every value."""
    places, at = {}, 0
    for name, value in schedule.values.items():
        if value.home == "chunk" and value.layout is not None:
            places[name] = at
            at += multiple(value.layout.size * schedule.chunk, line)
    return places, at


@pytest.mark.parametrize("kind", NETWORKS)
def test_memory_is_used_again(kind: str) -> None:
    schedule = planned(made(kind))
    assert places_of(schedule, LINE)[1] < (0.5 if kind == "block" else 1) * apart(schedule, LINE)[1]


@pytest.mark.skipif(not available(), reason="there is no C compiler")
@pytest.mark.long
@pytest.mark.parametrize("kind", NETWORKS)
def test_the_bits_are_those_of_values_apart(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHALKGRAD_THREADS", "2")
    expected = trained(kind)
    monkeypatch.setattr(memory, "places_of", apart)
    monkeypatch.setattr(loops, "rows_of", lambda first, other: None)
    monkeypatch.setattr(planning, "with_shared", lambda statements, shapes, loops: statements)
    assert trained(kind) == expected


def test_a_softmax_over_keys_goes_through_each_row_once() -> None:
    text = made("block").source("c", steps=1)
    begin, end = text.index("/* A3[n,m,t,j] = e3[n,m,t,j] / r3[n,m,t] */"), text.index("/* o3[n,t,m*E+i] = ")
    row = text[begin:end]
    assert row.count("for (int t = 0; t < 16; t++)") == 1
    assert all(f"{value}[n * " in row for value in ("B3", "top3", "e3", "r3", "A3"))
    assert "(real)1.0 / r3[" in row


@pytest.mark.parametrize(("kind", "function"), [("block", "erfc"), ("loops", "tanh")])
def test_a_function_of_both_passes_is_computed_once(kind: str, function: str) -> None:
    lines = made(kind).source("c", steps=1).split("\n")
    kept = [line for line in lines if f"_{function}[" in line and "/*" not in line]
    assert sum(f"real_{function}(" in line for line in kept) == 1
    assert len(kept) >= 3  # set, and read forward and backward
    inside = {"block": "z5", "loops": "c1"}[kind]
    assert sum(f"real_{function}(" in line and f"{inside}[" in line for line in lines) == 1
