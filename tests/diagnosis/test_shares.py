"""Mistakes with values that are used in several places: each is planted, and found from a few gradients."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.diagnosis.rerun import Rerun
from chalkgrad.diagnosis.slips.slip import Slip
from chalkgrad.diagnosis.slips.usual import slips
from chalkgrad.rules import add, concat, dense, multiply, shares

RATE = 0.1


def residual() -> list[cg.Layer]:
    return [cg.Dense(3), cg.Tanh(), cg.Residual([cg.Dense(4), cg.Sigmoid(), cg.Dense(3)]), cg.Dense(2)]


def residual_of_residuals() -> list[cg.Layer]:
    inner = cg.Residual([cg.LayerNorm(), cg.Dense(3), cg.Tanh()])
    return [cg.Dense(3), cg.Residual([inner, cg.Dense(3), cg.Tanh()]), cg.Dense(2)]


def three_uses() -> list[cg.Layer]:
    return [
        cg.Dense(3, name="h"), cg.Tanh(name="a"), cg.Dense(3), cg.Sigmoid(name="b"), cg.Dense(3, of="a"), cg.Tanh(),
        cg.Add(("a", "b")), cg.Dense(2),
    ]  # fmt: skip


def four_uses() -> list[cg.Layer]:
    return [*three_uses()[:-1], cg.Multiply("a"), cg.Dense(2)]


def tied() -> list[cg.Layer]:
    return [cg.Dense(3), cg.Tanh(), cg.Dense(3, name="w"), cg.Tanh(), cg.Dense(3, weights_of="w"), cg.Tanh(),
            cg.Dense(2)]  # fmt: skip


def tied_three_times() -> list[cg.Layer]:
    again = [cg.Dense(3, weights_of="w"), cg.Tanh()]
    return [cg.Dense(3, name="w"), cg.Tanh(), *again, cg.Dense(3, weights_of="w"), cg.Sigmoid(), cg.Dense(2)]


def tied_transposed() -> list[cg.Layer]:
    return [cg.Dense(4, name="w"), cg.Tanh(), cg.Dense(3, weights_of="w"), cg.Sigmoid(), cg.Dense(2)]


def tied_convolutions() -> list[cg.Layer]:
    return [
        cg.Conv2D(1, 2, padding=1, name="k"), cg.Tanh(), cg.Conv2D(1, 2, weights_of="k"), cg.Tanh(), cg.Flatten(),
        cg.Dense(2),
    ]  # fmt: skip


def concatenated() -> list[cg.Layer]:
    return [cg.Dense(3, name="h"), cg.Tanh(name="a"), cg.Dense(3, of="x"), cg.Sigmoid(), cg.Concat("a"), cg.Dense(2)]


def concatenated_four_times() -> list[cg.Layer]:
    more = [cg.Dense(2, of="x"), cg.Tanh(name="c"), cg.Dense(3, of="a"), cg.Sigmoid()]
    return [*concatenated()[:2], cg.Dense(3), cg.Tanh(name="b"), *more, cg.Concat(("a", "b", "c")), cg.Dense(2)]


def added_four_times() -> list[cg.Layer]:
    more = [cg.Dense(3, of="x"), cg.Tanh(name="c"), cg.Dense(3, of="a"), cg.Sigmoid()]
    return [*concatenated()[:2], cg.Dense(3), cg.Tanh(name="b"), *more, cg.Add(("a", "b", "c")), cg.Dense(2)]


def gated() -> list[cg.Layer]:
    return [cg.Dense(3), cg.Tanh(name="a"), cg.Dense(3), cg.Sigmoid(), cg.Multiply("a"), cg.Dense(2)]


NETWORKS: list[Callable[[], list[cg.Layer]]] = [
    residual, residual_of_residuals, three_uses, four_uses, tied, tied_three_times, tied_transposed, tied_convolutions,
    concatenated, concatenated_four_times, added_four_times, gated,
]  # fmt: skip


def made(layers: Sequence[cg.Layer], **settings: Any) -> tuple[cg.Network, Any, Any]:
    """A network of these layers, samples and targets."""
    shape = (1, 3, 3) if any(isinstance(layer, cg.Conv2D) for layer in layers) else (3,)
    net = cg.Network(layers, input_shape=shape, loss="SquaredError", dtype="float64", seed=4, **settings)
    rng = np.random.default_rng(7)
    net.flat += 0.3 * rng.standard_normal(net.flat.shape)
    return net, rng.standard_normal((3, *shape)), rng.standard_normal((3, 2))


def of_several_uses(net: cg.Network, x: Any, y: Any) -> tuple[cg.Trace, list[Slip]]:
    """The trace, and all that can go wrong at sums of shares, and at the steps that give shares."""
    trace = net.trace(x, y, optimizer=cg.SGD(RATE))
    operations = (shares.operation, add.operation, multiply.operation, concat.operation, dense.transposed)
    rules = {rule for operation in operations for rule in operation.backward}
    return trace, [s for s in slips(trace.program, None, len(x)) if s.step.rule in rules and s.weight < 2]


def named(diagnosis: cg.Diagnosis) -> set[tuple[str, str]]:
    return {(s.output, s.text) for c in diagnosis.causes for s in (*c.slips, *c.instead)}


def told(diagnosis: cg.Diagnosis) -> list[tuple[str, str]]:
    return [(s.output, s.text) for c in diagnosis.causes for s in c.slips]


def claims_under(slip: Slip, net: cg.Network, trace: cg.Trace) -> list[dict[str, Any]]:
    """What may be claimed with the mistake: all gradients, one of them alone, new weights, the value itself."""
    rerun = Rerun(trace.program, trace)
    gradients = [f"d{p}" for p in net.parameters]
    wrong = rerun.run((slip,), [slip.output, *gradients, *[f"{p}_new" for p in net.parameters]])
    off = [n for n in gradients if not np.allclose(wrong[n], trace[n], rtol=1e-9, atol=1e-12)]
    if not off:
        return []
    first = off[0]
    names = [gradients, [first], [f"{p}_new" for p in net.parameters], [f"{first[1:]}_new"], [slip.output]]
    return [{n: wrong[n] for n in some} for some in names]


LARGER = (residual_of_residuals, four_uses, tied_three_times, concatenated_four_times, added_four_times)
"""Networks that hold more of what smaller ones hold too."""


@pytest.mark.parametrize(
    ("layers", "every"),
    [
        *((layers, 10) for layers in NETWORKS if layers not in LARGER),
        *(pytest.param(layers, 2, marks=pytest.mark.long) for layers in NETWORKS),
    ],
)
def test_every_mistake_with_shares_is_planted_and_found(layers: Callable[[], list[cg.Layer]], every: int) -> None:
    """Each is told from one claim at least; the short tests take every tenth claim."""
    net, x, y = made(layers())
    trace, planted = of_several_uses(net, x, y)
    assert any(s.step.rule is shares.sum_of_shares for s in planted)
    tried = 0
    for place, slip in enumerate(planted):
        try:
            plans = claims_under(slip, net, trace)
        except ValueError:
            continue  # its shapes do not fit
        for claims in plans[place % every :: every]:
            diagnosis = cg.diagnose(net, x, y, claims, learning_rate=RATE)
            assert (slip.output, slip.text) in named(diagnosis), (slip, list(claims), diagnosis)
            assert len(diagnosis.causes) == 1
            tried += 1
    assert tried >= 30 // every


def test_the_skip_is_forgotten() -> None:
    net, x, y = made(residual())
    trace = net.trace(x, y)
    dz1 = trace["da1_from_z2"] * (1 - trace["a1"] ** 2)
    forgotten = "the share from s3, da1_from_s3, is left out: the skip's gradient is forgotten"
    assert told(cg.diagnose(net, x, y, {"dW1": x.T @ dz1})) == [("da1", forgotten)]
    diagnosis = cg.diagnose(net, x, y, {"da1": trace["da1_from_z2"]})
    assert told(diagnosis) == [("da1", forgotten)]
    assert ("da1", "only da1_from_z2 is left: the sum is assigned instead of added") in named(diagnosis)
    text = diagnosis.to_text()
    assert "da1 = da1_from_z2 + da1_from_s3\n    right" in text
    assert "da1 = da1_from_z2\n    wrong" in text
    twice = cg.diagnose(net, x, y, {"da1": trace["da1"] + trace["da1_from_s3"]})
    assert told(twice) == [("da1", "the share from s3, da1_from_s3, is counted twice")]
    assert "da1 = da1_from_z2 + da1_from_s3 + da1_from_s3\n    wrong" in twice.to_text()


def test_of_three_shares_the_first_or_the_last_is_left() -> None:
    net, x, y = made(three_uses())
    trace = net.trace(x, y)
    step = next(s for s in trace.program if s.rule is shares.sum_of_shares)
    names = [name for name in step.inputs if name is not None]
    assert len(names) == 3
    first = cg.diagnose(net, x, y, {step.output: trace[names[0]]})
    assert told(first) == [(step.output, f"only {names[0]} is left: the sum is assigned instead of added")]
    user = trace.program.values[names[2]].through
    last = cg.diagnose(net, x, y, {step.output: trace[names[2]]})
    assert told(last) == [(step.output, f"only the share from {user}, {names[2]}, is left: the others are not added")]


@pytest.mark.parametrize("layers", [tied, tied_transposed, tied_convolutions])
def test_a_shared_matrix_is_updated_with_one_uses_gradient(layers: Callable[[], list[cg.Layer]]) -> None:
    net, x, y = made(layers())
    trace = net.trace(x, y, optimizer=cg.SGD(RATE))
    weights = next(n for n in net.parameters if n.endswith(".W"))
    step = trace.program[f"d{weights}"]
    for share, other in (step.inputs[:2], step.inputs[1::-1]):
        claimed = net.parameters[weights] - RATE * trace[share or ""]
        user = trace.program.values[other or ""].through
        text = f"the share from {user}, {other}, is left out: {weights} gets the gradient of its other use only"
        alone = cg.diagnose(net, x, y, {f"{weights}_new": claimed}, learning_rate=RATE)
        assert told(alone) == [(f"d{weights}", text)]
        both = {f"d{weights}": trace[f"d{weights}"], f"{weights}_new": claimed}
        beside = cg.diagnose(net, x, y, both, learning_rate=RATE)
        assert told(beside) == [(f"{weights}_new", f"{weights} is updated with one use's gradient only, {share}")]


@pytest.mark.parametrize(
    ("optimizer", "penalty"),
    [(cg.SGD(RATE), 0.05), (cg.SGD(RATE, momentum=0.9, weight_decay=0.1), 0.0), (cg.Adam(0.01), 0.0),
     (cg.Adam(0.01, weight_decay=0.1), 0.05), (cg.AdamW(0.01), 0.0), (cg.RMSProp(0.01), 0.0), (cg.AdaGrad(0.1), 0.05),
     (cg.SGD(RATE, momentum=0.9, nesterov=True), 0.0)],
    ids=str,
)  # fmt: skip
def test_an_optimizer_takes_one_uses_gradient(optimizer: cg.Optimizer, penalty: float) -> None:
    net, x, y = made(tied(), l2=penalty)
    net.fit(x, y, optimizer=optimizer, epochs=2, batch_size=None, engine="numpy")
    trace = net.trace(x, y, optimizer=optimizer)
    total = "dw.W_data" if penalty else "dw.W"
    for share in filter(None, trace.program[total].inputs):
        values = {name: trace[name] for name in trace}
        values[total] = values[share]
        steps = list(trace.program)
        for step in steps[steps.index(trace.program[total]) + 1 :]:
            values[step.output] = step.computed(values.__getitem__)
        claims = {total: trace[total], "dw.W": trace["dw.W"], "w.W_new": values["w.W_new"]}
        (cause,) = cg.diagnose(net, x, y, claims, optimizer=optimizer).causes
        assert [slip.text for slip in cause.slips] == [f"w.W is updated with one use's gradient only, {share}"]
        assert cause.explains == ("w.W_new",)


def test_sums_of_shares_in_json() -> None:
    net, x, y = made(tied())
    trace = net.trace(x, y)
    names = [name for name in trace.program["dw.W"].inputs if name is not None]
    (cause,) = json.loads(cg.diagnose(net, x, y, {"dw.W": trace[names[0]]}).to_json())["causes"]
    assert cause["slips"][0]["right"] == f"dw.W = {' + '.join(names)}"
    assert cause["slips"][0]["wrong"] == f"dw.W = {names[0]}"


def test_with_a_penalty_the_share_of_the_data_is_told() -> None:
    net, x, y = made(tied(), l2=0.05)
    trace = net.trace(x, y)
    kept, left = trace.program["dw.W_data"].inputs[:2]
    wrong = trace[kept or ""] + trace["dw.W"] - trace["dw.W_data"]
    user = trace.program.values[left or ""].through
    text = f"the share from {user}, {left}, is left out: w.W gets the gradient of its other use only"
    assert told(cg.diagnose(net, x, y, {"dw.W": wrong})) == [("dw.W_data", text)]


def test_more_shares_than_one_step_adds() -> None:
    again = [layer for _ in range(9) for layer in (cg.Dense(2, weights_of="w"), cg.Tanh())]
    layers = [cg.Dense(2, name="w"), cg.Tanh(), *again, cg.Dense(2)]
    net = cg.Network(layers, input_shape=2, loss="SquaredError", dtype="float64", seed=1)
    x, y = np.array([[0.5, -1.0], [0.2, 0.7]]), np.zeros((2, 2))
    trace = net.trace(x, y)
    found = [s for s in trace.program if s.rule is shares.sum_of_shares]
    assert len(found) == 2
    for step in found:
        for name in filter(None, step.inputs):
            claims = {"dw.W": trace["dw.W"] - trace[name]}
            assert any("is left out" in text for _, text in told(cg.diagnose(net, x, y, claims)))


def test_right_gradients_are_right() -> None:
    for layers in NETWORKS:
        net, x, y = made(layers())
        trace = net.trace(x, y, optimizer=cg.SGD(RATE))
        claims = {n: trace[n] for p in net.parameters for n in (f"d{p}", f"{p}_new")}
        assert cg.diagnose(net, x, y, claims, learning_rate=RATE).correct
