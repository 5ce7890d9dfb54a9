"""Which numbers earn credit: those that nobody has without computing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median_low
from typing import Any

import numpy as np

from ..base.address import Address
from ..diagnosis.claims.handwritten import Answer
from ..engines.numpy.loops import computed
from ..explain.trace import Trace
from .comparing import LEAST, Comparison
from .exercise import Exercise
from .own_pass import OwnPass

Array = np.ndarray[Any, Any]
OUT_OF_REACH = 1e4
"""A number so many times as large as the largest of its value is no slip's."""
NEARLY = 0.01
"""Numbers that differ by no larger a share are one number in many blanks."""
FEW, MOSTLY = 3, 0.9
"""A number in so many blanks, and so large a share of all, is one that somebody wrote everywhere."""
DRAWS = 6
"""How often the student's wrong numbers are replaced by others, to see what follows from them."""
FACTOR = 4.0
"""How much larger or smaller they are made."""
SEED = 20260


class Manner:
    """The pass from a student's own numbers, and from others in place of the wrong ones among them.

    Args:
        trace: the right numbers.
        numbers: the student's numbers by value, NaN where there is none.
        wrong: the addresses of numbers that are not right.
    """

    def __init__(self, trace: Trace, numbers: Mapping[str, Array], wrong: Iterable[Address]) -> None:
        self.trace, self.numbers, self.wrong = trace, numbers, sorted(wrong, key=str)
        self.own = OwnPass(trace, numbers)
        self._others: list[OwnPass] | None = None
        self._scaled: list[OwnPass] | None = None

    def value(self, address: Address) -> float:
        """The value that the student's numbers lead to."""
        return _at(self.own, address)

    def with_others(self, others: Mapping[Address, float]) -> OwnPass:
        """The pass with other numbers at some addresses."""
        arrays = {n: a.copy() for n, a in self.numbers.items()}
        for address, number in others.items():
            arrays[address.name][address.place] = number
        return self.own.with_numbers(arrays)

    def reaches(self, address: Address) -> bool:
        """Whether any of the wrong numbers has to do with this one: numbers written in between may shield it."""
        if self._others is None:
            random = np.random.default_rng(SEED)
            rights = {a: float(self.trace[a.name][a.place]) or largest(self.trace, a.name) for a in self.wrong}
            self._others = [
                self.with_others({a: r * random.uniform(0.5, 1.5) for a, r in rights.items()}) for _ in range(3)
            ]
        return self._change(self._others, address) > 1e-9 * abs(self.value(address))

    def change(self, address: Address) -> float:
        """How much this number changes with the student's wrong numbers: each made larger or smaller, none of them 0
        that was, nor the other way round.
        """
        if self._scaled is None:
            random = np.random.default_rng(SEED)
            owns = {a: float(self.numbers[a.name][a.place]) for a in self.wrong}
            shares = [FACTOR ** random.uniform(-1.0, 1.0, len(owns)) for _ in range(DRAWS)]
            shares.append(np.full(len(owns), FACTOR))
            self._scaled = [
                self.with_others({a: v * s for (a, v), s in zip(owns.items(), factors.tolist(), strict=True)})
                for factors in shares
            ]
        return self._change(self._scaled, address)

    def _change(self, passes: Iterable[OwnPass], address: Address) -> float:
        value = self.value(address)
        with np.errstate(all="ignore"):
            apart = [abs(_at(p, address) - value) for p in passes]
        return max((a for a in apart if np.isfinite(a)), default=0.0)


