"""The replay of a worked example of our own: one pass, one update, a training, and what usual mistakes give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..examples.example import load_example
from .figure import Figure, Replay, Section, Value, figures


@dataclass(frozen=True, slots=True)
class Slip:
    """A usual mistake and what it gives.

    Attributes:
        title: the title of its section.
        sentence: what is wrong, one sentence without a full stop.
        printed: the listing of what comes out.
        values: the calculation with the mistake, by name.
    """

    title: str
    sentence: str
    printed: str
    values: Mapping[str, Value]


def replay_of(
    name: str, text: str, forward: str, backward: str, update: str, loss: str, slips: Sequence[Slip]
) -> Replay:
    """The replay of an example.

    Args:
        name: the example's.
        text: what it is, a paragraph.
        forward: the listing of the forward pass.
        backward: that of the backward pass.
        update: that of the parameters after the update.
        loss: the loss after all of the example's updates, on the batch that it was trained on.
        slips: the usual mistakes.
    """
    example = load_example(name)
    trace = example.trace()
    correct: dict[str, Value] = {value: trace[value] for value in trace}
    trained = Figure(f"L after {example.steps} updates", (loss,), float(example.at(example.steps).trace()["L"]))
    wrong = [
        Section(slip.title, figures(slip.printed, correct, slip.values, dict.fromkeys(slip.values, slip.sentence)))
        for slip in slips
    ]
    return Replay(
        name,
        example.title,
        text,
        (
            Section("Forward pass", figures(forward, correct)),
            Section("Backward pass", figures(backward, correct)),
            Section("Updates", (*figures(update, correct), trained)),
            *wrong,
        ),
    )
