"""Loops over time: which steps form one, how they run, and what is no loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import FormulaError
from chalkgrad.engines.numpy import steps as numpy_steps
from chalkgrad.engines.numpy.runner import Runner
from chalkgrad.program import Loop, Program, segments


def _network(T: int = 4, *, sequences: bool = False, ids: bool = False) -> cg.Network:
    first = [cg.Embedding(6, 3)] if ids else []
    return cg.Network(
        [*first, cg.RNN(5, sequences=sequences), cg.Dense(2), cg.Softmax()],
        input_shape=T if ids else (T, 3),
        loss=cg.CrossEntropy(),
        dtype="float64",
    )


def _samples(net: cg.Network, count: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (count, *net.layout.sample_shape)
    x = rng.integers(0, 6, shape) if net.layout.ids else rng.standard_normal(shape)
    return x, rng.integers(0, 2, (count, *net.output_shape[:-1]))


def test_a_recurrent_layer_has_a_loop_for_each_pass() -> None:
    loops = [segment for segment in _network().program.segments if isinstance(segment, Loop)]
    assert [[step.output for step in loop.steps] for loop in loops] == [["z1", "h1"], ["dh1_from_z1", "dh1", "dz1"]]
    assert [list(loop.order) for loop in loops] == [[0, 1, 2, 3], [3, 2, 1, 0]]
    forward, backward = loops
    assert forward.delays == ((0, None, 1, None, None), (0,))
    assert [delays[:2] for delays in backward.delays] == [(-1, None), (0, 0), (0, 0)]
    assert str(forward) == "for t = 0, ..., T-1: z1, h1"
    assert str(backward) == "for t = T-1, ..., 0: dh1_from_z1, dh1, dz1"


def test_values_are_those_of_a_loop_by_hand() -> None:
    net = _network()
    x, y = _samples(net)
    trace = net.trace(x, y)
    W, U, b = (net.parameters[name] for name in ("W1", "U1", "b1"))
    h, dz = np.zeros((7, 5)), np.zeros((7, 5))
    for t in range(4):
        h = np.tanh(x[:, t] @ W + h @ U + b)
        np.testing.assert_allclose(trace["h1"][:, t], h, rtol=1e-14)
    for t in reversed(range(4)):
        dh = dz @ U.T + (trace["dlast1"] if t == 3 else 0)
        dz = dh * (1 - trace["h1"][:, t] ** 2)
        np.testing.assert_allclose(trace["dz1"][:, t], dz, rtol=1e-12, atol=1e-15)


def test_what_one_value_of_a_loop_needs_is_the_whole_loop() -> None:
    program = _network().program
    assert [step.output for step in program.needed_for(["z1"])] == ["z1", "h1"]


def test_a_step_that_waits_for_the_same_time_is_refused() -> None:
    program = _network().program
    z, h = program["z1"], program["h1"]
    with pytest.raises(FormulaError, match="needs h1, which is computed after it at the same time"):
        segments([replace(z, rule=h.rule, inputs=("h1",), bound={}, options={}), h])


def test_a_loop_runs_in_one_direction() -> None:
    program = _network().program
    later = replace(program["dh1_from_z1"], inputs=("h1", "U1"))  # h of the step after
    both = [later, replace(program["z1"], inputs=("x", "W1", "dh1_from_z1", "U1", "b1")), program["h1"]]
    with pytest.raises(FormulaError, match="in both directions"):
        segments(both)


def test_a_program_with_a_value_that_is_missing_is_refused() -> None:
    program = _network().program
    without = tuple(step for step in program if step.output != "h1")
    with pytest.raises(FormulaError, match="h1 is not computed before"):
        Program(without, program.inputs, program.aliases).verify()


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("ids", [False, True])
def test_a_recorded_training_gives_the_bits_of_the_rules(
    sequences: bool, ids: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded, called = _network(sequences=sequences, ids=ids), _network(sequences=sequences, ids=ids)
    x, y = _samples(recorded)
    for net, most in ((recorded, 2**24), (called, -1)):
        monkeypatch.setattr(numpy_steps, "MOST_BYTES", most)
        net.fit(x, y, epochs=3, batch_size=3, optimizer=cg.Adam(0.05), engine="numpy")
    assert recorded.flat.tobytes() == called.flat.tobytes()


def test_one_time_step_has_no_recurrence() -> None:
    net = _network(T=1)
    x, y = _samples(net)
    assert not net.gradients(x, y)["dU1"].any()
    assert net.check_gradients(x, y).passed


def test_many_times_are_built_and_run_in_a_moment() -> None:
    net = _network(T=256)
    values = Runner(net.program.steps).run(net.given(*net.pair(*_samples(net))))
    assert values["h1"].shape == (7, 256, 5)
    assert len(net.program) == len(_network().program)
