"""Random graphs of lines: what was meant, its program, and every reading of it agree."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad.base.address import Address
from chalkgrad.base.text import as_toml
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.files.toml import parse_toml
from chalkgrad.write.numpy_script import numpy_script
from graphs import Graph, X, graphs
from networks import networks
from write.written import Written, run

pytestmark = pytest.mark.filterwarnings("ignore:the loss grew:RuntimeWarning")  # random graphs may explode

BOTH = ("float64", "float32")
EPS = 1e-3
"""With the usual eps a gradient that should be 0 is divided by itself, rounding by rounding."""
OPTIMIZERS = [
    cg.SGD(1e-4), cg.SGD(1e-4, momentum=0.9, weight_decay=0.01), cg.SGD(1e-4, momentum=0.9, nesterov=True),
    cg.Adam(1e-4, weight_decay=0.1, eps=EPS), cg.AdamW(1e-4, eps=EPS), cg.RMSProp(1e-4, eps=EPS),
    cg.AdaGrad(1e-4, eps=EPS),
]  # fmt: skip


def draw(check: Callable[[Graph, int], None], drawn: st.SearchStrategy[Graph], examples: int) -> None:
    """Runs a check on random graphs."""

    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )  # fmt: skip
    @given(drawn, st.integers(0, 2**16))
    def checked(graph: Graph, seed: int) -> None:
        try:
            check(graph, seed)
        except AssertionError as error:
            raise AssertionError(f"{graph.network.layers}\n{graph.network.program}\n{error}") from error

    checked()


def meant(graph: Graph, seed: int) -> None:
    """The lines take what they were drawn to take, are called as the rules of names say, and share what they share."""
    net = graph.network
    for place, (node, line) in enumerate(zip(graph.nodes, net.layout.lines, strict=True)):
        sources = tuple(X - graph.inputs.index(s) if isinstance(s, str) else s for s in line.sources)
        assert sources == node.sources, line
        if node.weights is not None:
            assert line.names["W"] == net.layout.lines[node.weights].names["W"]
            assert "W" not in {name.rpartition(".")[2] for name in line.parameters}
        if place < len(graph.nodes) - 1:
            assert net.program.resolve(graph.values[place])
            assert net.program[graph.values[place]].owner is line.owner
    owned = [name for line in net.layout.lines for name in line.parameters]
    assert owned == list(net.parameters)
    assert list(net.layout.inputs) == graph.inputs
    if len(graph.inputs) > 1:
        by_name = graph.apart(graph.x)
        trace = net.trace(by_name, graph.y)
        assert all(np.array_equal(trace[name], x.astype(net.dtype)) for name, x in by_name.items())
        assert np.array_equal(net.predict(by_name), net.predict(graph.x), equal_nan=True)


def verified(graph: Graph, seed: int) -> None:
    """Programs of training, of prediction, and of every optimizer can run, and derive by every value there is."""
    net = graph.network
    for program in (net.program, net.prediction_program):
        program.verify()
        assert {*net.parameters, *graph.inputs} <= set(program.derivative_of)
        shares: dict[str | None, list[str]] = {}
        for step in program:
            if step.value.role == "share" and step.rule.name != "sum_of_shares":
                shares.setdefault(step.value.of, []).append(step.output)
        for of, names in shares.items():
            added = [i for s in program if s.rule.name == "sum_of_shares" and s.value.of == of for i in s.inputs]
            if of in net.layout.penalties and len(names) == 1:
                continue
            assert set(names) <= set(added), of
    for optimizer in OPTIMIZERS:
        for training in (True, False):
            net.updated_by(optimizer, training=training).verify()


def formulas(graph: Graph, seed: int) -> None:
    """Every step computes what its index formula says of one element after the other."""
    net = graph.network
    trace = net.trace(graph.x, graph.y, optimizer=OPTIMIZERS[seed % len(OPTIMIZERS)])
    for step in trace.program:
        if step.formula is None:
            continue
        operands = {o: None if i is None else trace[i] for o, i in zip(step.rule.operands, step.inputs, strict=True)}
        value = trace[step.output]
        assert step.rule.formula is not None
        expected = step.rule.formula.evaluate(operands, step.options, value.shape)
        size = max(float(np.abs(v).max(initial=0.0)) for v in operands.values() if v is not None)
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12 * (1 + size), err_msg=str(step))


def differences(graph: Graph, seed: int) -> None:
    """Every gradient is the central difference, in training and in prediction."""
    net = graph.network
    for training in (True, False):
        found = net.check_gradients(graph.x, graph.y, tolerance=1e-4, samples=6, training=training)
        assert found, found


def explained(graph: Graph, seed: int) -> None:
    """Explanations, by deltas and by paths, come to the numbers that the steps computed."""
    net = graph.network
    rng = np.random.default_rng(seed)
    trace = net.trace(graph.x, graph.y, optimizer=OPTIMIZERS[seed % len(OPTIMIZERS)])
    shares = [s.output for s in trace.program if s.value.role == "share"]
    others = [n for n in trace if n not in shares]
    chosen = [*rng.permutation(shares)[:4], *rng.permutation(others)[:10]]
    for name in chosen:
        address = _address(trace, str(name), rng)
        explanation = trace.explain(address, terms=3, steps=2)
        assert all(step.check.agrees for step in explanation.steps), (address, explanation.to_text())
        assert explanation.value == pytest.approx(_value(trace, address), rel=1e-9, abs=1e-12)
    for name in rng.permutation([*net.parameters, *graph.inputs])[:4]:
        address = _address(trace, net.program.derivative_of[str(name)], rng)
        for form in ("delta", "paths"):
            explanation = trace.explain(address, form=form)
            assert explanation.check.agrees, (address, form, explanation.to_text())
            assert explanation.value == pytest.approx(_value(trace, address), rel=1e-9, abs=1e-12)


def _address(trace: cg.Trace, name: str, rng: np.random.Generator) -> str:
    return str(Address(name, tuple(int(rng.integers(size)) for size in trace[name].shape)))


def _value(trace: cg.Trace, address: str) -> float:
    return float(trace[trace.address(address).name][trace.address(address).place])


def kept(graph: Graph, seed: int) -> None:
    """Saved and loaded, as TOML and back, copied and pickled: the same network to the bit."""
    net = graph.network
    net.fit(graph.x, graph.y, optimizer=cg.SGD(1e-6), max_steps=2, engine="numpy")
    with TemporaryDirectory() as folder:
        net.save(Path(folder) / "run")
        loaded = cg.load(Path(folder) / "run")
    again = cg.Network.described(parse_toml(as_toml(net.to_table()).encode(), "here", cg.DataError), "here")
    assert again.to_table() == net.to_table()
    assert str(again.program) == str(net.program)
    again.set_parameters({**net.parameters, **net.states})
    again.steps_taken = net.steps_taken
    for twin in (loaded, again, net.copy(), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin.to_table() == net.to_table()
        assert str(twin.program) == str(net.program)
        assert str(twin.prediction_program) == str(net.prediction_program)
        assert np.array_equal(twin.flat, net.flat)
        assert all(np.array_equal(twin.states[name], state) for name, state in net.states.items())
        assert np.array_equal(twin.predict(graph.x), net.predict(graph.x), equal_nan=True)
        one, two = (n.gradients(graph.x, graph.y) for n in (twin, net))
        assert all(np.array_equal(one[name], two[name], equal_nan=True) for name in net.parameters)


def resumed(graph: Graph, seed: int) -> None:
    """A training that was stopped and resumed is, to the bit, one that never was."""
    how: dict[str, Any] = {
        "optimizer": OPTIMIZERS[seed % len(OPTIMIZERS)], "batch_size": 2, "epochs": 3, "engine": "numpy",
    }  # fmt: skip
    whole, first, second = graph.network.copy(), graph.network.copy(), graph.network.copy()
    history = whole.fit(graph.x, graph.y, **how)
    with TemporaryDirectory() as folder:
        first.fit(graph.x, graph.y, **how, max_steps=1 + seed % (history.steps - 1), checkpoints=folder)
        found = second.fit(graph.x, graph.y, **how, checkpoints=folder, resume=folder)
    assert np.array_equal(whole.flat, second.flat, equal_nan=True)
    assert all(np.array_equal(second.states[name], state) for name, state in whole.states.items())
    assert np.array_equal(history.column("loss"), found.column("loss"), equal_nan=True)


def compiled(graph: Graph, seed: int) -> None:
    """The compiled engine computes what the steps do, within the rounding of float64."""
    optimizer = OPTIMIZERS[seed % len(OPTIMIZERS)]
    one, two = graph.network.copy(), graph.network.copy()
    x, y = np.concatenate([graph.x] * 2), np.concatenate([graph.y] * 2)
    how: dict[str, Any] = {"optimizer": optimizer, "batch_size": 4, "max_steps": 2}
    kept = one.fit(x, y, **how, engine="numpy")
    made = two.fit(x, y, **how, engine="compiled")
    assert made.engine.startswith("compiled")
    normalises = any(type(n.layer).__name__ in ("BatchNorm", "LayerNorm") for n in graph.nodes)
    bound = 1e-9 if normalises else 1e-12  # of nearly equal numbers it divides by next to nothing
    assert _apart(kept.column("loss"), made.column("loss")) < bound
    assert _apart(one.flat, two.flat) < bound
    for name, state in one.states.items():
        assert _apart(state, two.states[name]) < bound
    assert _apart(one.predict(x, engine="numpy"), one.predict(x, engine="compiled")) < bound


def _apart(one: Any, two: Any) -> float:
    """The largest difference, relative to the largest value or 1."""
    one, two = np.asarray(one), np.asarray(two)
    return float(np.abs(one - two).max() / (1 + np.abs(one).max())) if one.size else 0.0


compiler = pytest.mark.skipif(not available(), reason="there is no C compiler")
CHECKS: list[Any] = [
    pytest.param(meant, graphs(dtypes=BOTH), 12, id="meant"),
    pytest.param(verified, graphs(dtypes=BOTH), 8, id="verified"),
    pytest.param(formulas, graphs(), 3, id="formulas"),
    pytest.param(differences, graphs(), 6, id="differences"),
    pytest.param(explained, graphs(), 4, id="explained"),
    pytest.param(kept, graphs(dtypes=BOTH), 3, id="kept"),
    pytest.param(resumed, graphs(dtypes=BOTH), 3, id="resumed"),
    pytest.param(compiled, graphs(), 2, id="compiled", marks=compiler),
]
LONG = 10
"""How many times as many graphs the long tests draw."""


@pytest.mark.parametrize(("check", "drawn", "examples"), CHECKS)
def test_random_graphs(check: Callable[[Graph, int], None], drawn: st.SearchStrategy[Graph], examples: int) -> None:
    draw(check, drawn, examples)


@pytest.mark.long
@pytest.mark.parametrize(("check", "drawn", "examples"), CHECKS)
def test_many_graphs(check: Callable[[Graph, int], None], drawn: st.SearchStrategy[Graph], examples: int) -> None:
    draw(check, drawn, examples * LONG)


def scripts(examples: int, folder: Path) -> None:
    """NumPy scripts of random graphs print the networks' own losses of every step, to the last bit."""
    texts: dict[str, str] = {}
    expected: dict[str, list[float]] = {}

    def write(graph: Graph, seed: int) -> None:
        net, name = graph.network, str(len(texts))
        optimizer = OPTIMIZERS[seed % len(OPTIMIZERS)]
        texts[name] = numpy_script(net, graph.x, graph.y, optimizer=optimizer, steps=2)
        expected[name] = Written(net, graph.x, graph.y, optimizer, 2).losses()

    draw(write, graphs(dtypes=BOTH), examples)
    assert run(texts, folder) == expected


