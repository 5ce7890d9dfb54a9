"""Mean, spread and n over the seeds."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest

from chalkgrad.sweep.directory import Outcome
from chalkgrad.sweep.picture import picture
from chalkgrad.sweep.plan import Group, Plan
from chalkgrad.sweep.table import Figure, as_csv, as_table, best, rows, text

RATES = (0.1, 0.01, 0.001)
ACCURACIES = {0.1: (0.9, 0.92, 0.97), 0.01: (0.5, 0.7, None), 0.001: (None, None, None)}


@pytest.fixture
def plan() -> Plan:
    groups = tuple(Group(f"learning-rate={r}", {"learning-rate": r}, {"learning-rate": r}) for r in RATES)
    return Plan(Path("sweep.toml"), "spiral", groups, (0, 1, 2), 1, False)


@pytest.fixture
def outcomes(plan: Plan) -> list[Outcome]:
    made: list[Outcome] = []
    for run in plan.runs():
        accuracy = ACCURACIES[float(run.group.own["learning-rate"])][run.seed]
        if accuracy is None:
            made.append(Outcome(run, "failed", "no memory, it says"))
        else:
            made.append(
                Outcome(run, "done", "", 2, 20, 0.5, "numpy", 0.3, 0.4, accuracy - 0.1, 0.2, accuracy, (0.5, 0.4))
            )
    return made


def test_mean_and_sample_standard_deviation(plan: Plan, outcomes: list[Outcome]) -> None:
    first, second, third = rows(plan, outcomes)
    values = np.array([0.9, 0.92, 0.97])
    assert math.isclose(first.figures["accuracy"].mean, values.mean())
    assert math.isclose(first.figures["accuracy"].spread or 0, values.std(ddof=1))
    assert len(second.done) == 2
    assert not third.done
    assert third.figures == {}
    assert best([first, second, third]) is first
    assert best([third]) is None


def test_the_table_fits_and_says_how_many(plan: Plan, outcomes: list[Outcome]) -> None:
    told = text(plan, rows(plan, outcomes))
    assert max(map(len, told.splitlines())) <= 80
    lines = told.splitlines()
    assert lines[2].split() == ["0.1", "3", "83.00", "±", "3.61", "93.00", "±", "3.61", "0.2", "±", "0", "best"]
    assert "2 of 3" in lines[3]
    assert "0 of 3" in lines[4]


def test_a_figures_digits() -> None:
    assert Figure(0.98765, None).text(percent=True) == "98.77"
    assert Figure(1.23456, 0.0123).text(percent=False) == "1.235 ± 0.012"
    assert Figure(123456.0, 1234.0).text(percent=False) == "1.235e+05 ± 1.2e+03"
    assert Figure(1.5, 0.0).text(percent=False) == "1.5 ± 0"


def test_csv_and_json_hold_every_run(plan: Plan, outcomes: list[Outcome]) -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv(plan, outcomes))))
    assert len(lines) == 9
    assert lines[0]["accuracy"] == "0.9"
    assert (lines[8]["status"], lines[8]["error"], lines[8]["accuracy"]) == ("failed", "no memory, it says", "")
    told = json.loads(json.dumps(as_table(plan, rows(plan, outcomes)), allow_nan=False))
    assert (told["best"], told["best_by"]) == ("learning-rate=0.1", "validation_accuracy")
    assert [s["n"] for s in told["settings"]] == [3, 2, 0]


def test_a_picture_where_there_is_something_to_draw(plan: Plan, outcomes: list[Outcome]) -> None:
    drawn = picture(rows(plan, outcomes))
    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")
    assert picture(rows(plan, outcomes)[2:]) is None
