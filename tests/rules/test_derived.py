"""Rules made from others agree with their formulas, and their mistakes come along."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from chalkgrad import rules, testing
from chalkgrad.rules import Operation
from chalkgrad.rules.derived import (
    Derived,
    backwards,
    operation_over_time,
    over_time,
    renamed,
    spread_over,
    stepwise,
    variant,
)


def _cases() -> dict[str, tuple[Operation, dict[str, Any]]]:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2, 3, 4))
    y = np.eye(4)[rng.integers(0, 4, (2, 3))]
    probabilities = np.exp(z) / np.exp(z).sum(axis=2, keepdims=True)
    return {
        "dense": (rules.dense.operation, {"x": z, "W": rng.standard_normal((4, 5)), "b": rng.standard_normal(5)}),
        "softmax": (rules.softmax.operation, {"z": z}),
        "layer norm": (
            rules.layer_norm.operation,
            {"x": z, "gamma": rng.standard_normal(4), "beta": rng.standard_normal(4), "eps": 0.01},
        ),
        "cross-entropy": (rules.cross_entropy.operation, {"y_hat": probabilities, "y": y, "scale": 1.0, "clip": 1e-7}),
        "fused": (rules.cross_entropy.fused, {"z": z, "y": y, "scale": 0.5}),
        "squared error": (rules.squared_error.operation, {"y_hat": z, "y": z[::-1] + 0.3, "scale": 1.0}),
        "mean": (rules.reduction.mean, {"l": z[:, :, 0]}),
        "sum": (rules.reduction.sum, {"l": z[:, :, 0]}),
    }


@pytest.mark.parametrize("name", _cases())
def test_operations_for_every_step_of_a_sequence(name: str) -> None:
    operation, case = _cases()[name]
    testing.check_operation(operation_over_time(operation), [case])


@pytest.mark.parametrize("name", [name for name in _cases() if name not in ("mean", "sum")])
def test_every_step_is_taken_as_a_sample(name: str) -> None:
    operation, given = _cases()[name]
    case = testing.Case.of(operation_over_time(operation), given)
    rows = {n: v.reshape((6, *v.shape[2:])) if np.ndim(v) == 3 else v for n, v in given.items()}
    one = testing.Case.of(operation, rows)
    upstream = case.upstream()
    whole, split = case.backward(upstream), one.backward(upstream.reshape((6, *upstream.shape[2:])))
    for value, array in split.items():
        np.testing.assert_array_equal(np.reshape(whole[value], np.shape(array)), array, err_msg=value)


def test_formulas_and_mistakes() -> None:
    rule = over_time(rules.dense.dense_dW)
    assert rule.formula is not None
    assert rule.formula.text == "dW[i,o] = sum_{n,t} x[n,t,i] * dz[n,t,o]"
    texts = [mistake.formula.text for mistake in rule.mistakes if mistake.formula is not None]
    assert len(texts) == len(rules.dense.dense_dW.mistakes)
    assert "dW[i,o] = sum_{n,t} x[n,t,i] * dz[n,t,o] / (|n| * |t|)" in texts
    assert all(mistake.rule is rule for mistake in rule.mistakes)


def test_what_works_on_each_element_is_its_own() -> None:
    assert over_time(rules.relu.relu) is rules.relu.relu
    assert over_time(rules.dense.dense) is over_time(rules.dense.dense)


def test_other_names() -> None:
    rule = renamed(rules.tanh.tanh_dz, a="h")
    assert isinstance(rule, Derived)
    assert rule.operands == ("dh", "h")
    assert rule.formula is not None
    assert rule.formula.text == "dz[...] = dh[...] * (1 - h[...]^2)"
    gate = renamed(rules.tanh.tanh_dz, z="zg", a="g")
    assert (gate.output, gate.operands) == ("dzg", ("dg", "g"))
    assert "zg_unbiased" in {operand for mistake in gate.mistakes for operand in mistake.operands}
    assert renamed(rules.tanh.tanh_dz, a="h") is rule


def test_copies_are_the_same_rule() -> None:
    for rule in (over_time(rules.dense.dense_dW), renamed(rules.tanh.tanh, a="h")):
        assert pickle.loads(pickle.dumps(rule)) is rule


def test_time_from_the_last_step_to_the_first() -> None:
    rule = backwards(rules.rnn.recurrent_dU)
    assert rule.formula is not None
    assert rule.formula.text == "dU[v,u] = sum_{n,t} h[n,t+1,v] * dz[n,t,u]"
    texts = [mistake.formula.text for mistake in rule.mistakes if mistake.formula is not None]
    assert "dU[v,u] = sum_{n,t} h[n,t+1,v] * dz[n,t,u] * [|t| - 1 - t = |t| - 1]" in texts
    rng = np.random.default_rng(3)
    h, dz = rng.standard_normal((2, 4, 3)), rng.standard_normal((2, 4, 3))
    np.testing.assert_allclose(rule(h, dz), rule.formula.evaluate({"h": h, "dz": dz}, {}))
    np.testing.assert_array_equal(rule(h, dz), rules.rnn.recurrent_dU(h[:, ::-1], dz[:, ::-1]))
    assert backwards(rules.lstm.lstm_h) is rules.lstm.lstm_h
    assert backwards(over_time(rules.dense.dense)) is over_time(rules.dense.dense)
    assert pickle.loads(pickle.dumps(rule)) is rule


def test_a_rule_for_every_step_whose_function_computes_one() -> None:
    rule = stepwise(rules.dense.dense_dx)
    assert rule.formula is not None
    assert rule.formula.text == "dx[n,t,i] = sum_o dz[n,t,o] * W[i,o]"
    assert rule.stepwise
    assert not rules.dense.dense_dx.stepwise
    assert rule.function is rules.dense.dense_dx.function


def test_other_indices_and_the_same_rule_once_more() -> None:
    rule = spread_over(rules.softmax.softmax, n=("n", "m", "t"), k=("j",))
    assert rule.formula is not None
    assert rule.formula.text == "a[n,m,t,j] = e[n,m,t,j] / s[n,m,t]"
    e = np.random.default_rng(4).random((2, 3, 4, 5))
    np.testing.assert_array_equal(rule(e, e.sum(axis=3)), e / e.sum(axis=3)[..., None])
    again = variant(rules.softmax.softmax, "again")
    assert again is variant(rules.softmax.softmax, "again")
    assert again.mistakes is not rules.softmax.softmax.mistakes


def test_the_words_of_a_mistake_follow_the_new_names() -> None:
    rule = renamed(rules.kept.kept_da, p="c", a="f", m="c")
    assert rule.mistakes[0].text == "the same step's {c} is taken, not the one before"
