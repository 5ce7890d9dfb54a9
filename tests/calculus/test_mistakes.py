"""Mistakes made from formulas: what is changed, in which words, and that every change is one."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from chalkgrad.base.errors import FormulaError
from chalkgrad.calculus.mistakes import made
from chalkgrad.calculus.terms import key, tidied
from chalkgrad.formula import Formula

SIGMOID = Formula("dz[...] = da[...] * a[...] * (1 - a[...])")
LINES = (
    "dz[...] = da[...] * a[...] * (1 - a[...])",
    "dW[i,o] = sum_n x[n,i] * dz[n,o]",
    "var[c] = mean_n (x[n,c] - mu[c])^2",
    "dx[n,c] = dx_hat[n,c] / sqrt(var[c] + eps) + (dvar[c] * 2 * (x[n,c] - mu[c]) + dmu[c]) / |n|",
    "W_new[...] = W[...] - lr * (m[...] / (1 - beta1^t)) / (sqrt(v[...] / (1 - beta2^t)) + eps)",
)


def words(formula: Formula, **names: str) -> dict[str, str]:
    """What is said of each changed line, by its text."""
    every = dict.fromkeys(formula.arrays, ("other",))
    return {c.formula.text: c.said(names) for c in made(formula, every, {"da", "dz"}, formula.symbols)}


def test_a_line_with_one_thing_changed_in_words() -> None:
    found = words(SIGMOID, a="y_hat")
    assert found["dz[...] = da[...]"] == "the factor y_hat (1 - y_hat) is left out"
    assert found["dz[...] = a[...] * (1 - a[...])"] == "the derivative from above, da, is left out"
    assert found["dz[...] = da[...] * other[...] * (1 - other[...])"] == "other stands where y_hat belongs, everywhere"
    assert found["dz[...] = da[...] * a[...] * 1 - a[...]"] == "the brackets around 1 - y_hat are forgotten"
    found = words(Formula(LINES[1]))
    assert found["dW[i,o] = mean_n x[n,i] * dz[n,o]"] == "averaged instead of summed over the samples"
    assert found["dW[i,o] = sum_n [n = 0] * (x[n,i] * dz[n,o])"] == "summed over the first sample only"
    assert "x is transposed, or the transpose is left out" in found.values()
    found = words(Formula(LINES[4]))
    assert "eps stands inside the root" in found.values()
    assert "t + 1 stands where t belongs, everywhere: the count is off by one" in found.values()
    assert "beta1 and beta2 are crossed" in found.values()
    assert "the corrections multiply where they divide" in found.values()


@pytest.mark.parametrize("text", LINES)
def test_every_change_is_one_and_none_comes_twice(text: str) -> None:
    """No changed line has the right line's form or another one's, and on numbers all but a few differ from it."""
    formula = Formula(text)
    found = made(formula, dict.fromkeys(formula.arrays, ("other",)), (), formula.symbols)
    keys = [(key(tidied(c.formula.right)), key(c.formula.left)) for c in found]
    assert len(set(keys)) == len(keys) > 15
    assert (key(tidied(formula.right)), key(formula.left)) not in keys
    rng = np.random.default_rng(0)
    ranks = {e.name: len(e.indices) for e in formula.elements}
    arrays = {n: rng.uniform(0.2, 2.0, (3,) * ranks[n]) * rng.choice((-1, 1), (3,) * ranks[n]) for n in formula.arrays}
    arrays |= {n: np.abs(arrays[n]) for n in ("var", "v") if n in arrays}
    arrays |= {n: np.asarray(rng.uniform(0.2, 0.9)) for n in formula.symbols}
    right = formula.evaluate(arrays, {}, (3,) * ranks[formula.output])
    same = 0
    for change in found:
        if change.takes:
            continue
        with np.errstate(all="ignore"), contextlib.suppress(FormulaError, ValueError):  # the root of less than 0
            same += np.allclose(change.formula.evaluate(arrays, {}, right.shape), right, rtol=1e-9)
    assert same <= 2
