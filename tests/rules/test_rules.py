"""Every rule three ways: its array function, its index formula, and central differences; and its mistakes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import CASES, Case, update_case
from chalkgrad import rules
from chalkgrad.rules import OPERATIONS, RULES, UPDATES, Mistake, Operation, Rule, weight_decay

TOLERANCE = 1e-6


def _upstream(case: Case, seed: int) -> Any:
    shape = np.shape(case.forward()[case.operation.output])
    return np.random.default_rng(seed).standard_normal(shape)


def _run(case: Case, upstream: Any) -> dict[str, Any]:
    names = case.backward(upstream)
    for rule in case.operation.update:
        names[rule.output] = case.call(rule, names)
    return names


def _oracle(case: Case, rule: Rule | Mistake, names: dict[str, Any], shape: tuple[int, ...]) -> Any:
    assert rule.formula is not None
    return rule.formula.evaluate({o: names.get(o) for o in rule.operands}, case.options, shape)


def _mistaken(case: Case, mistake: Mistake, names: dict[str, Any]) -> Any:
    function = mistake.function
    wanted = [p for p in case.options if p in function.__code__.co_varnames[: _count(function)]]
    return function(*[names[o] for o in mistake.operands], **{o: case.options[o] for o in wanted})


def _count(function: Any) -> int:
    return function.__code__.co_argcount + function.__code__.co_kwonlyargcount


def test_every_operation_has_a_case() -> None:
    listed = {id(case(_first_draw).operation) for case in CASES.values()}
    assert listed == {id(o) for o in OPERATIONS}


def _first_draw(strategy: Any) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return strategy.example()


@pytest.mark.parametrize("name", CASES)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_array_rules_agree_with_their_index_formulas(name: str, data: st.DataObject, seed: int) -> None:
    case = CASES[name](data.draw)
    names = _run(case, _upstream(case, seed))
    for rule in case.operation.rules:
        if rule.formula is None or names.get(rule.output) is None:
            continue
        found = np.asarray(names[rule.output])
        expected = _oracle(case, rule, names, found.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12, err_msg=rule.name)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_backward_rules_agree_with_central_differences(name: str, data: st.DataObject, seed: int) -> None:
    case = CASES[name](data.draw)
    upstream = _upstream(case, seed)
    if case.operation.output in ("L", "Lp"):  # dL/dL is 1
        upstream = np.ones(())
    names = case.backward(upstream)

    def loss(operands: dict[str, Any]) -> float:
        return float(np.sum(upstream * case.forward(operands)[case.operation.output]))

    checked = 0
    for operand, value in case.operands.items():
        gradient = names.get(f"d{operand}")
        if gradient is None or value is None:
            continue
        checked += 1
        assert np.shape(gradient) == value.shape
        difference = np.zeros(value.shape)
        for place in np.ndindex(value.shape):
            step = 1e-6
            above, below = value.copy(), value.copy()
            above[place] += step
            below[place] -= step
            difference[place] = (loss({**case.operands, operand: above}) - loss({**case.operands, operand: below})) / (
                above[place] - below[place]
            )
        size = max(float(np.abs(difference).max(initial=0.0)), 1e-2)
        np.testing.assert_allclose(gradient, difference, rtol=TOLERANCE, atol=TOLERANCE * size)
    assert checked, "no gradient was checked"


@pytest.mark.parametrize("operation", UPDATES, ids=lambda o: o.name)
@given(data=st.data())
def test_updates_agree_with_their_index_formulas(operation: Operation, data: st.DataObject) -> None:
    case = update_case(data.draw, operation)
    names = case.forward()
    for rule in (*operation.forward, weight_decay):
        found = case.call(rule, names)
        np.testing.assert_allclose(found, _oracle(case, rule, names, found.shape), rtol=1e-10, err_msg=rule.name)


def _operation_of(rule: Rule) -> tuple[str, Any]:
    for name, make in CASES.items():
        if rule in make(_first_draw).operation.rules:
            return name, make
    for operation in UPDATES:
        if rule in operation.forward:
            return operation.name, partial(update_case, operation=operation)
    return "weight_decay", lambda draw: update_case(draw, rules.sgd.plain)


ALL_MISTAKES = [(rule, m) for rule in RULES for m in rule.mistakes]


@pytest.mark.parametrize(("rule", "mistake"), ALL_MISTAKES, ids=[m.name for _, m in ALL_MISTAKES])
def test_a_mistake_is_what_its_formula_says_and_is_found(rule: Rule, mistake: Mistake) -> None:
    """The mutants: a rule with a usual mistake in it must not pass the tests above."""
    _, make = _operation_of(rule)
    found_out = 0

    @given(data=st.data(), seed=st.integers(0, 1000))
    def check(data: st.DataObject, seed: int) -> None:
        nonlocal found_out
        case = make(data.draw)
        names = case.forward() if not case.operation.backward else _run(case, _upstream(case, seed))
        if names.get(case.operation.derivative(rule) or "", 0) is None:
            return  # of an operand that is absent
        right = case.call(rule, names)
        if rule.output == "dW" and "dW_data" in mistake.operands:
            names["dW_data"] = np.ones(right.shape)
            right = case.call(rule, names)
        for operand, taken in zip(mistake.operands, mistake.takes, strict=True):  # other versions, such as W_new
            if operand not in names:
                base = np.asarray(names[taken.formal])
                names[operand] = base + 0.7 * np.random.default_rng(seed).standard_normal(base.shape)
        case.options.update(dict.fromkeys(mistake.varies, 0))
        try:
            wrong = np.asarray(_mistaken(case, mistake, names))
        except ValueError:  # its shapes do not fit, and so it is found out too
            found_out += 1
            return
        if wrong.shape != np.shape(right):
            found_out += 1
            return
        expected = _oracle(case, mistake, names, wrong.shape)
        np.testing.assert_allclose(wrong, expected, rtol=1e-9, atol=1e-12)
        found_out += not np.allclose(wrong, right, rtol=TOLERANCE, atol=TOLERANCE)

    check()
    assert found_out, f"{mistake.name} is never told apart from {rule.name}"


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
    for name, make in CASES.items():
        case = make(_first_draw)
        case.operands = {n: v.astype(np.float32) if isinstance(v, np.ndarray) else v for n, v in case.operands.items()}
        upstream = np.ones(np.shape(case.forward()[case.operation.output]), np.float32)
        for value_name, value in _run(case, upstream).items():
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
