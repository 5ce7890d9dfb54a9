"""What a student's own lines give who changes one of them: the grade names the change, and so does diagnosis.

The lines are those of the script that is written for the sheet, with a usual mistake put in by hand.
"""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from functools import cache
from typing import Any

import pytest

import chalkgrad as cg
from chalkgrad.examples.example import Example, example, load_example
from chalkgrad.worksheet.grading import grade
from chalkgrad.worksheet.worksheet import Worksheet, make_worksheet

MASKED = """
title = "Two heads that look back, and ids that are looked up twice"
input_shape = 4
loss = { type = "SquaredError", scale = 0.5 }
layers = [
    { type = "Embedding", ids = 3, units = 4, name = "table", weights = "normal(1)" },
    { type = "Attention", heads = 2, causal = true, bias = false },
    { type = "Dense", units = 3, weights_of = "table" },
]
x = [[2, 0, 2, 1]]
y = [[[0.5, -0.5, 1.0], [0.25, 0.75, -1.0], [1.0, 0.0, 0.5], [-0.5, 0.25, 0.0]]]
"""
"""Whose parameters are drawn."""


def _spelled(name: str) -> str:
    """A value's name in a script."""
    return name.replace(".", "_")


@cache
def sheet(name: str) -> Worksheet:
    if name == "masked":
        worked = example(tomllib.loads(MASKED), "masked")
        return make_worksheet(worked, kind="gradients", digits=4)
    return make_worksheet(load_example(name), seed=7, digits=4)


def values(worked: Example, changes: dict[str, str]) -> dict[str, Any]:
    """All that a script computes up to the update, lines changed."""
    text = str(worked.network.source("numpy", worked.x, worked.y, optimizer=worked.optimizer))
    text = text[: text.index("    # --- update")] + "    break\n"
    for right, wrong in changes.items():
        changed = re.sub(right, wrong, text)
        assert changed != text, right
        text = changed
    space: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(text, "script", "exec"), space)
    return space


