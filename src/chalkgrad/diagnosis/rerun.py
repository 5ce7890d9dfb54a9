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
from .slip import Carried, Get, Slip

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
        self, slips: Iterable[Slip], names: Iterable[str], taken: Mapping[str, Array] | None = None
    ) -> dict[str, Array]:
        """What the steps of the wanted names compute.

        Args:
            slips: the mistakes, which compute in place of their steps.
            names: the wanted names.
            taken: values that the other steps take instead of those computed.

        Raises:
            One of `MISFITS` where a slip does not fit.
        """
        every = [s for slip in slips for s in slip.every]
        read = {s.output: s.read for s in every if s.read is not None}
        again = _Again(self, {s.output: s for s in every if s.read is None}, taken or {}, read)
        with np.errstate(all="ignore"):
            return {name: again.as_read(name, again.result(name)) for name in names}

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


class _Again:
    """One run with replaced steps."""

    def __init__(
        self, of: Rerun, changes: Mapping[str, Slip], taken: Mapping[str, Array], read: Mapping[str, Array]
    ) -> None:
        self.of, self.changes, self.taken, self.read = of, changes, taken, read
        self.touched = sum(of.bit[name] for name in {*changes, *taken, *read})
        self.memo: dict[str, Array] = {}

    def changed(self, name: str) -> bool:
        """Whether a value is computed anew."""
        return name == NEXT or (name in self.of.steps and bool(self.of.above[name] & self.touched))

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
            return self.of.base[name]
        waiting = [name]
        while waiting:  # not by recursion: a program may be longer than Python's stack
            last = waiting[-1]
            missing = next((i for i in self._asked(last) if i not in self.memo and self.changed(i)), None)
            if missing is not None:
                waiting.append(missing)
                continue
            if last not in self.memo:
                self._compute(last)
            waiting.pop()
        return self.memo[name]

    def _asked(self, name: str) -> list[str]:
        """The values that a step, or its loop, asks for and that are computed; a slip asks for what it likes."""
        if name == NEXT or (name in self.changes and name not in self.of.loops):
            return []
        found = self.of.loops.get(name)
        steps = found[0].steps if found is not None else (self.of.steps[name],)
        inside = {s.output for s in steps} if found is not None else set[str]()
        operands = [i for s in steps for i in s.inputs]
        return [i for i in operands if i is not None and i not in inside and i not in self.taken]

    def _compute(self, name: str) -> None:
        if name == NEXT:
            self.memo[name] = self.of.next(self.value)
        elif name in self.of.loops:
            self.memo.update(self._over_time(*self.of.loops[name]))
        elif name in self.changes:
            self.memo[name] = self.changes[name].replacement(self.value)
        else:
            self.memo[name] = self.of.steps[name].computed(self.value)

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