def test_scripts_of_random_graphs(tmp_path: Path) -> None:
    scripts(5, tmp_path)


@pytest.mark.long
def test_scripts_of_many_graphs(tmp_path: Path) -> None:
    scripts(5 * LONG, tmp_path)


@settings(max_examples=20, deadline=None)
@given(networks())
def test_a_chain_that_says_what_it_takes_is_the_same_chain(drawn: tuple[cg.Network, np.ndarray, np.ndarray]) -> None:
    net, x, y = drawn
    layers: list[cg.Layer] = []
    before = "x"
    for line in net.layout.lines:
        layers.append(replace(line.layer, of=before))
        operation = line.operation(training=True)
        if operation is not None and line.place < len(net.layout.lines) - 1:
            (before,) = (s.bound[operation.output] or "" for s in net.program if s.owner is line.owner and s.part == "forward"
                         and s.rule is operation.forward[-1])  # fmt: skip
    said = cg.Network(layers, input_shape=net.input_shape, loss=net.loss_function, dtype=net.dtype, seed=net.seed,
                      l1=net.l1, l2=net.l2)  # fmt: skip
    assert str(said.program) == str(net.program)
    assert str(said.prediction_program) == str(net.prediction_program)
    assert said.program.inputs == net.program.inputs
    assert said.program.aliases == net.program.aliases
    assert np.array_equal(said.flat, net.flat)
    assert said.loss(x, y, training=True) == net.loss(x, y, training=True)


def test_ways_through_many_blocks_are_counted_not_walked() -> None:
    """40 residual blocks have over 10^12 ways to the loss."""
    blocks = [cg.Residual([cg.Tanh()]) for _ in range(40)]
    net = cg.Network([cg.Dense(2), *blocks], input_shape=2, loss=cg.SquaredError(), dtype="float64")
    trace = net.trace([[0.1, -0.2]], [[0.3, 0.1]])
    for form in ("delta", "paths"):
        explanation = trace.explain("dW1[0, 0]", form=form)
        assert explanation.check.agrees
        assert len(explanation.to_text()) < 20_000
    assert math.isfinite(trace["L"])
