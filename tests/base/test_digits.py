"""Rounding as it is done by hand."""

from __future__ import annotations

import pytest

from chalkgrad.base.digits import rounded


@pytest.mark.parametrize(
    ("value", "digits", "by_hand"), [(0.3925, 3, 0.393), (0.125, 2, 0.13), (2.5, 1, 3.0), (-1.005, 3, -1.01)]
)
def test_a_half_is_rounded_up_as_by_hand(value: float, digits: int, by_hand: float) -> None:
    assert rounded(value, digits) == by_hand
