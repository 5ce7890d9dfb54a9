"""Runs a program again with some of its steps replaced, computing only what follows from them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..base.errors import FormulaError
from ..engines.numpy.loops import TimeLoop
from ..engines.numpy.runner import Runner
from ..program import Loop, Program, Step, segments
from .slips.slip import Carried, Get, Slip

Array = Any
NEXT = "L_next"
"""The loss after the update, on the same samples: no step of the program, but something that people print."""
MISFITS = (ValueError, IndexError, TypeError, ArithmeticError, FormulaError)
"""Errors of slips that do not fit the shapes, or read what is not computed yet."""


class Rerun:
    """Values of a program under replaced steps.

    Args:
        program: the steps.
        values: what they compute, and what was given.
        after: the forward and loss steps by which the loss after the update is computed.
    """

    def __init__(self, program: Program, values: Mapping[str, Array], after: Sequence[Step] = ()) -> None:
        self.program = program
        self.base = dict(values)
        self.steps = {s.output: s for s in program if s.output in self.base}
        self.after = Runner(after) if after else None
        self.bit = {name: 1 << place for place, name in enumerate(self.steps)}
        self.above: dict[str, int] = {}
        self.loops: dict[str, tuple[Loop, TimeLoop]] = {}
        self._plans: dict[tuple[int, int], tuple[str, ...]] = {}
        for segment in segments(list(self.steps.values())):
            members = segment.steps if isinstance(segment, Loop) else (segment,)
            bits = 0
            for step in members:
                bits |= self.bit[step.output]
                for operand in step.inputs:
                    bits |= self.above.get(operand or "", 0)
            self.above.update(dict.fromkeys((s.output for s in members), bits))
            if isinstance(segment, Loop):
                self.loops.update(dict.fromkeys((s.output for s in members), (segment, TimeLoop(segment))))
        if self.after is not None and all(program.updated.get(p, p) in self.base for p in program.parameters):
            self.above[NEXT] = sum(self.bit.values())  # it may follow from anything

    def run(
        self,
        slips: Iterable[Slip],
        names: Iterable[str],
        taken: Mapping[str, Array] | None = None,
        below: Again | None = None,
    ) -> dict[str, Array]:
        """What the steps of the wanted names compute.

        Args:
            slips: the mistakes, which compute in place of their steps.
            names: the wanted names.
            taken: values that the other steps take instead of those computed.
            below: a run with mistakes to which these come.

        Raises:
            One of `MISFITS` where a slip does not fit.
        """
        again = self.again(slips, taken, below)
        with np.errstate(all="ignore"):
            return {name: again.as_read(name, again.result(name)) for name in names}

    def again(
        self, slips: Iterable[Slip], taken: Mapping[str, Array] | None = None, below: Again | None = None
    ) -> Again:
        """A run with mistakes, which computes what it is asked for, once."""
        return Again(self, [s for slip in slips for s in slip.every], taken or {}, below)

    def plan(self, name: str, touched: int) -> tuple[str, ...]:
        """The steps that are computed anew for a value where some steps compute something else, in order."""
        asked = self.above[name]
        key = (asked, touched)
        if key not in self._plans:
            self._plans[key] = tuple(n for n, bit in self.bit.items() if asked & bit and self.above[n] & touched)
        return self._plans[key]

    def on(self, values: Mapping[str, Array]) -> Rerun:
        """The same program on other values, all that this one has."""
        other = copy.copy(self)
        other.base = dict(values)
        return other

    def next(self, get: Get) -> Array:
        """The loss of the same samples with the updated parameters."""
        assert self.after is not None
        values: dict[str, Array] = {n: self.base[n] for n in self.program.given if n in self.base}
        values.update({n: self.base[n] for n in self.program.states if n in self.base})
        for name in self.program.parameters:
            new = self.program.updated.get(name)
            values[name] = get(new) if new in self.steps else self.base[name]
        return self.after.run(values)["L"]

    def follows(self, name: str, output: str) -> bool:
        """Whether a value is computed from another one, or is it."""
        return bool(self.above.get(name, 0) & self.bit.get(output, 0))

    def work(self, name: str) -> int:
        """How often the step of a value is computed: once, in a loop at every time."""
        return self.loops[name][0].times if name in self.loops else 1

    def upstream(self, name: str) -> list[str]:
        """The values that `name` is computed from, and itself, in order."""
        return [n for n in self.steps if self.above.get(name, 0) & self.bit[n]]


class Again:
    """One run with replaced steps.

    Args:
        of: the program.
        slips: the mistakes, each at one step.
        taken: values that the other steps take instead of those computed.
        below: a run to which these mistakes come; what they do not change is taken from it.
    """

    def __init__(self, of: Rerun, slips: Sequence[Slip], taken: Mapping[str, Array], below: Again | None) -> None:
        self.of, self.taken, self.below = of, taken, below
        self.changes = {s.output: s for s in slips if s.read is None}
        self.read = {s.output: s.read for s in slips if s.read is not None}
        touched = 0
        for name in (*self.changes, *taken, *self.read):
            touched |= of.bit[name]
        if below is not None:
            touched = below.touched_by(touched)
            self.changes = {**below.changes, **self.changes}
            self.read = {**below.read, **self.read}
        self.touched = touched
        self.memo: dict[str, Array] = {}
        self._open: set[str] = set()

    def touched_by(self, bits: int) -> int:
        """Steps, as bits, and of this run's mistakes those that read what comes of these steps."""
        above, bit = self.of.above, self.of.bit
        grown = True
        while grown:
            grown = False
            for name, slip in self.changes.items():
                if not above[name] & bits and any(above.get(i or "", 0) & bits for i in slip.inputs):
                    bits |= bit[name]
                    grown = True
        return bits

    def changed(self, name: str) -> bool:
        """Whether a value is computed anew."""
        return name == NEXT or bool(self.of.above.get(name, 0) & self.touched)

    def value(self, name: str) -> Array:
        """The value as the other steps take it."""
        return self.taken[name] if name in self.taken else self.as_read(name, self.result(name))

    def as_read(self, name: str, computed: Array) -> Array:
        """What is computed, but for a number of it that is misread."""
        if name not in self.read:
            return computed
        return _merged(self.read[name], computed)

    def result(self, name: str) -> Array:
        """What a step computes."""
        if name in self.memo:
            return self.memo[name]
        if not self.changed(name):
            return self.of.base[name] if self.below is None else self.below.result(name)
        if name == NEXT:
            self.memo[name] = self.of.next(self.value)
            return self.memo[name]
        for step in self._without_taken(name) if self.taken else self.of.plan(name, self.touched):
            if step not in self.memo:
                self._compute(step)
        return self.memo[name]

    def _without_taken(self, name: str) -> list[str]:
        """The steps of the plan but for those that only lead to values that are taken."""
        needed = {name}
        found: list[str] = []
        for step in reversed(self.of.plan(name, self.touched)):
            together = self.of.loops[step][0].steps if step in self.of.loops else (self.of.steps[step],)
            if any(s.output in needed for s in together):
                found.append(step)
                needed.update(i for s in together for i in s.inputs if i is not None and i not in self.taken)
        return found[::-1]

    def _compute(self, name: str) -> None:
        if name in self._open:
            raise ValueError(f"{name} is computed from itself")
        self._open.add(name)
        if name in self.of.loops:
            self.memo.update(self._over_time(*self.of.loops[name]))
        elif name in self.changes:
            self.memo[name] = self.changes[name].replacement(self.value)
        else:
            self.memo[name] = self.of.steps[name].computed(self.value)
        self._open.discard(name)

    def _over_time(self, loop: Loop, ready: TimeLoop) -> dict[str, Array]:
        """What a loop computes."""
        slips = [self.changes[s.output] for s in loop.steps if s.output in self.changes]
        further = {f.value.name: f.compute for s in slips for f in s.further}
        return ready.computed(
            lambda name: further[name](self.value) if name in further else self.value(name),
            instead={s.output: s.line for s in slips},
            taken=self._at,
            carried=carried_values(slips, self.of.base.__getitem__),
        )

    def _at(self, name: str, t: int, result: Array) -> Array:
        """What the steps of a loop take of a value at one time."""
        if name in self.taken:
            return self.taken[name][:, t]
        if name not in self.read:
            return result
        return _merged(self.read[name][:, t], result)


def _merged(read: np.ndarray[Any, Any], computed: Array) -> Array:
    """The numbers read, and those computed where none is."""
    merged: np.ndarray[Any, Any] = np.where(np.isnan(read), computed, read)
    return merged


def carried_values(slips: Sequence[Slip], right: Get) -> Get | None:
    """What the steps of a loop take of other times; None for what is computed there.

    Args:
        slips: those of the loop.
        right: the right values by name.
    """
    ways = {s.carried for s in slips}
    if Carried.NOTHING in ways:
        return lambda name: np.zeros_like(right(name))
    return right if Carried.RIGHT in ways else None
