from __future__ import annotations

import numpy as np
import pytest

from chalkgrad.base.errors import FormulaError
from chalkgrad.formula import Formula
from chalkgrad.formula.text import formula_text
from chalkgrad.rules import RULES, Rule


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


def test_an_element_as_an_index_chooses_a_row() -> None:
    x, W = np.array([[2, 0], [2, 1]]), np.arange(6.0).reshape(3, 2)
    gather = Formula("e[n,t,d] = W[x[n,t],d]")
    np.testing.assert_array_equal(gather.evaluate({"x": x, "W": W}, {}), W[x])
    assert gather.arrays == {"x", "W"}
    assert gather.ids == {"x"}
    scatter = Formula("dW[x[n,t],d] += de[n,t,d]")
    assert scatter.arrays == {"x", "de"}
    de = np.arange(8.0).reshape(2, 2, 2)
    assert scatter.evaluate({"x": x, "de": de}, {}, (3, 2)).tolist() == [[2, 3], [6, 7], [4, 6]]
    last = Formula("dW[x[n,t],d] = de[n,t,d]")
    assert last.evaluate({"x": x, "de": de}, {}, (3, 2)).tolist() == [[2, 3], [6, 7], [4, 5]]


def test_a_value_that_names_itself_at_an_earlier_time() -> None:
    x = np.array([[1.0, 2, 3], [0, 1, 0]])
    total = Formula("h[n,t] = x[n,t] + 2 * h[n,t-1]")
    assert total.recurs
    assert total.delays("h") == {1}
    assert total.delays("x") == {0}
    assert total.evaluate({"x": x}, {}).tolist() == [[1, 4, 11], [0, 1, 2]]
    back = Formula("d[n,t] = x[n,t] + 2 * d[n,t+1]")
    assert back.delays("d") == {-1}
    assert back.evaluate({"x": x}, {}).tolist() == [[17, 8, 3], [2, 1, 0]]
    assert Formula("z[n,t,u] = sum_v h[n,t-1,v] * U[v,u]").delays("U") == frozenset()
    assert Formula("a[...] = tanh(z[...])").delays("z") == {0}


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("z[n,o] = x[n,i] * W[i,o]", "i"),
        ("z[n] = sum_i x[n,i] + y[n,i]", "i"),
        ("c = x[n]", "n"),
        ("c = x[...]", "..."),
    ],
)
def test_an_index_only_on_the_right_is_refused(text: str, letter: str) -> None:
    with pytest.raises(FormulaError, match="the index") as error:
        Formula(text)
    assert f"the index {letter} stands only on the right" in str(error.value)
    assert Formula(text.replace(" = ", " += ")).accumulates


def test_a_setting_alone_in_an_index_place_is_no_index() -> None:
    h = np.arange(6.0).reshape(1, 3, 2)
    assert Formula("last[n,u] = h[n,k,u]", ["k"]).evaluate({"h": h}, {"k": 1}).tolist() == [[2, 3]]
    with pytest.raises(FormulaError, match="the index k stands only on the right"):
        Formula("last[n,u] = h[n,k,u]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("z[n = 3", "expected ']' before '=' at column 5"),
        ("z[n,o] = x[n,o] + $", "cannot read '$' at column 19"),
        ("dW[i] = x[i] y[i]", "complete before 'y' at column 14"),
        ("z[n] =", "in place of its end at column 7"),
        ("z[n] = sum_{3} x[n]", "an index must stand in place of '3' at column 13"),
    ],
)
def test_errors_mark_the_column(text: str, said: str) -> None:
    with pytest.raises(FormulaError) as error:
        Formula(text)
    assert said in str(error.value)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_text_of_a_formula_reads_as_the_same_formula(rule: Rule) -> None:
    for stated in (rule, *rule.mistakes):
        if (formula := stated.formula) is not None:
            again = Formula(formula_text(formula), stated.options)
            assert (again.left, again.right, again.bounds) == (formula.left, formula.right, formula.bounds)
            assert again.accumulates == formula.accumulates


def test_brackets_are_written_where_they_are_needed() -> None:
    for text in (
        "z = a - (b - c)",
        "z = (a + b) * c / d",
        "z = -a^2 + (-a)^2",
        "z = (sum_i x[i]) * y",
        "z = y * sum_i x[i] * 2",
        "z = a / (b * c)",
    ):
        assert formula_text(Formula(text)) == text


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("a[n] = z[n]**2", "a power is written ^"),
        ("a[n] = z[n]\u00b2", "a power is written ^"),
        ("a[n] = pow(z[n], 2)", "a power is written ^"),
        ("a[n] = 2z[n]", "a product is written with *"),
        ("dz[n] = da[n] [z[n] > 0]", "a product is written with *"),
        ("a[n] = (1 + z[n])(1 - z[n])", "a product is written with *"),
        ("a[n] = z[n] * 0,5", "a decimal point, not a comma"),
        ("a[n] == z[n]", "one = is enough"),
        ("z[n,o] = x[n,i] @ W[i,o]", "a sum of products"),
        ("z[n] = sum(x[n,i])", "a sum names its index"),
        ("a[n] = np.tanh(z[n])", "without its module"),
        ("a[n] = ln(z[n])", "it is called log"),
        ("a(n) = z(n)", "square brackets"),
        ("", "the formula is empty"),
    ],
)
def test_a_formula_that_is_almost_right(text: str, cure: str) -> None:
    with pytest.raises(FormulaError) as error:
        Formula(text)
    assert cure in str(error.value)
