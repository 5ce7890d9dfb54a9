"""Worksheets of the worked examples over time: the blanks where none are asked for, fresh numbers, right answers."""

from __future__ import annotations

import pytest

from chalkgrad.examples.example import load_example
from chalkgrad.worksheet import grade, make_worksheet
from chalkgrad.worksheet.worksheet import Worksheet

NAMES = ("rnn", "lstm", "gru", "attention", "transformer-block", "backprop-by-hand")


def answers(sheet: Worksheet) -> dict[str, str]:
    return {str(b.address): f"{sheet.trace[b.address.name][b.address.place]:.4g}" for b in sheet.blanks}


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_get_all_points(name: str) -> None:
    sheet = make_worksheet(load_example(name))
    assert 0 < len(sheet.blanks) <= 40
    result = grade(sheet, answers(sheet))
    assert result.score == result.points == len(sheet.blanks)


@pytest.mark.parametrize("name", NAMES)
def test_fresh_numbers_make_a_good_exercise(name: str) -> None:
    assert make_worksheet(load_example(name), seed=1).blanks


def test_of_many_gradients_the_last_layers_are_asked_for() -> None:
    names = {b.address.name for b in make_worksheet(load_example("transformer-block")).blanks}
    assert names == {"dW5", "db5"}
