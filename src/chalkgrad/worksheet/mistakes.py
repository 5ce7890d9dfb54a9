"""The mistakes that explain wrong numbers, from the numbers before them on the sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.errors import ChalkgradError
from ..diagnosis import diagnose
from ..diagnosis.rerun import MISFITS
from ..diagnosis.slips.slip import Slip
from ..diagnosis.slips.tried import tried
from .answers import Answer
from .comparing import Comparison
from .exercise import Exercise
from .names import display_name
from .own_pass import OwnPass

Array = np.ndarray[Any, Any]
MOST_DIAGNOSED, MOST_VALUES = 60, 2
"""With more wrong numbers than this, or in more values, combinations of mistakes are not looked for: where so much is
left that no single mistake explains, a combination that fits is found by chance, and slowly."""


@dataclass(frozen=True, slots=True, eq=False)
class Cause:
    """A mistake and the blanks that it explains.

    Attributes:
        text: what was done wrong, without a full stop: "da1: the transpose of W is left out".
        blanks: the wrong blanks that come out by it.
        slip: the mistake, where it is one of a rule; it has the right step and the wrong one.
    """

    text: str
    blanks: tuple[Address, ...]
    slip: Slip | None = None


class MistakeSearch:
    """Looks for what made wrong numbers.

    Args:
        sheet: the worksheet.
        answers: all that was written down.
        wrong: the addresses of the wrong numbers.
        passes: the numbers that the student may have used: all of their own, or only the wrong ones.
        comparing: when numbers count as the same.
    """

    def __init__(
        self,
        sheet: Exercise,
        answers: Mapping[Address, Answer],
        wrong: Sequence[Address],
        passes: Sequence[Mapping[str, Array]],
        comparing: Comparison,
    ) -> None:
        self.sheet, self.answers, self.comparing = sheet, answers, comparing
        self.wrong = list(wrong)
        self.passes = [OwnPass(sheet.trace, numbers) for numbers in passes]
        self.slips = tried(sheet.trace.program, sheet.trace, None).usual
        self.names = [*dict.fromkeys(a.name for a in answers)]

    def causes(self) -> list[Cause]:
        """The mistakes, those that explain most first; together they explain each wrong number at most once."""
        if not self.wrong:
            return []
        effects = [(slip, self._effect(slip)) for slip in self.slips]
        causes, wrong = self._by_values(effects, list(self.wrong))
        single, wrong = self._by_elements(effects, wrong)
        causes += single
        for by_hand in (self._by_transposing, self._by_copying):
            more, wrong = by_hand(wrong)
            causes += more
        if wrong:
            combined = self._by_diagnosis(wrong)
            causes += combined
        return causes

    # -- one mistake of a rule -------------------------------------------------------------------------------

    def _effect(self, slip: Slip) -> list[dict[str, Array]]:
        """The values that have answers, computed with a mistake, from each of the student's passes."""
        effects: list[dict[str, Array]] = []
        for right in self.passes:
            run = right.with_mistake(slip)
            values: dict[str, Array] = {}
            for name in self.names:
                try:
                    value = np.asarray(run.result(name), dtype=float)
                except (*MISFITS, KeyError, RecursionError):
                    continue  # its shapes do not fit, so nobody can have made it
                if value.shape == self.sheet.trace[name].shape:
                    values[name] = value
            effects.append(values)
        return effects

    def _fits(self, values: Mapping[str, Array], address: Address) -> bool:
        value = values.get(address.name)
        return value is not None and self.comparing.same(address, self.answers[address].value, value[address.place])

    def _by_values(
        self, effects: Sequence[tuple[Slip, list[dict[str, Array]]]], wrong: list[Address]
    ) -> tuple[list[Cause], list[Address]]:
        """Mistakes that make all of a value's numbers come out, those that explain the most numbers first."""
        causes: list[Cause] = []
        order = {step.output: place for place, step in enumerate(self.sheet.trace.program)}
        while wrong:
            best: dict[bool, tuple[tuple[int, float, int], Slip, list[Address]]] = {}  # in one place, in several
            names = dict.fromkeys(a.name for a in wrong)
            for slip, ways in effects:
                for values in ways:
                    explained: list[Address] = []
                    for name in names:
                        addresses = [a for a in self.answers if a.name == name]
                        if all(self._fits(values, a) for a in addresses):
                            explained += [a for a in wrong if a.name == name]
                    if not explained:
                        continue
                    settled = [a for a in self.answers if a not in self.wrong]
                    mismatches = sum(not self._fits(values, a) for a in settled)
                    rank = (len(explained) - mismatches, -slip.weight, order[slip.output])  # of equals the nearest
                    several = bool(slip.members)
                    if several not in best or rank > best[several][0]:
                        best[several] = (rank, slip, explained)
            if not best:
                break
            counts = {several: len(found[2]) for several, found in best.items()}
            _, slip, explained = best[counts.get(True, 0) > counts.get(False, 0)]  # several where one is not enough
            causes.append(Cause(self._text(slip), tuple(explained), slip))
            wrong = [a for a in wrong if a not in explained]
        return causes, wrong

    def _by_elements(
        self, effects: Sequence[tuple[Slip, list[dict[str, Array]]]], wrong: list[Address]
    ) -> tuple[list[Cause], list[Address]]:
        """Mistakes made in one number and not in those beside it."""
        grouped: dict[int, tuple[Slip, list[Address]]] = {}
        rest: list[Address] = []
        for address in wrong:
            fitting = [
                s for s, ways in effects if not s.members and any(self._fits(values, address) for values in ways)
            ]
            if not fitting:
                rest.append(address)
                continue
            best = min(fitting, key=lambda s: (s.weight, s.output != address.name))
            grouped.setdefault(id(best), (best, []))[1].append(address)
        return [Cause(self._text(s), tuple(addresses), s) for s, addresses in grouped.values()], rest

    def _text(self, slip: Slip) -> str:
        return slip.text if slip.members else f"{slip.output}: {slip.text}"

    # -- slips of the pen ------------------------------------------------------------------------------------

    def _by_transposing(self, wrong: list[Address]) -> tuple[list[Cause], list[Address]]:
        """Matrices whose numbers all are those of the transpose."""
        causes: list[Cause] = []
        for name in dict.fromkeys(a.name for a in wrong):
            right = self.sheet.trace[name]
            addresses = [a for a in self.answers if a.name == name]
            if right.ndim != 2 or right.shape[0] != right.shape[1] or len(addresses) < right.size:
                continue
            if all(self.comparing.same(a, self.answers[a].value, float(right.T[a.place])) for a in addresses):
                explained = tuple(a for a in wrong if a.name == name)
                causes.append(Cause(f"{name}: its numbers are those of the transpose", explained))
                wrong = [a for a in wrong if a.name != name]
        return causes, wrong

    def _by_copying(self, wrong: list[Address]) -> tuple[list[Cause], list[Address]]:
        """A sign, a decimal point, a number that belongs elsewhere."""
        causes: list[Cause] = []
        rest: list[Address] = []
        for address in wrong:
            text = self._copied(address)
            if text:
                causes.append(Cause(f"{self._called(address)}: {text}", (address,)))
            else:
                rest.append(address)
        return causes, rest

    def _copied(self, address: Address) -> str:
        value = self.answers[address].value
        rights = [float(right.result(address.name)[address.place]) for right in self.passes]
        for right in rights:
            if not value or not right:
                continue
            if self.comparing.same(address, -value, right):
                return "the sign is wrong"
            for power in (1, 2, 3, -1, -2, -3):
                for sign in (1, -1):
                    if self.comparing.same(address, sign * value * 10.0**-power, right):
                        places = f"{abs(power)} place{'s' * (abs(power) > 1)} too far to the "
                        also = " and the sign is wrong" if sign < 0 else ""
                        return f"the decimal point is {places}{'right' if power > 0 else 'left'}{also}"
        beside = [a for a in self.sheet.words if a.name == address.name and a != address]
        others = [a for a in self.sheet.words if a.name != address.name]
        for other in (*beside, *others):
            if value and self.comparing.same(other, value, float(self.sheet.trace[other.name][other.place])):
                return f"this is the number of {self._called(other)}"
        return ""

    def _called(self, address: Address) -> str:
        return display_name(address, self.sheet.trace)

    # -- several mistakes together ---------------------------------------------------------------------------

    def _by_diagnosis(self, wrong: list[Address]) -> list[Cause]:
        """The mistakes that only together explain the numbers, by `chalkgrad.diagnosis`."""
        if len(wrong) > MOST_DIAGNOSED or len({a.name for a in wrong}) > MOST_VALUES:
            return []
        example = self.sheet.example
        claims = {str(a): answer.plain for a, answer in self.answers.items()}
        try:
            with np.errstate(all="ignore"):
                diagnosis = diagnose(
                    example.network, example.x, example.y, claims, optimizer=example.optimizer,
                    optimizer_state=example.carried, sample_weight=example.sample_weight,
                )  # fmt: skip
        except ChalkgradError:
            return []
        causes: list[Cause] = []
        for cause in diagnosis.causes:
            explained = tuple(a for a in wrong if a.name in cause.explains)
            if explained:
                text = "; and ".join(self._text(s) for s in cause.slips)
                causes.append(Cause(text, explained, cause.slips[0] if len(cause.slips) == 1 else None))
        return causes
