"""The network of the worked example cnn in PyTorch, step by step beside chalkgrad's."""

from __future__ import annotations

import pytest

from chalkgrad.examples.example import load_example
from chalkgrad.replay import replay
from chalkgrad.replay.simple_cnn_torch import STEPS, differences

torch = pytest.importorskip("torch")


def test_pytorch_makes_the_same_steps() -> None:
    assert STEPS == 1_000
    loss, weights = differences(load_example("cnn"), 0.01)
    assert loss < 1e-13
    assert weights < 1e-12


def test_the_replay_says_so() -> None:
    ours = [f for f in replay("000", long=False) if f.ours and "PyTorch and chalkgrad" in f.name]
    assert len(ours) == 2
    assert all(f.correct is not None and f.correct < 1e-12 for f in ours)
