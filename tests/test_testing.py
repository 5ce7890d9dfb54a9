"""cg.testing: what it passes, and that its errors name the rule, the element and the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad import rules

Z = np.array([[0.5, -1.5, 2.5], [-0.25, 1.25, -3.0]])


@cg.rule("a[...] = z[...]^2")
def square(z: Any) -> Any:
    """a of z, any shape."""
    return z * z


@cg.rule("dz[...] = 2 * z[...] * da[...]")
def square_dz(da: Any, z: Any) -> Any:
    """dz of da and z, any shape."""
    return 2 * z * da


def operation(forward: cg.Rule = square, backward: cg.Rule = square_dz) -> cg.Operation:
    return cg.Operation("square", (forward,), (backward,), input="z", output="a")


def test_right_operations_pass() -> None:
    cg.testing.check_operation(operation(), [{"z": Z}, {"z": [[1, 2]]}])
    cg.testing.check_operation(rules.leaky_relu.operation, [{"z": Z, "slope": 0.2}])
    cg.testing.check_operation(rules.dense.operation, [{"x": Z, "W": Z.T, "b": None}, {"x": Z, "W": Z.T, "b": Z[:, 0]}])


def test_a_function_that_is_not_its_formula() -> None:
    wrong = cg.rule("a[...] = z[...]^2")(_square_but_one)
    said = r"_square_but_one: a\[1, 2\] is 10 by its function and 9 by its formula a\[...\] = z\[...\]\^2 \(1 of 6 "
    with pytest.raises(AssertionError, match=said):
        cg.testing.check_operation(operation(wrong), [{"z": Z}])


def _square_but_one(z: Any) -> Any:
    return z * z + (z == -3)


def test_a_backward_rule_that_is_not_the_derivative() -> None:
    @cg.rule("dz[...] = 3 * z[...] * da[...]")
    def wrong(da: Any, z: Any) -> Any:
        return 3 * z * da

    with pytest.raises(AssertionError, match=r"wrong: dz\[\d, \d\] is .* by the rule and .* by central differences"):
        cg.testing.check_operation(operation(backward=wrong), [{"z": Z}])


def test_a_derivative_of_another_shape() -> None:
    @cg.rule("dz[n] = sum_k 2 * z[n,k] * da[n,k]")
    def wrong(da: Any, z: Any) -> Any:
        return (2 * z * da).sum(axis=1)

    with pytest.raises(AssertionError, match=r"wrong: dz has shape \(2,\), but z \(2, 3\)"):
        cg.testing.check_operation(operation(backward=wrong), [{"z": Z}])


def test_no_derivative_at_all() -> None:
    other = cg.Operation("square", (square,), (cg.rule("c[...] = da[...]")(_same),), input="z", output="a")
    with pytest.raises(AssertionError, match="square: no backward rule derives the loss by z"):
        cg.testing.check_operation(other, [{"z": Z}])


def _same(da: Any) -> Any:
    return da * 1


def _rule() -> cg.Rule:
    return cg.rule("dz[...] = 2 * z[...] * da[...]")(square_dz.function)


def test_a_mistake_that_is_none() -> None:
    backward = _rule()
    cg.mistake(backward, "dz[...] = z[...] * da[...] * 2", "the factor stands elsewhere")(_twice)
    with pytest.raises(AssertionError, match="_twice is never told apart from square_dz in 1 cases: the factor stands"):
        cg.testing.check_operation(operation(backward=backward), [{"z": Z}])


def _twice(da: Any, z: Any) -> Any:
    return z * da * 2


def test_a_mistake_that_is_not_its_formula() -> None:
    backward = _rule()
    cg.mistake(backward, "dz[...] = z[...] * da[...]", "the factor is left out")(_twice)
    with pytest.raises(AssertionError, match=r"_twice: dz\[\d, \d\] is .* by its function and .* by its formula"):
        cg.testing.check_operation(operation(backward=backward), [{"z": Z}])


def test_a_kink_on_the_way_is_left_out() -> None:
    near = np.array([[1e-7, -1e-7, 0.5]])
    cg.testing.check_operation(rules.relu.operation, [{"z": Z}, {"z": near}])


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([], "needs a case"),
        ([{}], "square: square takes z, which this case lacks"),
        ([{"x": Z}], "square: square takes z, which this case lacks"),
    ],
)
def test_cases_that_lack_something(cases: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(cg.OptionError, match=said):
        cg.testing.check_operation(operation(), cases)
    with pytest.raises(cg.OptionError, match="leaky_relu takes slope, which this case lacks"):
        cg.testing.check_operation(rules.leaky_relu.operation, [{"z": Z}])
    with pytest.raises(cg.OptionError, match=r"takes a cg.Operation, not <rule square"):
        cg.testing.check_operation(square, [{"z": Z}])  # type: ignore[arg-type]
