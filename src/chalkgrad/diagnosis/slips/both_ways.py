"""A mistake of the forward pass that is made again on the way back: the right pass of another layer than this one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from .alike import FARTHER, said_of_any
from .slip import Slip

BOTH, BACK = "in the forward pass and on the way back", "on the way back"


def made_both_ways(slips: Sequence[Slip]) -> Iterator[Slip]:
    """The slips that are one mistake in every line of a layer that can suffer it, or in every line of its way back.

    These are the mistakes that the forward pass can suffer too; of others see `alike.py`.

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
        every = list(members.values())
        back = [slip for slip in every if slip.step.part == "backward"]
        if len(back) == len(every):
            continue
        if len(every) > 1:
            yield _together(every, words, BOTH if back else f"everywhere in {owner}")
        if len(back) > 1:
            yield _together(back, words, BACK)


def _together(members: Sequence[Slip], words: str, where: str) -> Slip:
    first = members[0]
    weight = first.weight + FARTHER
    return dataclasses.replace(first, mistake=words, weight=weight, where=where, members=tuple(members))
