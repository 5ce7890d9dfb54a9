"""What is said of a claimed backward line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..formula.formula import Formula
from ..formula.nodes import Element, Node, Symbol
from ..formula.text import text
from .differences import Difference


class Verdict(StrEnum):
    """What is said of a claimed line."""

    EQUAL = "right"
    ANOTHER_FORM = "right, in another form"
    CONDITIONAL = "right on a condition only"
    WRONG = "wrong"


@dataclass(frozen=True)
class Claim:
    """A claimed backward line and what is said of it.

    Attributes:
        of: the value by which the loss is derived.
        claimed: the line as it came.
        verdict: what is said of it.
        right: the right line, in the form that is nearest to the claimed one.
        left: the left side of both.
        ours, theirs: their right sides, in the same letters.
        because: for another form, the identities that make it equal; where there are none that can be named, how it
            was found to be equal.
        conditions: on which it is equal, each as the end of "equal where ...".
        differences: what differs, where it is not always equal.
        apart: how far the numbers lie apart, relative to the largest; 0 where they are equal.
        drawn: on which operands the two were compared.
        given: a condition on which the differences are all that differs; "" for none.
    """

    of: str
    claimed: Formula
    verdict: Verdict
    right: str
    left: Element | Symbol
    ours: Node
    theirs: Node
    because: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    apart: float = 0.0
    drawn: str = ""
    given: str = ""

    @property
    def correct(self) -> bool:
        """Whether it is right always."""
        return self.verdict in (Verdict.EQUAL, Verdict.ANOTHER_FORM)

    @property
    def words(self) -> str:
        """What is said of it, in a sentence without a full stop."""
        differing = "; ".join(d.words for d in self.differences)
        match self.verdict:
            case Verdict.ANOTHER_FORM:
                return f"{self.verdict}: {'; '.join(self.because)}"
            case Verdict.CONDITIONAL:
                where = f"right only where {', or where '.join(self.conditions)}"
                return f"{where}; else {differing}" if differing else where
            case Verdict.WRONG:
                return f"wrong: {differing}"
            case _:
                return str(self.verdict)

    def __str__(self) -> str:
        return f"{text(self.left)}: {self.words}"
