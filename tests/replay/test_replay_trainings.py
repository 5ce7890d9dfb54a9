"""Document 000's class trained to the end: with its own backward pass, and with correct gradients (half a minute)."""

from __future__ import annotations

import numpy as np

from chalkgrad.example import load_example
from chalkgrad.replay.trainings_000 import training_section


def test_the_long_trainings() -> None:
    section = training_section(load_example("cnn"))
    iterations, error, predictions, slow = section.figures
    assert all(f.explained for f in section.figures)
    assert (iterations.correct, iterations.mistaken) == (262_941, 364_024)
    assert error.correct is not None
    assert error.correct < 1e-4
    np.testing.assert_allclose(np.asarray(predictions.correct), [0.00708185, 0.99293974], atol=5e-9)
    # half the learning rate, twice the updates
    assert slow.correct is not None
    assert abs(slow.correct / 364_024 - 2) < 1e-4
