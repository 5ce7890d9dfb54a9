"""Recurrent layers in networks: their values, their programs and readings, and trainings that are resumed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.address import Address
from chalkgrad.base.errors import OptionError, ShapeError
from chalkgrad.program import Loop

RNG = np.random.default_rng(2)
N, T, I = 2, 4, 2  # noqa: E741
LAYERS = {
    "tanh": cg.RNN(3), "relu": cg.RNN(3, "relu", sequences=True), "lstm": cg.LSTM(3), "gru": cg.GRU(3),
    "gru, after": cg.GRU(3, "after", sequences=True), "no bias": cg.GRU(2, "after", bias=False),
    "from the end": cg.LSTM(3, reverse=True), "each step from the end": cg.GRU(3, reverse=True, sequences=True),
    "both": cg.LSTM(2, bidirectional=True), "each step both": cg.GRU(2, "after", bidirectional=True, sequences=True),
}  # fmt: skip


def network(layer: cg.Layer, times: int = T, **more: Any) -> cg.Network:
    layers = [layer, cg.Dense(3, name="out"), cg.Softmax()]
    return cg.Network(layers, input_shape=(times, I), loss="CrossEntropy", dtype="float64", seed=1, **more)


def traced(net: cg.Network, times: int = T) -> Any:
    x = RNG.standard_normal((N, times, I))
    return net.trace(x, RNG.integers(0, 3, (N, times) if len(net.layout.output_shape) == 2 else N))


def outputs(net: cg.Network, loop: int) -> list[str]:
    """What the steps of one of the loops compute."""
    return [step.output for step in [s for s in net.program.segments if isinstance(s, Loop)][loop].steps]


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_central_differences(name: str) -> None:
    net = network(LAYERS[name])
    net.set_parameters({n: RNG.standard_normal(p.shape) for n, p in net.parameters.items()})
    x = RNG.standard_normal((N, T, I))
    check = net.check_gradients(x, RNG.integers(0, 3, (N, T) if LAYERS[name].sequences else N))
    assert check.passed, str(check)


@pytest.mark.parametrize(
    "name",
    [n if n in ("tanh", "lstm", "gru, after", "both") else pytest.param(n, marks=pytest.mark.long) for n in LAYERS],
)
def test_explanations_are_what_was_computed(name: str) -> None:
    """The last element of every value in the form of deltas; of derivatives the first in that of paths."""
    net = network(LAYERS[name], times=3)
    trace = traced(net, 3)
    of = net.program.derivatives
    for value, array in trace.items():
        assert trace.explain(str(Address(value, tuple(size - 1 for size in array.shape)))).check.agrees, value
        if value in of and value != "dl":
            assert trace.explain(str(Address(value, (0,) * array.ndim)), form="paths").check.agrees, value


def test_the_program_of_an_lstm() -> None:
    net = network(cg.LSTM(3))
    assert list(net.parameters)[:12] == [f"{letter}{gate}1" for letter in "WUb" for gate in "ifgo"]
    assert outputs(net, 0) == ["zi1", "zf1", "zg1", "zo1", "i1", "f1", "g1", "o1", "c1", "h1"]
    assert [s.output for s in net.program][10] == "last1"
    assert {"dc1_from_h1", "dc1_from_c1", "dh1_from_last1", "dh1_from_zf1"} <= set(net.program.by_output)
    assert "last1" not in outputs(net, 0)
    np.testing.assert_array_equal(net.parameters["bf1"], 1)
    np.testing.assert_array_equal(net.parameters["bi1"], 0)


def test_a_values_name_may_be_that_of_an_index() -> None:
    """The n of a GRU beside the index over the samples."""
    net = network(cg.GRU(3))
    assert outputs(net, 0) == ["zr1", "zz1", "r1", "z1", "rh1", "zn1", "n1", "h1"]
    assert "dz1 = gru_dz(dh1, h1, n1)" in map(str, net.program)
    trace = traced(net)
    z, n, h = trace["z1"], trace["n1"], trace["h1"]
    before = np.concatenate([np.zeros_like(h[:, :1]), h[:, :-1]], axis=1)
    np.testing.assert_allclose(h, (1 - z) * n + z * before)
    assert "n1[0, 2, 1]" in trace.explain("h1[0, 2, 1]").symbols


def test_from_the_last_step_to_the_first() -> None:
    """The same as the sequence turned round."""
    one, other = network(cg.LSTM(3, sequences=True)), network(cg.LSTM(3, sequences=True, reverse=True))
    other.set_parameters(dict(one.parameters))
    x = RNG.standard_normal((N, T, I))
    np.testing.assert_allclose(other.predict(x), one.predict(x[:, ::-1])[:, ::-1])
    assert one.program["h1"].rule is other.program["h1"].rule
    assert str(other.program.segments[0]).startswith("for t = T-1, ..., 0: zi1, zf1")


def test_both_directions_are_two_lines_and_a_concat() -> None:
    net = cg.Network(
        [cg.LSTM(3, bidirectional=True, sequences=True), cg.GRU(2, bidirectional=True, name="m"), cg.Dense(1)],
        input_shape=(T, I), loss="SquaredError",
    )  # fmt: skip
    lines = [(line.layer.kind, line.layer.name, line.shape) for line in net.layout.lines]
    assert lines == [
        ("LSTM", "right", (T, 3)), ("LSTM", "left", (T, 3)), ("Concat", None, (T, 6)),
        ("GRU", "right_m", (2,)), ("GRU", "left_m", (2,)), ("Concat", "m", (4,)), ("Dense", None, (1,)),
    ]  # fmt: skip
    assert {"right.h", "left.h", "right_m.last", "left_m.first", "m.c"} <= set(net.program.by_output)
    again = cg.Network(
        [cg.Dense(2, name="left"), cg.RNN(2, bidirectional=True)], input_shape=(T, I), loss="SquaredError"
    )
    assert [line.layer.name for line in again.layout.lines] == ["left", "right", "left_2", None]


def test_saved_and_loaded(tmp_path: Path) -> None:
    x = RNG.standard_normal((N, T, I))
    for place, layer in enumerate(LAYERS.values()):
        net = network(layer)
        net.save(tmp_path / str(place))
        assert cg.load(tmp_path / str(place)).layers[0] == layer
        np.testing.assert_array_equal(cg.load(tmp_path / str(place)).predict(x), net.predict(x))


@pytest.mark.parametrize("shuffle", [True, pytest.param(False, marks=pytest.mark.long)])
def test_resumed_inside_a_training(tmp_path: Path, shuffle: bool) -> None:
    x, y = RNG.standard_normal((11, T, I)), RNG.integers(0, 3, 11)
    fit: dict[str, Any] = {"optimizer": cg.Adam(0.05), "batch_size": 4, "engine": "numpy", "shuffle": shuffle}
    for name in ("tanh", "lstm", "both"):
        whole, first, again = (network(LAYERS[name]) for _ in range(3))
        whole.fit(x, y, epochs=3, **fit)
        place = tmp_path / name
        first.fit(x, y, epochs=3, max_steps=4, checkpoints=place, **fit)  # in the second epoch of three steps
        again.fit(x, y, epochs=3, checkpoints=place, resume=place, **fit)
        np.testing.assert_array_equal(whole.flat, again.flat)
        assert not np.array_equal(first.flat, again.flat)


def test_256_steps() -> None:
    started = time.process_time()
    net = network(cg.LSTM(4, sequences=True), times=256)
    trace = traced(net, 256)
    for address in ("dUf1[0, 1]", "dbi1[0]", "c1[0, 2, 1]", "c1[1, 255, 3]", "dc1[0, 0, 1]", "dh1[1, 255, 0]"):
        assert trace.explain(address).check.agrees
    assert trace.explain("dc1[0, 240, 1]", form="paths", terms=3).check.agrees
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    "layer",
    [cg.LSTM(2), pytest.param(cg.GRU(2), marks=pytest.mark.long), cg.GRU(2, sequences=True)],
    ids=["lstm", "gru", "each step"],
)
def test_paths_through_time_are_shown_as_long_as_they_can_be_read(layer: cg.Layer) -> None:
    """Of more than anybody counts those that carry most; they are short where every step has a loss."""
    trace = traced(network(layer, 28), 28)
    found = trace.explain("dh1[0, 0, 1]", form="paths", terms=2)
    assert found.check.agrees
    assert "more, together" in found.symbols
    trace = traced(network(layer, 120), 120)
    if layer.sequences:
        assert trace.explain("dh1[0, 0, 1]", form="paths").check.agrees
    else:
        with pytest.raises(OptionError, match="more than 100 factors; take form='delta'"):
            trace.explain("dh1[0, 0, 1]", form="paths")


def test_errors_name_the_layer_and_a_cure() -> None:
    with pytest.raises(OptionError, match="GRU: reset is 'before' or 'after', not 'later'"):
        cg.GRU(2, "later")
    with pytest.raises(OptionError, match="LSTM: bidirectional=True runs both ways already; leave reverse out"):
        cg.LSTM(2, bidirectional=True, reverse=True)
    with pytest.raises(OptionError, match="units"):
        cg.LSTM(0)
    with pytest.raises(ShapeError, match=r"layer 1, LSTM: LSTM takes sequences, shape \(N, T, D\), but \(N, 3\) comes"):
        cg.Network([cg.LSTM(2)], input_shape=3, loss="SquaredError")
    with pytest.raises(ShapeError, match="layer 2, GRU"):
        cg.Network([cg.LSTM(2), cg.GRU(2)], input_shape=(3, 2), loss="SquaredError")
