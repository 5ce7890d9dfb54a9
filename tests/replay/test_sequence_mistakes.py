"""The mistakes that the replays of the examples over time show are named by the diagnosis, from the printed numbers."""

from __future__ import annotations

import numpy as np
import pytest
from replayed import short

import chalkgrad as cg

BEHIND = "nothing comes back from the step after"
NAMED = {
    ("rnn", "Nothing carried back"): BEHIND,
    ("rnn", "Carried back without tanh'"): "the activation's derivative is left out on the way through time",
    ("lstm", "Nothing carried back"): BEHIND,
    ("lstm", "The wrong step's h"): "the same step's h is taken, not the one before, in every gate of",
    ("gru", "Nothing carried back"): BEHIND,
    ("gru", "Without the reset"): "the gate r is left out",
    ("attention", "The scale left out"): "1/sqrt(E), the scale, is left out",
    ("attention", "The softmax by elements"): "softmax is treated as elementwise: its diagonal only",
    ("transformer-block", "The skip forgotten"): "the skip's gradient is forgotten",
    ("transformer-block", "The mask forgotten"): "the mask is left out",
    ("backprop-by-hand", "Mean and variance as constants"): "mean and variance are treated as constants",
    (
        "backprop-by-hand",
        "Overwritten rows",
    ): "an id that occurs again overwrites what came back before: assigned, not added",
}


@pytest.mark.parametrize(("name", "title"), NAMED)
def test_the_mistake_is_named_from_the_printed_numbers(name: str, title: str) -> None:
    example = cg.load_example(name)
    trace = example.trace()
    section = next(s for s in short(name).sections if s.title == title)
    claims: dict[str, object] = {
        f.name: np.reshape(f.printed, trace[f.name].shape).tolist() for f in section.figures if f.printed
    }
    if title == "The scale left out":
        claims["dWv1"] = trace["dWv1"]  # which is right; else all of the loss could be twice as large
    diagnosis = cg.diagnose(example.network, example.x, example.y, claims, optimizer=example.optimizer)
    (cause,) = diagnosis.causes
    assert NAMED[name, title] in cause.slips[0].text
    assert not diagnosis.unexplained


def test_every_section_of_mistakes_is_here() -> None:
    names = {name for name, _ in NAMED}
    assert {(n, s.title) for n in names for s in short(n).sections if s.figures[0].mistake} == set(NAMED)
