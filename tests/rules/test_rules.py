"""Every rule three ways: its array function, its index formula, and central differences; and its mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import seed as start
from hypothesis import strategies as st

from cases import CASES, RECURRENCES, first_cases, update_case
from chalkgrad import rules, testing
from chalkgrad.rules import OPERATIONS, RULES, UPDATES, Operation, clipping, weight_decay
from chalkgrad.testing import Case

WEIGHT_DECAY = Operation("weight decay", (weight_decay,), (), input="dW", output="g")
"""A rule that updates may begin with, as an operation of its own."""
BEGINNINGS = (clipping.operation, WEIGHT_DECAY)
"""What updates may begin with."""


ONCE_MORE = {o.name for r in RECURRENCES if r is not rules.rnn.with_tanh for o in r.operations[1:]}
ONCE_MORE |= {o.name for (cross, causal, padded), o in rules.attention.KINDS.items() if cross != (causal and padded)}
"""The same rules as in another operation, from the other end, with one step's h given or of other keys: tried in the
long tests."""


def named(names: Iterable[str]) -> list[Any]:
    """The operations as parameters of a test."""
    return [pytest.param(name, marks=pytest.mark.long) if name in ONCE_MORE else name for name in names]


def test_every_operation_has_a_case() -> None:
    assert {id(case.operation) for case in first_cases().values()} == {id(o) for o in OPERATIONS}


DRAWS = 6
"""How often cases are drawn until one tells each mistake from its rule."""
few_or_many = pytest.mark.parametrize("examples", [10, pytest.param(25, marks=pytest.mark.long)])


def drawn(make: Callable[..., Case], examples: int, check: Callable[[Case], object], of: int = 0) -> None:
    """Checks cases of an operation, one after the other as they are drawn; `of` is the number of the draw."""

    @start(of)
    @settings(max_examples=examples)
    @given(data=st.data(), seed=st.integers(0, 1000))
    def draw(data: st.DataObject, seed: int) -> None:
        check(replace(make(data.draw), seed=seed))

    draw()


@few_or_many
@pytest.mark.parametrize("name", named(CASES))
def test_array_rules_agree_with_their_index_formulas(name: str, examples: int) -> None:
    drawn(CASES[name], examples, testing.check_formulas)


@few_or_many
@pytest.mark.parametrize("name", named(CASES))
def test_backward_rules_agree_with_central_differences(name: str, examples: int) -> None:
    drawn(CASES[name], examples, testing.check_derivatives)


@pytest.mark.parametrize("operation", [*UPDATES, *BEGINNINGS], ids=lambda o: o.name)
@given(data=st.data())
def test_updates_agree_with_their_index_formulas(operation: Operation, data: st.DataObject) -> None:
    testing.check_formulas(update_case(data.draw, operation))


MAKERS = {**CASES, **{o.name: partial(update_case, operation=o) for o in (*UPDATES, *BEGINNINGS)}}


@few_or_many
@pytest.mark.parametrize("name", named(MAKERS))
def test_mistakes_are_what_their_formulas_say_and_are_found(name: str, examples: int) -> None:
    """The mutants: a rule with a usual mistake in it must not pass the tests above."""
    cases: list[Case] = []
    for of in range(DRAWS):  # of few cases none may tell two apart, and which they are depends on hypothesis's version
        drawn(MAKERS[name], examples, cases.append, of)
        try:
            testing.check_mistakes(cases)
        except AssertionError as error:
            if "is never told apart" not in str(error) or of == DRAWS - 1:
                raise
        else:
            return


def test_every_mistake_is_among_these() -> None:
    tested = {rule for case in first_cases().values() for rule in case.operation.rules}
    tested |= {rule for operation in (*UPDATES, *BEGINNINGS) for rule in operation.rules}
    assert {rule for rule in RULES if rule.mistakes} <= tested


def test_every_backward_rule_has_a_mistake() -> None:
    without = [r.name for o in OPERATIONS for r in o.backward if not r.mistakes]
    assert without == []


def test_docstrings_name_shapes() -> None:
    for rule in RULES:
        assert rule.function.__doc__, rule.name
        assert "(" in rule.function.__doc__ or "any shape" in rule.function.__doc__ or "shape" in rule.function.__doc__


def test_softmax_and_cross_entropy_fused_equal_expanded() -> None:
    rng = np.random.default_rng(5)
    z = rng.standard_normal((4, 7)) * 3
    y = np.eye(7)[rng.integers(0, 7, 4)]
    dl = rng.standard_normal(4)
    soft = Case(rules.softmax.operation, {"z": z}, {})
    a = soft.forward()["a"]
    entropy = Case(rules.cross_entropy.operation, {"y_hat": a, "y": y}, {"scale": 1.0, "clip": 0.0})
    expanded = soft.backward(entropy.backward(dl)["dy_hat"])["dz"]
    fused = Case(rules.cross_entropy.fused, {"z": z, "y": y}, {"scale": 1.0})
    np.testing.assert_allclose(fused.forward()["l"], entropy.forward()["l"], rtol=1e-12)
    np.testing.assert_allclose(fused.backward(dl)["dz"], expanded, rtol=1e-9, atol=1e-14)


def test_sigmoid_and_cross_entropy_fused_equal_expanded() -> None:
    rng = np.random.default_rng(6)
    z, y, dl = rng.standard_normal((4, 3)) * 3, rng.random((4, 3)), rng.standard_normal(4)
    sigmoid = Case(rules.sigmoid.operation, {"z": z}, {})
    entropy = Case(
        rules.binary_cross_entropy.operation,
        {"y_hat": sigmoid.forward()["a"], "y": y},
        {"scale": 1.0, "clip": 0.0},
    )
    expanded = sigmoid.backward(entropy.backward(dl)["dy_hat"])["dz"]
    fused = Case(rules.binary_cross_entropy.fused, {"z": z, "y": y}, {"scale": 1.0})
    np.testing.assert_allclose(fused.forward()["l"], entropy.forward()["l"], rtol=1e-12)
    np.testing.assert_allclose(fused.backward(dl)["dz"], expanded, rtol=1e-9)


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_large_numbers_do_not_overflow_in_float32(size: float) -> None:
    z = np.array([[size, 0.0]], dtype=np.float32)
    y = np.array([[1.0, 0.0]], dtype=np.float32)
    with np.errstate(over="ignore"):
        for operation in (rules.cross_entropy.fused, rules.binary_cross_entropy.fused):
            case = Case(operation, {"z": z, "y": y}, {"scale": 1.0})
            assert np.isfinite(case.forward()["l"]).all()
            assert np.isfinite(case.backward(np.ones(1, np.float32))["dz"]).all()
        for operation in (rules.sigmoid.operation, rules.softplus.operation, rules.softmax.operation):
            case = Case(operation, {"z": z}, {})
            assert np.isfinite(case.forward()["a"]).all()
            assert np.isfinite(case.backward(np.ones_like(z))["dz"]).all()


def test_conventions_at_the_kinks() -> None:
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    assert rules.relu.relu_dz(one, zero) == 0
    assert rules.leaky_relu.leaky_relu_dz(one, zero, slope=0.2) == 0.2
    assert rules.absolute_error.absolute_error_dy_hat(np.ones(1), zero, zero, scale=1.0) == 0
    tie = Case(
        rules.max_pool2d.operation,
        {"z": np.array([[[[1.0, 3.0], [3.0, 2.0]]]])},
        MaxPoolOptions,
    )
    assert tie.backward(np.ones((1, 1, 1, 1)))["dz"].tolist() == [[[[0, 1], [0, 0]]]]


MaxPoolOptions = {"P": 1, "Q": 1, "kh": 2, "kw": 2, "sh": 2, "sw": 2, "pt": 0, "pl": 0, "height": 2, "width": 2}


def test_rules_keep_the_dtype() -> None:
    for name, first in first_cases().items():
        operands = {
            n: v.astype(np.float32) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v
            for n, v in first.operands.items()
        }
        case = replace(first, operands=operands)
        upstream = np.ones(np.shape(case.forward()[case.operation.output]), np.float32)
        for value_name, value in case.values(upstream).items():
            if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f":
                assert value.dtype == np.float32, (name, value_name)


def test_erfc_is_exact_to_the_last_digits() -> None:
    from math import erfc

    from chalkgrad.rules.arrays import erfc as array_erfc

    z = np.concatenate([np.linspace(-7, 7, 20001), [np.inf, -np.inf, 1e-300, 0.0]])
    expected = np.array([erfc(v) for v in z])
    assert np.abs(array_erfc(z) - expected).max() < 5e-16
    far = np.linspace(0, 26, 20001)
    np.testing.assert_allclose(array_erfc(far), [erfc(v) for v in far], rtol=1e-9)
    far = far[far < 10]
    np.testing.assert_allclose(array_erfc(far), [erfc(v) for v in far], rtol=1e-13)
    assert np.isnan(array_erfc(np.array([np.nan]))).all()


def test_dropout_masks_depend_on_seed_layer_and_step_only() -> None:
    mask = rules.dropout.dropout_mask
    z = np.zeros((40, 50), np.float32)
    first = mask(z, 3, rate=0.3, seed=1, layer=2)
    assert (first == mask(z + 7, 3, rate=0.3, seed=1, layer=2)).all()
    for other in (mask(z, 4, rate=0.3, seed=1, layer=2), mask(z, 3, rate=0.3, seed=2, layer=2)):
        assert (first != other).any()
    assert abs(float(first.mean()) - 0.7) < 0.03
