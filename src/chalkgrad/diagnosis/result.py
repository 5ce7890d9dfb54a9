"""The result of a diagnosis: which claimed numbers are wrong, and the mistakes that explain them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ..explain.trace import Trace
from .claims.slack import Slack
from .slips.slip import Slip

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one claimed value.

    Attributes:
        name: the value.
        verdict: "right"; "rounded by hand" (right, with every step rounded); "wrong"; "follows" (right from the
            claimed numbers before it, which are wrong).
        right, given: how many of its claimed numbers are right, and how many there are.
        digits: to how many significant digits the right ones agree (at most as many as are given).
        first: the address of the first wrong number; empty where all are right.
        where: where the error sits, as far as the numbers tell it; may be empty.
        farthest: of a wrong value the number farthest from the right one: its address, the number, the right one.
    """

    name: str
    verdict: str
    right: int
    given: int
    digits: int
    first: str = ""
    where: str = ""
    farthest: tuple[str, float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cause:
    """An explanation of wrong numbers: one mistake or several together.

    Attributes:
        slips: the mistakes; one that is made alike in several places is one (`Slip.where`, `Slip.every`).
        explains: the claimed values that come out by them.
        numbers: how many claimed numbers that are.
        digits: to how many significant digits.
        slack: how far the numbers come out, where that is not to the digits claimed.
        instead: mistakes that would give the same numbers here.
        apart: an input (x, y) on which those would differ; None where there is nothing to tell apart.
    """

    slips: tuple[Slip, ...]
    explains: tuple[str, ...]
    numbers: int
    digits: int
    instead: tuple[Slip, ...] = ()
    apart: tuple[Array, Array] | None = None
    slack: Slack = Slack.NONE

    @property
    def accuracy(self) -> str:
        """To how many digits the numbers come out, or how far."""
        return self.slack.value or f"to {self.digits} digits"

    def __str__(self) -> str:
        mistakes = "; and ".join(f"{', '.join(s.outputs)} ({s.of}): {s.text}" for s in self.slips)
        number = f"{self.numbers} number{'s' * (self.numbers != 1)}"
        return f"{mistakes} (matches {number} of {', '.join(self.explains)} {self.accuracy})"


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """A mistake that the claimed numbers could not show.

    Attributes:
        slip: the mistake.
        why: what about the input hides it, and what would show it.
        parameters: parameters with which it would show, by name.
        x, y: samples with which it would.
    """

    slip: Slip
    why: str
    parameters: Mapping[str, Array]
    x: Array
    y: Array


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The findings and causes of a diagnosis.

    Attributes:
        findings: one for every claimed value, in the order of the program.
        causes: the mistakes that make the wrong numbers, best first; they are needed together.
        unexplained: the claimed values that no mistake explains.
        trace: the right values.
        partly: mistakes that make some of the wrong numbers, where most stay unexplained: they need not be made.
        too_few: the unexplained values that mistakes would explain, but whose numbers have too few digits to tell.
        place: where the fault lies, between which values; empty where that is explained or cannot be told.
        suspects: the values at one of which it lies.
        look: looks for the mistakes that the claimed numbers could not show.
        notes: what else was tried.
    """

    findings: tuple[Finding, ...]
    causes: tuple[Cause, ...]
    unexplained: tuple[str, ...]
    trace: Trace = field(repr=False)
    partly: tuple[Cause, ...] = ()
    too_few: tuple[str, ...] = ()
    place: str = ""
    suspects: tuple[str, ...] = ()
    look: Callable[[], tuple[Unseen, ...]] = field(default=tuple, repr=False)
    notes: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """The pickled form, which no longer looks for what the numbers could not show."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "look"}
        return _restored, (type(self), own)

    @property
    def unseen(self) -> tuple[Unseen, ...]:
        """Mistakes that these numbers could not show, with an input that would."""
        return self.look()

    @property
    def correct(self) -> bool:
        """Whether no claimed number is wrong."""
        return all(f.verdict in ("right", "rounded by hand") for f in self.findings)

    @property
    def first_wrong(self) -> str | None:
        """The address of the first wrong number in the order of computation."""
        return next((f.first for f in self.findings if f.verdict == "wrong"), None)


def _restored(kind: type[Result], own: Mapping[str, Any]) -> Result:
    return kind(**own)
