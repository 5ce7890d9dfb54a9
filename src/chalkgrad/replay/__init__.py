"""Replays: every figure that the documents and examples of our own print, with the mistakes in the wrong ones."""

from __future__ import annotations

from collections.abc import Callable

from ..base.errors import unknown
from . import (
    attention_examples,
    backprop_by_hand,
    document_000,
    document_001,
    document_002,
    document_003,
    own_examples,
    recurrent_examples,
    web_example,
)
from .figure import Figure, Replay, Section

__all__ = ["REPLAYS", "Figure", "Replay", "Section", "replay"]

REPLAYS: dict[str, Callable[..., Replay]] = {
    "000": document_000.replay,
    "001": document_001.replay,
    "002": document_002.replay,
    "003": document_003.replay,
    "web": web_example.replay,
    "residual": own_examples.residual,
    "shared": own_examples.shared,
    "rnn": recurrent_examples.rnn,
    "lstm": recurrent_examples.lstm,
    "gru": recurrent_examples.gru,
    "attention": attention_examples.attention,
    "transformer-block": attention_examples.transformer_block,
    "backprop-by-hand": backprop_by_hand.replay,
}
"""The replays by name. That of 000 takes `long`, whether its long trainings are run."""


def replay(name: str, *, long: bool = True) -> Replay:
    """The replay of this name.

    Args:
        name: one of `REPLAYS`.
        long: whether trainings of hundreds of thousands of updates are run too (half a minute, in 000 alone).

    Raises:
        UnknownNameError: where there is none; it suggests the nearest.
    """
    if name not in REPLAYS:
        raise unknown("replay", name, REPLAYS)
    return document_000.replay(long=long) if name == "000" else REPLAYS[name]()
