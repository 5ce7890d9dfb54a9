"""Recorded steps against the rules called one after another: the same bits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from test_compiled import OPTIMIZERS, few, larger

import chalkgrad as cg
from chalkgrad.data.pixels import Pixels
from chalkgrad.engines.numpy import steps as numpy_steps
from chalkgrad.engines.numpy.calls import Calls, TooLargeError
from chalkgrad.engines.numpy.recorded import NotRecordedError, Number
from chalkgrad.engines.numpy.recording import Recording, Running
from chalkgrad.engines.numpy.runner import Runner
from chalkgrad.engines.numpy.steps import NumPySteps
from chalkgrad.examples.example import load_example
from chalkgrad.rules.arrays import add_windows, windows
from chalkgrad.train.fit import Fit
from networks import networks

pytestmark = pytest.mark.filterwarnings("ignore:the loss grew:RuntimeWarning")  # random networks may explode alike

CALLED = {"dropout_mask", "gelu", "gelu_dz"}
"""Rules that look at values, or that draw: they are called in every step."""


def called_rules(steps: NumPySteps, program: cg.Program) -> set[str]:
    names = {s.output: s.rule.name for s in program.steps}
    return {names[output] for run in steps._recordings.values() for output in getattr(run, "called", ())}


def by_hand(
    fit: Fit, orders: np.ndarray, rates: np.ndarray, clock: int
) -> tuple[list[float], list[dict[str, np.ndarray]]]:
    """The losses and the values after every step: the rules one after another, nothing else."""
    task, samples, program = fit.task, fit.task.samples, fit.state.buffers.program
    values = dict(fit.state.buffers.values())
    computed = {s.output for s in program}
    steps = program.needed_for(["L", *(f"{n}_new" for n in values if f"{n}_new" in computed)])
    batches = [o[b : b + task.batch_size] for o in orders for b in range(0, len(o), task.batch_size)]
    losses, after = [], []
    for number, (rate, chosen) in enumerate(zip(rates.tolist(), batches, strict=True)):
        given = {"x": samples.x[chosen], "y": samples.y[chosen], "lr": rate, "t": 1 + number, "clock": clock + number}
        found = Runner(steps).run({**values, **given})
        losses.append(float(found["L"]))
        if not np.isfinite(losses[-1]):
            break
        values = {name: found.get(f"{name}_new", values[name]) for name in values}
        after.append(values)
    return losses, after


def compare(fit: Fit, orders: np.ndarray, most: float) -> NumPySteps:
    """Takes steps, some at a time, and compares all bits with those by hand."""
    steps, task = fit.state.buffers.steps, fit.task
    count = orders.shape[0] * task.epoch_steps
    rates = np.linspace(0.05, 0.01, count)
    losses, after = by_hand(fit, orders, rates, 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numpy_steps, "MOST_BYTES", most)
        done = 0
        while done < len(after):
            epoch, at = divmod(done, task.epoch_steps)
            several = min(3, len(after) - done)
            taken = steps.take(orders[epoch:], at * task.batch_size, rates[done : done + several], 1 + done, 7 + done)
            assert taken.losses.tobytes() == np.array(losses[done : done + several]).tobytes()
            done += taken.done
            for name, value in steps.values().items():
                assert value.tobytes() == after[done - 1][name].tobytes(), name
    assert {type(run) for run in steps._recordings.values()} == {Recording if most > 0 else Running}
    return steps


@pytest.mark.parametrize("examples", [40, pytest.param(150, marks=pytest.mark.long)])
def test_small_networks(examples: int) -> None:
    @seed(11)
    @settings(few, max_examples=examples)
    @given(
        networks(), st.sampled_from(OPTIMIZERS), st.integers(1, 4), st.sampled_from([np.inf, np.inf, -1]), st.booleans()
    )
    def check(
        drawn: tuple[cg.Network, np.ndarray, np.ndarray], optimizer: cg.Optimizer, batch: int, most: float, mixed: bool
    ) -> None:
        net, x, y = drawn
        fit = Fit(net, x, y, engine="numpy", optimizer=optimizer, batch_size=batch, epochs=5)
        rng = np.random.default_rng(0)
        orders = np.array([rng.permutation(len(x)) if mixed and k != 2 else np.arange(len(x)) for k in range(5)])
        steps = compare(fit, orders, most)
        assert called_rules(steps, fit.state.buffers.program) <= CALLED

    check()


@pytest.mark.parametrize("examples", [15, pytest.param(60, marks=pytest.mark.long)])
def test_larger_networks(examples: int) -> None:
    @seed(12)
    @settings(few, max_examples=examples)
    @given(larger(), st.sampled_from(OPTIMIZERS))
    def check(drawn: tuple[cg.Network, np.ndarray, np.ndarray, int], optimizer: cg.Optimizer) -> None:
        net, x, y, batch = drawn
        fit = Fit(net, x, y, engine="numpy", optimizer=optimizer, batch_size=batch, epochs=4)
        orders = np.array([np.random.default_rng(k).permutation(len(x)) for k in range(4)])
        steps = compare(fit, orders, np.inf)
        assert called_rules(steps, fit.state.buffers.program) <= CALLED

    check()


@pytest.mark.parametrize("rows", ["array", "every second row", "bytes"])
def test_however_the_samples_lie(rows: str) -> None:
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 256, (24, 12), np.uint8)
    x = {
        "array": stored / np.float32(255),
        "every second row": (stored / np.float32(255))[::2],
        "bytes": Pixels(stored),
    }[rows]
    net = cg.Network([cg.Dense(5), cg.Tanh(), cg.Dense(3), cg.Softmax()], input_shape=12, loss="CrossEntropy")
    fit = Fit(net, x, rng.integers(0, 3, len(x)), engine="numpy", batch_size=5, epochs=3)
    orders = np.array([rng.permutation(len(x)), np.arange(len(x)), rng.permutation(len(x))])
    compare(fit, orders, np.inf)


def test_document_000() -> None:
    """Against nothing but the rules: what 1,000 steps leave, and every value of the last."""
    example = load_example("cnn")
    net = example.network.copy()
    fit = Fit(net, example.x, example.y, optimizer=cg.SGD(0.01), shuffle=False, max_steps=1000, engine="numpy")
    steps, program = fit.state.buffers.steps, fit.state.buffers.program
    samples = fit.task.samples
    values = {**net.copy().parameters, "x": samples.x, "y": samples.y, "lr": 0.01, "t": 1, "clock": 1}
    fit.run()
    runner = Runner(program.steps)
    for _ in range(1000):
        runner.run(values)
        values.update({name: values[f"{name}_new"] for name in net.parameters})
    for name, array in net.parameters.items():
        assert array.tobytes() == values[name].tobytes(), name
    last = steps._recordings[0, 999 % 3].values()
    for step in program.steps:
        if step.output in last:
            assert last[step.output].tobytes() == np.asarray(values[step.output]).tobytes(), step.output


def test_samples_of_the_user_stay() -> None:
    """All of them, read where they lie, and in another order, in the same training."""
    x, y = np.random.default_rng(0).standard_normal((6, 3)), np.arange(6) % 2
    net = cg.Network([cg.Dense(2), cg.Softmax()], input_shape=3, loss="CrossEntropy", dtype="float64")
    before = x.copy()
    fit = Fit(net, x, y, batch_size=6, shuffle=False, epochs=3, engine="numpy")
    steps = fit.state.buffers.steps
    rates = np.full(1, 0.1)
    for order in (np.arange(6), np.arange(6)[::-1].copy(), np.arange(6)):
        steps.take(order, 0, rates, 1, 1)
    assert (x == before).all()
    assert (fit.task.samples.x == before).all()


def test_values_are_copies() -> None:
    x, y = np.random.default_rng(0).standard_normal((8, 3)), np.arange(8) % 2
    net = cg.Network([cg.Dense(2), cg.Softmax()], input_shape=3, loss="CrossEntropy", dtype="float64")
    steps = Fit(net, x, y, batch_size=4, epochs=1, engine="numpy").state.buffers.steps
    seen, kept = [], []
    for _ in range(7):
        steps.take(np.arange(8), 0, np.full(1, 0.1), 1, 1)
        seen.append(steps.values())
        kept.append({name: value.copy() for name, value in seen[-1].items()})
    for values, copies in zip(seen, kept, strict=True):
        assert all((values[name] == copies[name]).all() for name in values)
    undone = steps.undo()
    assert all((steps.values()[name] == kept[-2][name]).all() for name in kept[-2])
    assert all((undone[name] == kept[-2][name]).all() for name in kept[-2])
    assert (undone["x"] == x[:4]).all()
    assert steps.undo() is None  # there is only one way back
    steps.put({"W1": np.full((3, 2), 5.0)})
    assert (steps.values()["W1"] == 5).all()


# -- recorded arrays ---------------------------------------------------------------------------------------------------


def replayed(function: object, first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> np.ndarray:
    """What the recorded calls make of a second set of arrays."""
    calls = Calls()
    buffers = {name: value.copy() for name, value in first.items()}
    result = function(**{name: calls.given(value) for name, value in buffers.items()})
    assert (result.array == function(**first)).all()
    for _ in range(2):  # the second time nothing may be left of the first
        for name, value in second.items():
            buffers[name][...] = value
        for line in calls.lines:
            line()
    return result.array


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 2)])
def test_windows_added_in_place(stride: tuple[int, int]) -> None:
    """Zeros that are added to are zeros again in the next step, whether the windows overlap or not."""
    rng = np.random.default_rng(0)
    size = (1 * stride[0] + 2, 2 * stride[1] + 2)
    one, two = ({"shares": rng.standard_normal((2, 1, 4, 2, 3))} for _ in range(2))
    add = lambda shares: add_windows(shares, size, (2, 2), stride, 0, 0)  # noqa: E731
    assert (replayed(add, one, two) == add(**two)).all()
    padded = lambda shares: add_windows(shares, (3, 3), (2, 2), stride, 1, 1)  # noqa: E731
    assert (replayed(padded, one, two) == padded(**two)).all()


def test_windows_in_a_frame() -> None:
    rng = np.random.default_rng(0)
    one, two = ({"x": rng.standard_normal((2, 2, 4, 5))} for _ in range(2))
    seen = lambda x: windows(x, (3, 3), (2, 3), (2, 2), 1, 1, 0.5)  # noqa: E731
    assert (replayed(seen, one, two) == seen(**two)).all()


def test_what_was_changed_is_computed_anew() -> None:
    def function(a: object) -> object:
        total = a * 0.0
        before = total + 1
        total[:2] += a[:2]
        return before + (total + 1)

    one, two = ({"a": np.array(v)} for v in ([1.0, 2.0, 3.0], [5.0, 7.0, 9.0]))
    assert (replayed(function, one, two) == [7, 9, 2]).all()


def test_what_is_known_is_not_computed_again() -> None:
    calls = Calls()
    a = calls.given(np.arange(6.0).reshape(2, 3))
    first, again = a * 2 + 1, a * 2 + 1
    assert again is first
    assert len(calls.lines) == 2
    assert (a * -0.0).array.tobytes() != (a * 0.0).array.tobytes()  # constants are told apart by their bits
    ones = calls.zeros((2, 3), np.float64) + 1
    count = len(calls.lines)
    assert (ones * 3).array.sum() == 18
    assert len(calls.lines) == count  # the same in every step


def test_a_part_changed_in_place_is_not_copied_to_itself() -> None:
    calls = Calls()
    total, a = calls.zeros((4,), np.float64), calls.given(np.ones(2))
    total[1:3] += a
    assert len(calls.lines) == 2  # zeros, the sum
    total[:2] = a
    assert len(calls.lines) == 3
    assert total.array.tolist() == [1, 1, 1, 0]


def test_a_result_that_was_seen_stays_where_it_is() -> None:
    calls, there = Calls(), np.zeros((2, 3))
    a = calls.given(np.ones((2, 3)))
    begun = len(calls.lines)
    moved = a * 2
    calls.move(moved, there, begun)
    assert moved.array is there
    assert len(calls.lines) == 1
    result = a * 3
    seen = result.reshape((6,))  # in an earlier step
    elsewhere = np.zeros((2, 3))
    calls.move(result, elsewhere, len(calls.lines))
    a.array[...] = 5
    for line in calls.lines:
        line()
    assert (there == 10).all()
    assert (seen.array == 15).all()
    assert (elsewhere == 15).all()


def test_numbers_take_the_dtype_beside_them() -> None:
    calls = Calls()
    rate, t = Number(calls, 0.1), Number(calls, 3)
    a = calls.given(np.ones(2, np.float32))
    result = a - (rate / (1 - 0.9**t)) * a
    assert result.dtype == np.float32
    assert result.array.tobytes() == (np.ones(2, np.float32) - 0.1 / (1 - 0.9**3) * np.ones(2, np.float32)).tobytes()
    rate.value, t.value = 0.2, 4
    for line in calls.lines:
        line()
    assert result.array.tobytes() == (np.ones(2, np.float32) - 0.2 / (1 - 0.9**4) * np.ones(2, np.float32)).tobytes()


@pytest.mark.parametrize(
    "look",
    [
        lambda a, t: float(a[0, 0]),
        lambda a, t: a[0, 0],
        lambda a, t: 1 if a > 0 else 2,
        lambda a, t: np.exp(a),
        lambda a, t: np.asarray(a),
        lambda a, t: [*a],
        lambda a, t: a[np.array([0, 1])],
        lambda a, t: a[a > 0],
        lambda a, t: a * np.ones(3),
        lambda a, t: a**0.5,
        lambda a, t: a if t > 3 else -a,
        lambda a, t: int(t),
        lambda a, t: a.tolist(),
        lambda a, t: a.__array_namespace__().cumsum(a),
        lambda a, t: a.__array_namespace__().mean(a > 0),
    ],
)
def test_looking_at_a_value_cannot_be_recorded(look: object) -> None:
    calls = Calls()
    with pytest.raises((NotRecordedError, TypeError, AttributeError, IndexError)):
        look(calls.given(np.ones((2, 3))), Number(calls, 3))


def test_what_is_too_large_is_not_kept() -> None:
    calls = Calls(most=100)
    a = calls.given(np.ones(10))
    _ = a + 1
    with pytest.raises(TooLargeError):
        _ = a + 2