CASES: dict[str, tuple[str, dict[str, str], str]] = {
    "rnn, no recurrence": ("rnn", {r"dh1_from_z1\[:, t\] = .*": "dh1_from_z1[:, t] = 0"}, "no recurrence"),
    "rnn, slope": ("rnn", {r"\(1 - h1\[:, t\] \* h1\[:, t\]\)": "h1[:, t] * (1 - h1[:, t])"}, "the slope of a sigmoid"),
    "rnn, tanh' left out": (
        "rnn",
        {r"dh1_from_z1\[:, t\] = .*": "dh1_from_z1[:, t] = (dh1[:, t + 1] if t < 2 else 0 * dh1[:, 0]) @ U1.T"},
        "the activation's derivative is left out on the way through time",
    ),
    "rnn, one step": ("rnn", {r"dU1 = .*": "dU1 = h1[:, -2].T @ dz1[:, -1]"}, "only the last step counts"),
    "rnn, U": ("rnn", {r"@ U1\.T": "@ U1"}, "the transpose of U1 is left out"),
    "lstm, no recurrence": (
        "lstm",
        {r"dh1_from_z(.)1\[:, t\] = .*": r"dh1_from_z\g<1>1[:, t] = 0", r"dc1_after \* f1_after": "0"},
        "no recurrence in the backward pass",
    ),
    "lstm, one path": (
        "lstm",
        {r"dh1_from_z(.)1\[:, t\] = .*": r"dh1_from_z\g<1>1[:, t] = 0"},
        "only the share from last1",
    ),
    "lstm, U": (
        "lstm",
        {r"@ U(.)1\.T": r"@ U\g<1>1"},
        "the transpose of U is left out, in every gate of layer 1, LSTM",
    ),
    "lstm, slope of g": (
        "lstm",
        {r"dzg1\[:, t\] = .*": "dzg1[:, t] = dg1[:, t] * g1[:, t] * (1 - g1[:, t])"},
        "the slope of a sigmoid is taken, where g1 is a tanh",
    ),
    "lstm, slope of i": (
        "lstm",
        {r"dzi1\[:, t\] = .*": "dzi1[:, t] = di1[:, t] * (1 - i1[:, t] ** 2)"},
        "the slope of a tanh is taken, where i1 is a sigmoid",
    ),
    "lstm, c for c'": ("lstm", {r"dc1\[:, t\] \* c1_before": "dc1[:, t] * c1[:, t]"}, "the same step's c1 is taken"),
    "gru, U": ("gru", {r"@ U(.)1\.T": r"@ U\g<1>1"}, "the transpose of U is left out, in every gate of layer 1, GRU"),
    "gru, slope of n": (
        "gru",
        {r"dzn1\[:, t\] = .*": "dzn1[:, t] = dn1[:, t] * n1[:, t] * (1 - n1[:, t])"},
        "the slope of a sigmoid is taken, where n1 is a tanh",
    ),
    "gru, slope of r": (
        "gru",
        {r"dzr1\[:, t\] = .*": "dzr1[:, t] = dr1[:, t] * (1 - r1[:, t] ** 2)"},
        "the slope of a tanh is taken, where r1 is a sigmoid",
    ),
    "gru, reset": (
        "gru",
        {r"dUn1 = .*": "dUn1 = h1[:, :-1].reshape((-1, 2)).T @ dzn1[:, 1:].reshape((-1, 2))"},
        "the gate r is left out",
    ),
    "attention, scale": ("attention", {r"(d[qk]1 = .*) / math.sqrt\(4\)": r"\1"}, "the scale, is left out"),
    "attention, softmax": (
        "attention",
        {r"dS1 = .*": "dS1 = dA1 * A1 * (1 - A1)"},
        "softmax is treated as elementwise",
    ),
    "masked, mask forgotten": (
        "masked",
        {r"B2 = .*": "B2 = S2", r"dS2 = .*": "dS2 = dB2"},
        "the mask is left out",
    ),
    "masked, mask after softmax": (
        "masked",
        {r"B2 = .*": "B2 = S2", r"A2 = (.*)": r"A2 = np.tril(\1)"},
        "the mask is applied after the softmax",
    ),
    "masked, heads": (
        "masked",
        {
            r"\.reshape\(\(-1, 4, 2, 2\)\)\.swapaxes\(1, 2\)": ".reshape((-1, 2, 4, 2))",
            r"return x\.swapaxes\(1, 2\)\.reshape\(.*": "return x.reshape((-1, 4, 4))",
        },
        "the heads are split and joined by reshaping alone",
    ),
    "masked, one use": (
        "masked",
        {r"dtable_W = .*": "dtable_W = dtable_W_from_y_hat"},
        "gets the gradient of its other use only",
    ),
    "masked, ids": ("masked", {r"np\.add\.at\((\w+), x, (\w+)\)": r"\1[x] = \2"}, "overwrites what came back before"),
}
QUICK = ("rnn, U", "lstm, U", "gru, slope of n")


@pytest.mark.parametrize(
    "what", [case if case in QUICK else pytest.param(case, marks=pytest.mark.long) for case in CASES]
)
def test_a_changed_line_is_named(what: str) -> None:
    name, changes, said = CASES[what]
    made = sheet(name)
    worked = made.example
    wrong = values(worked, changes)
    answers = {str(b.address): f"{float(wrong[_spelled(b.address.name)][b.address.place]):.4g}" for b in made.blanks}
    graded = grade(made, answers)
    if graded.score < graded.points:  # of a large network the sheet does not ask for everything
        assert [said in cause.text for cause in graded.causes] == [True], [c.text for c in graded.causes]
    claims = {f"d{n}": wrong[_spelled(f"d{n}")] for n in worked.network.parameters}
    assert said in str(cg.diagnose(worked.network, worked.x, worked.y, claims))
