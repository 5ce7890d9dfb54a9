"""Worksheets of a recurrent layer: blanks in the order of the loop, follow-on credit through time."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chalkgrad.examples.example import Example, example
from chalkgrad.worksheet import grade, make_worksheet
from chalkgrad.worksheet.worksheet import Worksheet, as_worksheet

Array = np.ndarray[Any, Any]
STEPS = 3


def recurrent() -> Example:
    """Three steps of two units on one sample."""
    table = {
        "title": "Three steps by hand",
        "input_shape": [STEPS, 1],
        "layers": [{"type": "RNN", "units": 2}, {"type": "Dense", "units": 1}],
        "loss": {"type": "SquaredError"},
        "x": [[[0.5], [1.0], [-0.5]]],
        "y": [[1.0]],
        "learning_rate": 0.1,
        "parameters": {
            "W1": [[0.5, -0.3]],
            "U1": [[0.4, 0.2], [-0.6, 0.3]],
            "b1": [0.1, -0.2],
            "W2": [[0.7], [-0.9]],
            "b2": [0.05],
        },
    }
    return example(table, "recurrent")


def of_ids() -> Example:
    table = {
        "title": "One id twice",
        "input_shape": STEPS,
        "layers": [
            {"type": "Embedding", "ids": 4, "units": 2},
            {"type": "RNN", "units": 2, "sequences": True},
            {"type": "Dense", "units": 2},
            {"type": "Softmax"},
        ],
        "loss": {"type": "CrossEntropy"},
        "x": [[1, 3, 1]],
        "y": [[0, 1, 1]],
        "learning_rate": 0.1,
        "parameters": {
            "W1": [[0.5, -0.3], [0.2, 0.4], [0.3, 0.1], [-0.6, 0.7]],
            "W2": [[0.5, -0.3], [0.3, 0.6]],
            "U2": [[0.4, 0.2], [-0.6, 0.3]],
            "b2": [0.1, -0.2],
            "W3": [[0.7, 0.2], [-0.9, 0.4]],
            "b3": [0.05, -0.05],
        },
    }
    return example(table, "ids")


def answers(sheet: Worksheet, own: dict[str, Array] | None = None) -> dict[str, str]:
    """The right numbers to four digits, or a student's own."""
    values = {**dict(sheet.trace), **(own or {})}
    return {str(b.address): f"{values[b.address.name][b.address.place]:.4g}" for b in sheet.blanks}


def back_through_time(sheet: Worksheet, wrong: dict[int, Array]) -> dict[str, Array]:
    """A student's backward pass in which dz1 at some times is another."""
    trace = sheet.trace
    h, U = trace["h1"], trace["U1"]
    share, dh, dz = np.zeros_like(h), np.zeros_like(h), np.zeros_like(h)
    for t in reversed(range(STEPS)):
        share[:, t] = dz[:, t + 1] @ U.T if t < STEPS - 1 else 0
        dh[:, t] = share[:, t] + trace["dh1_from_last1"][:, t]
        dz[:, t] = wrong.get(t, dh[:, t] * (1 - h[:, t] ** 2))
    before = np.concatenate([np.zeros_like(h[:, :1]), h[:, :-1]], axis=1)
    return {
        "dh1_from_z1": share,
        "dh1": dh,
        "dz1": dz,
        "dU1": np.einsum("ntv,ntu->vu", before, dz),
        "dW1": np.einsum("nti,ntu->iu", trace["x"], dz),
        "db1": dz.sum(axis=(0, 1)),
    }


