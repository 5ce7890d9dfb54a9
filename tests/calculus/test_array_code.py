"""Formulas printed as NumPy: the values of every rule's function, and code that a person would write."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from cases import first_cases
from chalkgrad.base.errors import FormulaError
from chalkgrad.calculus.array_code import function_text
from chalkgrad.calculus.array_function import array_function
from chalkgrad.formula import Formula
from chalkgrad.rules import OPERATIONS, Operation

CODE = {
    "z[n,o] = sum_i x[n,i] * W[i,o] + b[o]": "return x @ W + b",
    "dW[i,o] = sum_n x[n,i] * dz[n,o]": "return x.T @ dz",
    "dx[n,i] = sum_o dz[n,o] * W[i,o]": "return dz @ W.T",
    "db[o] = sum_n dz[n,o]": "return dz.sum(axis=0)",
    "z[n,t,o] = sum_i x[n,t,i] * W[i,o]": 'return np.einsum("nti,io->nto", x, W)',
    "a[...] = 1 / (1 + exp(-z[...]))": "return 1 / (1 + np.exp(-z))",
    "e[n,k] = exp(z[n,k] - m[n])": "return np.exp(z - m[:, None])",
    "e[n,t,d] = W[x[n,t],d]": "return taken(W, 0, x)",
    "s[n] = y[n,k[n]]": "return y[np.arange(y.shape[0]), k]",
    "f[n,#...] = x[n,...]": "return x.reshape(*x.shape[:1], -1)",
}


@pytest.mark.parametrize("line", CODE)
def test_code_is_what_a_person_would_write(line: str) -> None:
    formula = Formula(line)
    printed = function_text(formula, "f", sorted(formula.arrays))
    assert printed.splitlines()[-1].strip() == CODE[line]


ELSEWHERE = {"unflatten"}
"""Rules whose output's shape is known from outside only."""


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_printed_functions_give_what_the_written_ones_give(operation: Operation) -> None:
    case = next(c for c in first_cases().values() if c.operation is operation)
    results, values = case.results()
    for rule in operation.rules:
        formula = rule.formula
        if formula is None or results.get(rule) is None or rule.name in ELSEWHERE:
            continue
        operands = [o for o in rule.operands if values.get(o) is not None]
        for absent in set(rule.operands) - set(operands):
            formula = formula.without(absent)
        arrays = {o: np.asarray(values[o]) for o in operands}
        of = rule.output.removeprefix("d")
        like = rule.shape_of if operation.derivative(rule) is None else of
        if (
            formula.gives_shape
            and like not in arrays
            and (rule.shape_of is None or rule.shape_of not in formula.arrays)
        ):
            like = like if like in values else None
        if like is not None and like not in arrays:
            operands, arrays = [*operands, like], {**arrays, like: np.asarray(values[like])}
        expected = np.asarray(results[rule])
        if formula.recurs:
            with pytest.raises(FormulaError, match="reads its own output at another time"):
                array_function(formula, rule.name, operands, like)
            continue
        function = array_function(formula, rule.name, operands, like)
        settings = {o: case.options[o] for o in inspect.signature(function).parameters if o not in arrays}
        if operation.derivative(rule) is None and like is not None and arrays[like].shape != expected.shape:
            continue  # it lends one of its sizes
        result = function(*arrays.values(), **settings)
        np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-12, err_msg=f"{rule.name}: {formula.text}")
        assert np.shape(result) == expected.shape
