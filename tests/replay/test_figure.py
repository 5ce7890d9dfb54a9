"""When a printed number counts as the same, and when a named mistake explains one that is not."""

from __future__ import annotations

import numpy as np
import pytest

from chalkgrad.base.errors import DataError, ShapeError
from chalkgrad.replay.figure import Figure, Replay, Section, cut, figures


@pytest.mark.parametrize(
    ("printed", "value", "same"),
    [
        ("0.2498", 0.24975114, True),
        ("0.2497", 0.24975114, False),
        ("-0.019", -0.0190491, True),
        ("0.511301270", 0.51130127, True),
        ("0.511301270", 0.511301271, False),
        ("364024", 364024, True),
        ("364024", 364023, False),
        ("36.0", 36.0, True),
        ("0.", 0.0, True),
        ("0.", 0.6, False),
        ("-0.0", 0.0, True),
        # all digits: another order of summation may change the last
        ("0.1497807161327628", 0.1497807161327628, True),
        ("0.1497807161327628", 0.1497807161327628 * (1 + 1e-15), True),
        ("0.1497807161327628", 0.1497807161327628 * (1 + 1e-14), False),
        ("9.999979092063292e-05", 9.999979092063292e-05, True),
        ("9.999979092063292e-05", 9.999979092063e-05, False),
        # an exponent and few digits
        ("1.75e-05", 1.7549e-05, True),
        ("1.75e-05", 1.7551e-05, False),
        ("1e-07", 1.4e-07, True),
        ("0.1", float("nan"), False),
    ],
)
def test_a_number_is_the_same_at_the_digits_printed(printed: str, value: float, same: bool) -> None:
    figure = Figure("w", (printed,), value)
    assert figure.agrees is same
    assert figure.reproduced is same
    assert figure.verdict == ("same" if same else "not the same, and not explained")


def test_the_numbers_of_a_row_share_their_decimals() -> None:
    # NumPy leaves zeros away: 2.8651923 stands for 2.86519230
    assert Figure("row", ("2.8651923", "2.71454182"), np.array([2.865192304, 2.714541823])).agrees
    assert not Figure("row", ("2.8651923", "2.71454182"), np.array([2.865192343, 2.714541823])).agrees
    assert Figure("matrix", ("1.", "0.5", "0.", "-2."), np.array([[1, 0.5], [0, -2]])).shape == (2, 2)


def test_a_mistake_explains_only_what_it_gives() -> None:
    assert Figure("w", ("0.5",), 0.3, 0.5, "the sign is flipped").verdict == "not the same: the sign is flipped"
    wrong = Figure("w", ("0.5",), 0.3, 0.6, "the sign is flipped")
    assert not wrong.reproduced
    assert wrong.verdict == "not the same, and not explained"
    assert not Figure("w", ("0.5",), 0.3, 0.5).reproduced  # nothing says what is wrong
    assert not Figure("w", ("0.5",), 0.3, mistake="the sign is flipped").reproduced  # nothing is calculated
    assert Figure("w", ("0.5",), 0.5, 0.6, "the sign is flipped").verdict == "same"


def test_formulas_are_compared_by_what_they_give() -> None:
    right = np.array([1.0, 2.0])
    assert Figure("dW", None, right, formula=right * (1 + 1e-15)).agrees
    wrong = Figure("dW", None, right, mistake="a factor 2 is left out", formula=right / 2, mended=right)
    assert not wrong.agrees
    assert wrong.explained
    assert not Figure(
        "dW", None, right, mistake="a factor 2 is left out", formula=right / 2, mended=right / 3
    ).explained
    assert not Figure("dW", None, right, mistake="a factor 2 is left out", formula=right / 2).explained


def test_what_is_out_of_reach_and_what_is_ours() -> None:
    lost = Figure("iterations", ("235742",), None, lost="unseeded")
    assert not lost.reproduced
    assert lost.verdict == "not reproducible: unseeded"
    ours = Figure("difference", None, 0.0)
    assert ours.ours
    assert not ours.agrees
    assert ours.verdict == "not in the document"
    found = Replay(
        "d", "t", "x",
        (Section("a", (lost, ours, Figure("w", ("1.",), 1.0))), Section("b", (Figure("v", ("2.",), 1.0, 2.0, "no"),))),
    )  # fmt: skip
    assert (found.figures, found.same, found.explained, found.lost, found.unexplained, found.ours) == (4, 1, 1, 1, 0, 1)
    assert found.counts == (
        "4 figures: 1 the same, 1 explained by a mistake, 1 not reproducible, 1 not in the document"
    )
    assert "not reproducible: unseeded" in str(found)


def test_a_listing_becomes_figures() -> None:
    right, left = figures("a 1. 2.\nb 3.", {"a": np.array([1, 2]), "b": 4.0}, {"b": 3.0}, {"b": "b is wrong"})
    assert right.printed == ("1.", "2.")
    assert right.verdict == "same"
    assert left.verdict == "not the same: b is wrong"


def test_what_cannot_be_a_figure() -> None:
    with pytest.raises(ShapeError, match="2 numbers are printed"):
        Figure("w", ("1", "2"), 1.0)
    with pytest.raises(ShapeError, match="different shapes"):
        Figure("w", ("1",), 1.0, np.array([1.0, 2.0]))
    with pytest.raises(DataError, match="'about 3' is not a printed number"):
        _ = Figure("w", ("about 3",), 1.0).agrees


def test_digits_are_cut_off() -> None:
    assert cut(0.24975114, 4) == 0.2497
    assert cut(-0.29, 1) == -0.2