class CreditCheck:
    """Looks at numbers that are right from the student's own, for what they say.

    Args:
        sheet: the worksheet.
        answers: all that was written down.
        verdicts: what came of each so far.
        comparing: when numbers count as the same.
    """

    def __init__(
        self,
        sheet: Exercise,
        answers: Mapping[Address, Answer],
        verdicts: Mapping[Address, str],
        comparing: Comparison,
    ) -> None:
        self.sheet, self.answers, self.comparing = sheet, answers, comparing
        self.wrong = [a for a, verdict in verdicts.items() if verdict == "wrong"]
        trace = sheet.trace
        self.steps = {s.output: s for s in trace.program}
        self.far = {
            a: float(trace[a.name][a.place])
            for a, verdict in verdicts.items()
            if verdict != "right" and abs(answers[a].value) > OUT_OF_REACH * largest(trace, a.name)
        }

    def doubts(self, following: Mapping[Address, list[Manner]]) -> dict[Address, str]:
        """The numbers that say nothing, with the reason, which continues "wrong: "."""
        doubts: dict[Address, str] = {}
        for address, manners in following.items():
            reasons = [self._doubt(address, m) for m in manners]
            if all(reasons):
                doubts[address] = reasons[0]
        return doubts

    def same_everywhere(self, right: Sequence[Address]) -> dict[Address, str]:
        """Right numbers of a sheet that says one number nearly everywhere, and is wrong with it in most places."""
        if not right:
            return {}
        usual = median_low(answer.value for answer in self.answers.values())
        same = [a for a, answer in self.answers.items() if abs(answer.value - usual) <= NEARLY * abs(usual)]
        by_chance = [a for a in right if a in same]
        if len(same) < FEW or len(same) < MOSTLY * len(self.answers) or 2 * len(by_chance) >= len(same):
            return {}
        if not self._differ(same):
            return {}
        return dict.fromkeys(by_chance, f"the same number stands in {len(same)} blanks, so that it says nothing")

    def _doubt(self, address: Address, manner: Manner) -> str:
        value = manner.value(address)
        room = self.comparing.room(address, value)
        if abs(value) <= LEAST or (
            manner.change(address) <= room and not self._worked_out(address, value, room, manner)
        ):
            return "it follows from own numbers that leave nothing to compute"
        if self._copied(address, value, manner):
            return "it follows from a 1, by which a given number stays as it is"
        if self.far:
            corrections = {a: right for a, right in self.far.items() if a.name in manner.numbers}
            if abs(_at(manner.with_others(corrections), address) - value) > room:
                return "it follows from a number that is out of any slip's reach"
        count = self._everywhere(address)
        return f"the same number stands in {count} blanks, so that it follows says nothing" if count else ""

    def _worked_out(self, address: Address, value: float, room: float, manner: Manner) -> bool:
        """Whether a number that wrong ones leave as it is comes of the others: of a sum with a wrong 0 in it, the rest.

        It does not where it is one of the step's operands as it stands, or the same whatever these are.
        """
        if abs(value) <= LEAST:
            return False
        step = self.steps[address.name]
        operands = [None if i is None else manner.own.value(i) for i in step.inputs]
        if any(bool((np.abs(np.abs(o) - abs(value)) <= room).any()) for o in operands if o is not None):
            return False
        random = np.random.default_rng(SEED)

        def shifted(operand: Array | None) -> Array | None:
            if operand is None or operand.dtype.kind != "f":
                return operand
            shape: tuple[int, ...] = operand.shape
            return random.uniform(0.5, 1.5, shape) * operand

        with np.errstate(all="ignore"):
            variants = [computed(step.rule, [*map(shifted, operands)], step.options) for _ in range(3)]
        apart = [abs(float(np.asarray(variant)[address.place]) - value) for variant in variants]
        return all(np.isfinite(apart)) and max(apart) > room

    def _copied(self, address: Address, value: float, manner: Manner) -> bool:
        """Whether a wrong 1 or -1 makes the number a copy of a given one that the step takes."""
        inputs = [i for i in self.steps[address.name].inputs if i is not None]
        if not any(a.name in inputs and abs(manner.numbers[a.name][a.place]) == 1 for a in manner.wrong):
            return False
        constants = [np.abs(self.sheet.trace[i]).ravel() for i in inputs if i not in self.steps]
        return any(bool((np.abs(sizes - abs(value)) <= 1e-9 * abs(value)).any()) for sizes in constants)

    def _everywhere(self, address: Address) -> int:
        """In how many blanks the number stands, where it is one that was written down whatever is asked."""
        number = self.answers[address].value
        same = [a for a, answer in self.answers.items() if abs(answer.value - number) <= NEARLY * abs(number)]
        if len({a.name for a in same if a in self.wrong}) > 1:
            return len(same)
        return len(same) if self._differ(same) and 2 * len(same) > len(self.answers) else 0

    def _differ(self, addresses: Iterable[Address]) -> bool:
        """Whether the right numbers are not all the same."""
        rights = [float(self.sheet.trace[a.name][a.place]) for a in addresses]
        return max(rights) - min(rights) > NEARLY * max(map(abs, rights))


def largest(trace: Trace, name: str) -> float:
    """The size of a value's largest number, of a value that is all 0 of the largest of all."""
    size = float(np.abs(trace[name]).max(initial=0.0))
    return size or max((float(np.abs(trace[s.output]).max(initial=0.0)) for s in trace.program), default=1.0)


def _at(own_pass: OwnPass, address: Address) -> float:
    return float(own_pass.result(address.name)[address.place])
