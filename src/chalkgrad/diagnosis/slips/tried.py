"""The slips of a program, made once for all claims on it and on programs that are the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ...base.caching import cached_property
from ...program import Program
from .alike import made_alike
from .both_ways import made_both_ways
from .made import made_slips
from .settings import of_earlier
from .slip import Slip
from .usual import slips

MOST_PROGRAMS = 8
"""Of so many programs the slips are kept."""

Values = Mapping[str, Any]
Key = tuple[Any, ...]
_kept: OrderedDict[Key, Tried] = OrderedDict()


class Tried:
    """The slips that are tried on a program.

    Args:
        program: the steps.
        names: the values that there are.
        samples: how many samples there are.
        before: the values of an earlier pass, if they are known.
    """

    def __init__(self, program: Program, names: frozenset[str], samples: int, before: Values | None) -> None:
        self.program, self.names, self.samples, self.before = program, names, samples, before

    @cached_property
    def usual(self) -> list[Slip]:
        """The usual mistakes, and these in several places at once."""
        found = slips(self.program, self.before, self.samples)
        return [*found, *made_alike(found, self.program), *made_both_ways(found)]

    @cached_property
    def made(self) -> list[Slip]:
        """The slips that are made from the formulas, the least far-fetched first."""
        found = [*made_slips(self.program, self.names, self.samples), *of_earlier(self.program, self.before or {})]
        return sorted([*found, *made_alike(found, self.program)], key=lambda s: s.weight)


def tried(program: Program, values: Values, before: Values | None) -> Tried:
    """The slips of a program.

    Args:
        program: the steps.
        values: what they compute.
        before: the values of an earlier pass, if they are known.
    """
    names, samples = frozenset(values), len(values["x"])
    if before:
        return Tried(program, names, samples, before)
    key = (_key(program), names, samples)
    try:
        found = _kept.pop(key, None)
    except TypeError:  # a setting that is no number, name or tuple
        return Tried(program, names, samples, None)
    _kept[key] = found = found or Tried(program, names, samples, None)
    while len(_kept) > MOST_PROGRAMS:
        _kept.popitem(last=False)
    return found


def _key(program: Program) -> Key:
    """What two programs have in common that are the same."""
    steps = tuple(
        (s.value, s.rule, s.inputs, s.part, s.owner, *(tuple(m.items()) for m in (s.options, s.bound, s.settings)))
        for s in program
    )
    return steps, program.inputs
