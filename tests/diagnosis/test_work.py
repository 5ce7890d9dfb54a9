"""The search for mistakes that must come together ends after so much work, whatever the machine."""

from __future__ import annotations

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.diagnosis import budget
from chalkgrad.diagnosis.rerun import Rerun


def test_wrong_numbers_by_no_mistake_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    net = cg.Network([cg.LSTM(2), cg.Dense(1)], input_shape=(3, 2), loss="SquaredError", dtype="float64")
    x, y = rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 1))
    claims = {"dWi1": rng.standard_normal((2, 2)), "db2": [0.123]}
    runs: list[int] = []
    values = Rerun.run

    def counted(self: Rerun, *arguments: object, **further: object) -> object:
        runs.append(1)
        return values(self, *arguments, **further)  # type: ignore[arg-type]

    monkeypatch.setattr(Rerun, "run", counted)
    counts: list[int] = []
    for most in (40_000_000, 40_000_000, 4_000_000):
        monkeypatch.setattr(budget, "MOST", most)
        runs.clear()
        assert set(cg.diagnose(net, x, y, claims).unexplained) == {"dWi1", "db2"}
        counts.append(len(runs))
    assert counts[0] == counts[1] > counts[2]
