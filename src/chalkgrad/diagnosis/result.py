"""The result of a diagnosis: which claimed numbers are wrong, and the mistakes that explain them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..explain.trace import Trace
from .slack import Slack
from .slip import Slip

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
    """

    name: str
    verdict: str
    right: int
    given: int
    digits: int
    first: str = ""
    where: str = ""


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
class Result:
    """The findings and causes of a diagnosis.

    Attributes:
        findings: one for every claimed value, in the order of the program.
        causes: the mistakes that make the wrong numbers, best first; they are needed together.
        unexplained: the claimed values that no mistake explains.
        trace: the right values.
    """

    findings: tuple[Finding, ...]
    causes: tuple[Cause, ...]
    unexplained: tuple[str, ...]
    trace: Trace = field(repr=False)

    @property
    def correct(self) -> bool:
        """Whether no claimed number is wrong."""
        return all(f.verdict in ("right", "rounded by hand") for f in self.findings)

    @property
    def first_wrong(self) -> str | None:
        """The address of the first wrong number in the order of computation."""
        return next((f.first for f in self.findings if f.verdict == "wrong"), None)
