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


def in_time(statement: Statement) -> Statement:
    """A statement of a loop, its second index called t."""
    _, time, *_ = statement.place
    assert isinstance(time, Symbol)
    if time.name == TIME:
        return statement
    assert TIME not in statement.sizes, statement.text
    new = {time.name: Symbol(TIME)}
    return replace(
        statement,
        place=tuple(at(place, new) for place in statement.place),
        body=at(statement.body, new),
        sizes={TIME if index == time.name else index: size for index, size in statement.sizes.items()},
        loops=tuple(TIME if index == time.name else index for index in statement.loops),
    )


def together(statements: Sequence[Statement], loops: Mapping[str, Loop]) -> list[list[Statement]]:
    """The statements in order, those of a loop in one list, the others alone."""

    def key(numbered: tuple[int, Statement]) -> int:
        number, statement = numbered
        return id(loops[statement.output]) if statement.output in loops else number

    return [[statement for _, statement in group] for _, group in groupby(enumerate(statements), key)]
