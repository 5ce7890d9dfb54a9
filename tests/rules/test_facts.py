"""The facts that stand with a rule are true of its function and its formula."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cases import first_cases
from chalkgrad.formula.nodes import Element, Position, Symbol, walk
from chalkgrad.rules import OPERATIONS, RULES, Rule
from chalkgrad.testing import Case


def _used(fact: str) -> list[Rule]:
    return [rule for rule in RULES if getattr(rule, fact)]


def _cases(rule: Rule) -> Iterator[tuple[Case, dict[str, Any]]]:
    """The random cases of the operations with the rule, and their values."""
    for case in first_cases().values():
        if rule in case.operation.rules:
            names = case.values()
            if names.get(rule.output) is not None:
                yield case, names


def _operands(rule: Rule, names: dict[str, Any]) -> list[Any]:
    return [np.asarray(names[o]).ravel() for o in rule.operands if names.get(o) is not None and o != rule.shape_of]


@pytest.mark.parametrize("rule", _used("exact"), ids=lambda rule: rule.name)
def test_exact_rules_round_nothing(rule: Rule) -> None:
    for _, names in _cases(rule):
        found = np.asarray(names[rule.output])
        if found.dtype.kind == "f":
            taken = np.concatenate([*_operands(rule, names), np.zeros(1)])
            assert set(found.ravel()) <= set(taken)


@pytest.mark.parametrize("rule", _used("reshapes"), ids=lambda rule: rule.name)
def test_reshaping_rules_keep_every_number(rule: Rule) -> None:
    assert rule.formula is not None
    assert any(isinstance(node, Position) for node in rule.formula.nodes)
    for _, names in _cases(rule):
        np.testing.assert_array_equal(np.ravel(names[rule.output]), np.ravel(names[rule.operands[0]]))


@pytest.mark.parametrize("rule", _used("kinks_at"), ids=lambda rule: rule.name)
def test_kinks_are_where_they_are_said_to_be(rule: Rule) -> None:
    (case, _), *_ = _cases(rule)
    options = {o: case.options[o] for o in rule.options}
    assert rule.kinks is not None
    edges = np.array([-50.0, *rule.kinks_at, 50.0])
    for low, high in itertools.pairwise(edges):
        inside = np.linspace(low, high, 9)[1:-1]
        assert len(set(np.asarray(rule.kinks(inside, **options)))) == 1
    for kink in rule.kinks_at:
        below, above = np.asarray(rule.kinks(np.array([kink - 1e-9, kink + 1e-9]), **options))
        assert below != above


def test_what_is_off_gives_nothing_and_lets_nothing_back() -> None:
    assert [rule.name for rule in _used("kinks_at") if rule.off_below is not None] == ["relu"]
    for rule in (rule for rule in RULES if rule.off_below is not None):
        below, above = np.array([rule.off_below - 0.5]), np.array([rule.off_below + 0.5])
        operation = next(o for o in OPERATIONS if rule in o.forward)
        for z, off in ((below, True), (above, False)):
            names = Case(operation, {"z": z}, {}).backward(np.ones(1))
            assert (names["a"] == 0) == (names["dz"] == 0) == off


@pytest.mark.parametrize("rule", _used("saturates"), ids=lambda rule: rule.name)
def test_saturating_rules_are_flat_far_from_0(rule: Rule) -> None:
    far = rule(np.array([-30.0, -20.0, 0.0, 20.0, 30.0]))
    np.testing.assert_allclose(np.diff(far)[[0, 3]], 0, atol=1e-8)
    assert far[3] - far[1] > 0.5


@pytest.mark.parametrize("rule", _used("probabilities"), ids=lambda rule: rule.name)
def test_rows_of_probabilities(rule: Rule) -> None:
    for _, names in _cases(rule):
        found = np.asarray(names[rule.output])
        assert (found >= 0).all()
        np.testing.assert_allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("rule", _used("choosing"), ids=lambda rule: rule.name)
def test_choosing_rules_give_nothing_larger_than_what_they_take(rule: Rule) -> None:
    for case, names in _cases(rule):
        if all(abs(value) <= 1 for value in case.options.values()):
            assert (np.abs(names[rule.output]) <= np.abs(names[rule.operands[0]])).all()


@pytest.mark.parametrize("rule", _used("product"), ids=lambda rule: rule.name)
def test_products_count_what_comes_in_by_i_and_what_goes_out_by_o(rule: Rule) -> None:
    assert rule.formula is not None
    elements = [n for n in walk(rule.formula.right) if isinstance(n, Element) and len(n.indices) == 2]
    assert len(elements) == 2
    letters = {index for element in elements for index in element.indices}
    assert letters == {Symbol("n"), Symbol("i"), Symbol("o")}


@pytest.mark.parametrize("rule", _used("weighted"), ids=lambda rule: rule.name)
def test_weighted_sums_take_what_comes_in_weights_and_a_bias(rule: Rule) -> None:
    assert rule.operands == ("x", "W", "b")
    assert rule.optional == ("b",)


def test_only_what_draws_random_numbers_has_no_formula() -> None:
    assert [rule.name for rule in RULES if rule.random] == ["dropout_mask"]
    assert all((rule.formula is None) == rule.random for rule in RULES)
