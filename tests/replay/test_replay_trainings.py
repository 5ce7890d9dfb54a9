"""The class of replay 000 trained to the end, with its own backward pass and with correct gradients, and the page in the
docs that all replays make (the better part of a minute).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from replayed import whole

from chalkgrad.replay import REPLAYS
from chalkgrad.replay.board import replays_board

ROOT = Path(__file__).parent.parent.parent
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?|-?\d+e-?\d+")
NAMES: list[Any] = [*(name for name in REPLAYS if name != "000"), pytest.param("000", marks=pytest.mark.long)]


@pytest.mark.long
def test_the_long_trainings() -> None:
    section = next(s for s in whole("000").sections if "trained until" in s.title)
    iterations, error, predictions, slow = section.figures
    assert all(f.explained for f in section.figures)
    assert (iterations.correct, iterations.mistaken) == (262_941, 364_024)
    assert error.correct is not None
    assert error.correct < 1e-4
    np.testing.assert_allclose(np.asarray(predictions.correct), [0.00708185, 0.99293974], atol=5e-9)
    # half the learning rate, twice the updates
    assert slow.correct is not None
    assert abs(slow.correct / 364_024 - 2) < 1e-4


def lines(page: str) -> list[str]:
    """The page without what only PyTorch can tell, and which may not be installed; figures of ours are counted there."""
    kept = [line for line in page.splitlines() if "between PyTorch and chalkgrad" not in line]
    return [re.sub(r"\d+ (figures|not in the document)", r"_ \1", line) if "000" not in line else line for line in kept]


def parts(page: str) -> list[str]:
    """What stands before the first replay, and each replay."""
    return re.split(r"^(?=## )", page, flags=re.MULTILINE)


def test_the_page_in_the_docs_has_every_replay() -> None:
    begun, *kept = parts((ROOT / "docs" / "replays.md").read_text("utf-8"))
    made = {name: parts(replays_board([whole(name)], most=None).to_markdown()) for name in REPLAYS if name != "000"}
    headings = [part.splitlines()[0] for part in kept]
    assert len(headings) == len(REPLAYS)
    for name, (start, part) in made.items():
        assert start == begun
        assert part.splitlines()[0] == headings[list(REPLAYS).index(name)]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_in_the_docs_is_not_stale(name: str) -> None:
    made = lines(parts(replays_board([whole(name)], most=None).to_markdown())[1].rstrip())
    kept = lines(parts((ROOT / "docs" / "replays.md").read_text("utf-8"))[1 + list(REPLAYS).index(name)].rstrip())
    cure = "run chalkgrad replay --out docs/replays.md"
    assert [NUMBER.sub("_", line) for line in made] == [NUMBER.sub("_", line) for line in kept], cure
    for ours, theirs in zip(made, kept, strict=True):
        # the last digits are those of the machine that made the page
        numbers = [np.array([float(n) for n in NUMBER.findall(line)]) for line in (ours, theirs)]
        np.testing.assert_allclose(*numbers, rtol=1e-9, atol=1e-15, err_msg=cure)


@pytest.mark.parametrize("name", NAMES)
def test_the_counts_in_the_docs(name: str) -> None:
    one, page = whole(name), (ROOT / "docs" / "documents.md").read_text("utf-8")
    row = next(line for line in page.splitlines() if f"| `{name}` | " in line and " right" in line)
    counts = re.search(r"(\d+) (?:formulas )?right, (\d+) w(?:rong|ith)", row)
    assert counts is not None
    assert (int(counts[1]), int(counts[2])) == (one.same, one.explained), row
