from __future__ import annotations

import numpy as np
import pytest

from chalkgrad.base.errors import FormulaError
from chalkgrad.formula import Formula
from chalkgrad.rules import RULES


def test_a_sum_of_products() -> None:
    rng = np.random.default_rng(0)
    x, W, b = rng.standard_normal((3, 4)), rng.standard_normal((4, 2)), rng.standard_normal(2)
    f = Formula("z[n,o] = sum_i x[n,i] * W[i,o] + b[o]")
    np.testing.assert_allclose(f.evaluate({"x": x, "W": W, "b": b}, {}), x @ W + b)
    np.testing.assert_allclose(f.evaluate({"x": x, "W": W, "b": None}, {}), x @ W)


def test_affine_indices_pad_with_zeros_and_accumulate_on_the_left() -> None:
    x = np.arange(1.0, 6.0)
    f = Formula("y[p] = sum_u x[p*s+u-q] * k[u] for p<P")
    found = f.evaluate({"x": x, "k": np.array([1.0, 1.0, 1.0])}, {"s": 2, "q": 1, "P": 3})
    assert found.tolist() == [3, 9, 9]
    back = Formula("dx[p*s+u-q] += dy[p] * k[u]")
    assert back.evaluate({"dy": np.ones(3), "k": np.ones(3)}, {"s": 2, "q": 1}, (5,)).tolist() == [1, 2, 1, 2, 1]


def test_ellipsis_count_and_position() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    assert Formula("m[n] = mean_{...} x[n,...]").evaluate({"x": x}, {}).tolist() == [5.5, 17.5]
    flat = Formula("f[n,#...] = x[n,...]").evaluate({"x": x}, {}, (2, 12))
    np.testing.assert_array_equal(flat, x.reshape(2, 12))
    assert Formula("c[n] = sum_{...} x[n,...] * 0 + |n| * |...|").evaluate({"x": x}, {}).tolist() == [24, 24]


def test_maximum_takes_the_first_winner_and_passes_over_padding() -> None:
    x = np.array([-3.0, -1.0, -1.0])
    best = Formula("p[i] = max_u x[i*2+u-1] for i<2, u<2")
    won = Formula("w[i] = argmax_u x[i*2+u-1] for i<2, u<2")
    assert best.evaluate({"x": x}, {}).tolist() == [-3, -1]
    assert won.evaluate({"x": x}, {}).tolist() == [1, 0]


def test_precedence() -> None:
    f = Formula("y = 2 + 3 * a ^ 2 - -a / 4")
    assert f.evaluate({}, {"a": 2.0}) == 2 + 12 + 0.5
    assert Formula("y[i] = [x[i] > 0] - [x[i] <= 0]").evaluate({"x": np.array([-1.0, 0, 1])}, {}).tolist() == [
        -1,
        -1,
        1,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "z[n] =",
        "z[n] + 1",
        "z[n = x[n]",
        "z[n] = x[n] )",
        "z[n] = [x[n]]",
        "z[n] = x[n] ? 2",
        "3 = x",
        "z[n] = sum_{i x[i]",
    ],
)
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(FormulaError):
        Formula(text)


def test_shapes_that_do_not_fit_are_refused() -> None:
    f = Formula("z[n,o] = sum_i x[n,i] * W[i,o]")
    with pytest.raises(FormulaError, match="the index i takes 3 values in x"):
        f.sizes({"x": (2, 3), "W": (4, 5)}, {})
    with pytest.raises(FormulaError, match="gives it 2 indices"):
        f.sizes({"x": (2, 3, 4), "W": (3, 5)}, {})
    assert f.output_shape({"x": ("N", 3), "W": (3, 5)}, {}) == ("N", 5)


def test_every_rule_has_a_formula_but_the_one_that_draws() -> None:
    assert [r.name for r in RULES if r.formula is None] == ["dropout_mask"]


def test_two_absent_operands() -> None:
    formula = Formula("z[i] = x[i] + b[i] + c[i]").without("b").without("c")
    assert formula.evaluate({"x": np.ones(2)}, {}, (2,)).tolist() == [1, 1]
    assert Formula("z[i] = b[i] + x[i]").evaluate({"x": np.ones(2), "b": None}, {}, (2,)).tolist() == [1, 1]
