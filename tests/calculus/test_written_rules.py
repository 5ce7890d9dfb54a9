"""Every backward rule that a person has written against the one that follows from the forward rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from cases import first_cases
from chalkgrad.calculus.derivative import Derivative, alike, derivative
from chalkgrad.calculus.simplify import expanded, factored
from chalkgrad.calculus.terms import key, tidied
from chalkgrad.formula import Formula
from chalkgrad.formula.nodes import Element, Node, Symbol
from chalkgrad.formula.rewrite import renamed_letters
from chalkgrad.rules import OPERATIONS, Operation, Rule, shares

PAIRS = list(
    dict.fromkeys((o, r) for o in OPERATIONS for r in o.backward if o.derivative(r) and o is not shares.operation)
)
"""Every backward rule that gives a derivative, with each operation that it is in."""


@dataclass(frozen=True)
class Twin:
    """A backward rule and the derived one."""

    written: Formula
    derived: Derivative
    options: frozenset[str]


@cache
def twin(operation: Operation, rule: Rule) -> Twin:
    of, written = operation.derivative(rule), rule.formula
    assert of is not None
    assert written is not None
    forward = [r.formula for r in operation.forward if r.formula is not None]
    lines = alike([*forward, written])
    through = came_back(operation, rule) or {operation.output}
    one_share = sum(other.output == rule.output for other in operation.backward) > 1
    found = derivative([line for line in lines[:-1] if not one_share or line.output in through], of, through)
    assert found is not None, f"{rule.name}: nothing comes back to {of}"
    options = frozenset(o for r in operation.rules for o in r.options)
    return Twin(lines[-1], found, options)


def came_back(operation: Operation, rule: Rule) -> set[str]:
    """The values whose derivatives a backward rule takes, itself or in the help values that it takes."""
    found: set[str] = set()
    for operand in rule.operands:
        if operand.startswith("d") and operand[1:] in operation.names:
            found.add(operand[1:])
        for other in operation.backward:
            if other.output == operand and operation.derivative(other) is None:
                found |= came_back(operation, other)
    return found


@pytest.mark.parametrize("operation", dict.fromkeys(o for o, _ in PAIRS), ids=lambda o: o.name)
def test_backward_rules_follow_from_the_forward_rules(operation: Operation) -> None:
    case = next(c for c in first_cases().values() if c.operation is operation)
    results, values = case.results()
    options = dict(case.options)
    for rule in operation.backward:
        if (operation, rule) not in PAIRS or results.get(rule) is None:
            continue
        both = twin(operation, rule)
        expected = np.asarray(results[rule], dtype=np.float64)
        for name in rule.operands:
            if name.endswith("_data"):  # what the loss without the penalty gives is added
                expected = expected - values[name]
        formula = Formula(both.derived.text, both.options)
        arrays = {n: values.get(n, 1.0) for n in formula.arrays | formula.symbols - set(options)}
        result = formula.evaluate(arrays, options, expected.shape)
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-14, err_msg=f"{rule.name}: {formula.text}")


def same(both: Twin) -> bool:
    """Whether the two are the same formula, in another order of terms and factors, or with brackets multiplied out."""
    right: Node = both.written.right
    if isinstance(both.written.left, Element):
        pairs = zip(both.written.left.indices, both.derived.place, strict=True)
        names = {a.name: b.name for a, b in pairs if isinstance(a, Symbol) and isinstance(b, Symbol) and a != b}
        right = renamed_letters(right, {**{new: old for old, new in names.items() if new not in names}, **names})
    other = both.derived.right
    return any(key(form(right)) == key(form(other)) for form in (tidied, expanded, lambda n: factored(expanded(n))))


OTHER_FORMS = {
    "softmax_dz": "takes the help value c",
    "class_hinge_dy_hat": "takes the help value g",
    "last_dh": "an indicator, where the derived line names the last step",
    "first_dh": "an indicator, where the derived line names the first step",
    "batch_normalise_dvar": "does not use x_hat again",
    "layer_normalise_dvar": "does not use x_hat again",
    "rms_normalise_dms": "does not use x_hat again",
    "lstm_dc": "does not use h again",
    "silu_dz": "uses a again at another place",
    "elu_dz": "takes the kink to the other side",
    "cross_entropy_dy_hat": "divides by what is clipped on one side only",
    "binary_cross_entropy_dy_hat": "divides by what is clipped on one side only",
    "softmax_cross_entropy_dz": "knows that a target's numbers add up to 1",
    "mean_loss_dl": "dL is 1",
    "sum_loss_dl": "dL is 1",
    "weighted_mean_loss_dl": "dL is 1",
    "weighted_sum_loss_dl": "dL is 1",
    "penalty_dW": "adds what comes back from the data",
}
"""Where the form that a person chose differs from the one that the tidying finds, and in what."""


def test_most_are_the_same_formula() -> None:
    """Up to the order of terms and factors, and brackets multiplied out."""
    other = {getattr(r, "base", r).name for o, r in PAIRS if not same(twin(o, r))}
    assert other == set(OTHER_FORMS)
