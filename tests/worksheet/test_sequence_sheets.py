"""Exercises on networks over time: with masks, with one step, with targets that are ignored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.examples.example import Example
from chalkgrad.worksheet import grade, make_worksheet

MASKED = """
input_shape = { ids = 4, keep = 4 }
loss = { type = "CrossEntropy", ignore = -1 }
layers = [
    { type = "Embedding", ids = 6, units = 4, of = "ids", weights = "normal(1)" },
    { type = "Attention", heads = 2, mask = "keep" },
    { type = "Dense", units = 3 },
    "Softmax",
]
x = { ids = [[3, 1, 5, 0], [2, 4, 0, 0]], keep = [[1, 1, 1, 0], [1, 1, 0, 0]] }
y = [[0, 1, 2, -1], [1, 0, -1, -1]]
"""
ONE_STEP = """
input_shape = [1, 2]
loss = "SquaredError"
layers = [{ type = "RNN", units = 2 }, { type = "Dense", units = 1 }]
x = [[[0.5, -1.0]]]
y = [[1.0]]
"""


def example(text: str, tmp_path: Path) -> Example:
    path = tmp_path / "own.toml"
    path.write_text(text)
    return cg.load_example(path)


def test_fresh_numbers_leave_masks_and_ignored_targets_as_they_are(tmp_path: Path) -> None:
    worked = example(MASKED, tmp_path)
    sheet = make_worksheet(worked, blanks=["dW3", "A2[0, 0, 0, 3]", "C2[0, 0, 0, 3]"], seed=3)
    fresh = sheet.example
    assert not np.array_equal(fresh.x[:, :4], worked.x[:, :4])
    np.testing.assert_array_equal(fresh.x[:, 4:], worked.x[:, 4:])
    np.testing.assert_array_equal(fresh.y.sum(axis=-1), worked.y.sum(axis=-1))
    right = {str(b.address): f"{float(sheet.trace[b.address.name][b.address.place]):.4g}" for b in sheet.blanks}
    assert right["A2[0, 0, 0, 3]"] == "0"
    assert grade(sheet, right).score == len(sheet.blanks)


@pytest.mark.parametrize("seed", [3, 4])
def test_what_is_0_with_any_numbers_is_no_fault(seed: int, tmp_path: Path) -> None:
    """With one step nothing comes back through time: dU is 0, and so is the share of dh."""
    sheet = make_worksheet(example(ONE_STEP, tmp_path), blanks=["dU1", "dW1"], seed=seed)
    assert not sheet.trace["dU1"].any()
    assert sheet.trace["dW1"].all()