def test_blanks_stand_in_the_order_in_which_they_are_computed() -> None:
    sheet = make_worksheet(recurrent())
    names = list(dict.fromkeys((b.address.name, b.address.place[1]) for b in sheet.blanks if "h1" in b.address.name))
    assert names == [("dh1", 2), ("dh1_from_z1", 1), ("dh1", 1), ("dh1_from_z1", 0), ("dh1", 0)]
    text = sheet.board().to_text()
    assert text.index("Step t = 2") < text.index("Step t = 1") < text.index("Step t = 0") < text.index("dU1[0, 0]")
    assert "what would stand before the first step or after the last is 0" in " ".join(text.split())
    again = as_worksheet(tomllib.loads(sheet.to_toml()), Path("worksheet.toml"))
    assert [b.address for b in again.blanks] == [b.address for b in sheet.blanks]


def test_what_is_0_whatever_the_numbers_are_is_not_asked_for() -> None:
    asked = {str(b.address) for b in make_worksheet(recurrent(), kind="backward").blanks}
    assert "dh1_from_z1[0, 1, 0]" in asked
    assert not {"dh1_from_z1[0, 2, 0]", "dh1_from_last1[0, 2, 0]", "dh1_from_last1[0, 0, 0]"} & asked
    ids = {str(b.address) for b in make_worksheet(of_ids(), kind="gradients").blanks}
    assert {"dW1[1, 0]", "dW1[3, 1]"} <= ids
    assert not {"dW1[0, 0]", "dW1[2, 1]"} & ids
    chosen = make_worksheet(recurrent(), blanks=["dh1_from_z1[0, 2, 0]"])
    assert len(chosen.blanks) == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_fresh_numbers_make_a_sheet_whose_right_answers_are_right(seed: int) -> None:
    for worked, kind in ((recurrent(), None), (of_ids(), "gradients")):
        sheet = make_worksheet(worked, kind=kind, seed=seed)
        assert sheet.trace["x"].dtype.kind == worked.x.dtype.kind
        assert grade(sheet, answers(sheet)).score == len(sheet.blanks)


def test_a_wrong_number_of_one_step_costs_that_number_only() -> None:
    sheet = make_worksheet(recurrent())
    dz = sheet.trace["dz1"][:, STEPS - 1].copy()
    dz[0, 1] *= -1
    grading = grade(sheet, answers(sheet, back_through_time(sheet, {STEPS - 1: dz})))
    assert [str(m.blank.address) for m in grading.marks if m.verdict == "wrong"] == ["dz1[0, 2, 1]"]
    verdicts = {str(m.blank.address): m.verdict for m in grading.marks}
    assert verdicts["dh1_from_z1[0, 1, 0]"] == verdicts["dz1[0, 0, 0]"] == verdicts["dU1[0, 1]"] == "follows"
    assert verdicts["dz1[0, 2, 0]"] == "right"


def test_a_mistake_made_at_each_step_is_named_with_what_follows_from_it() -> None:
    sheet = make_worksheet(recurrent())
    trace = sheet.trace
    h, U = trace["h1"], trace["U1"]
    own = back_through_time(sheet, {})
    dz = own["dz1"]
    for t in reversed(range(STEPS - 1)):
        own["dh1_from_z1"][:, t] = dz[:, t + 1] @ U
        own["dh1"][:, t] = own["dh1_from_z1"][:, t]
        dz[:, t] = own["dh1"][:, t] * (1 - h[:, t] ** 2)
    own |= {k: v for k, v in back_through_time(sheet, {t: dz[:, t] for t in range(STEPS)}).items() if k in ("dU1",)}
    own |= {"dW1": np.einsum("nti,ntu->iu", trace["x"], dz), "db1": dz.sum(axis=(0, 1))}
    grading = grade(sheet, answers(sheet, own))
    assert [c.text for c in grading.causes] == ["dh1_from_z1: the transpose of U1 is left out"]
    assert {m.blank.address.name for m in grading.marks if m.verdict == "wrong"} == {"dh1_from_z1"}
    only = {a: n for a, n in answers(sheet, own).items() if a.startswith(("dU1", "dW1", "db1"))}
    assert [c.text for c in grade(sheet, only).causes] == ["dh1_from_z1: the transpose of U1 is left out"]
