"""A mistake of the forward pass that is made again on the way back: the right pass of another layer than this one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from .alike import FARTHER, said_of_any
from .slip import Slip


def made_both_ways(slips: Sequence[Slip]) -> Iterator[Slip]:
    """The slips that are one mistake in every line of a layer that can suffer it, of which at least one is forward.

    Args:
        slips: those of single steps.
    """
    kinds: dict[tuple[str, str, str], dict[str, Slip]] = {}
    for slip in slips:
        words = said_of_any(slip)
        if words is not None and slip.factor is None and slip.step.owner.kind == "layer":
            together = kinds.setdefault((slip.step.owner.text, words, slip.carried), {})
            together.setdefault(slip.output, slip)
    for (owner, words, _), members in kinds.items():
        parts = [slip.step.part for slip in members.values()]
        if len(parts) > 1 and "forward" in parts:
            where = "in the forward pass and on the way back" if "backward" in parts else f"everywhere in {owner}"
            first = next(iter(members.values()))
            yield dataclasses.replace(
                first, mistake=words, weight=first.weight + FARTHER, where=where, members=tuple(members.values())
            )  # fmt: skip
