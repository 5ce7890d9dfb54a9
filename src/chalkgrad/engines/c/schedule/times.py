"""Loops over time: the statements of one run together, one time after another, for every sample by itself.

In each of them the index over time is called t; whoever goes through the times fixes it, so that a statement is the
ordinary one without that index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from ....formula.nodes import Symbol
from ....formula.rewrite import at
from ....program import Loop
from ....program.statement import Statement

TIME = "t"
"""The index over the times of a loop."""


def in_time(made: Statement) -> Statement:
    """A statement of a loop, its second index called t."""
    _, time, *_ = made.place
    assert isinstance(time, Symbol)
    if time.name == TIME:
        return made
    assert TIME not in made.sizes, made.text
    new = {time.name: Symbol(TIME)}
    return replace(
        made,
        place=tuple(at(place, new) for place in made.place),
        body=at(made.body, new),
        sizes={TIME if index == time.name else index: size for index, size in made.sizes.items()},
        loops=tuple(TIME if index == time.name else index for index in made.loops),
    )


def together(statements: Sequence[Statement], loops: Mapping[str, Loop]) -> list[list[Statement]]:
    """The statements in order, those of a loop in one list, the others alone."""

    def key(numbered: tuple[int, Statement]) -> int:
        number, made = numbered
        return id(loops[made.output]) if made.output in loops else number

    return [[made for _, made in group] for _, group in groupby(enumerate(statements), key)]
