"""Runs a program again with some of its steps replaced, computing only what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..program import Program, Step

Array = Any
Get = Callable[[str], Array]
Replacement = Callable[[Get], Array]
NEXT = "L_next"
"""The loss after the update, on the same samples: no step of the program, but something that people print."""


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
        self.after = tuple(after)
        self.bit = {name: 1 << place for place, name in enumerate(self.steps)}
        self.above: dict[str, int] = {}
        for name, step in self.steps.items():
            bits = self.bit[name]
            for operand in step.inputs:
                bits |= self.above.get(operand or "", 0)
            self.above[name] = bits
        if self.after and all(program.updated.get(p, p) in self.base for p in program.parameters):
            self.above[NEXT] = sum(self.bit.values())  # it may follow from anything

    def run(self, changes: Mapping[str, Replacement], names: Sequence[str]) -> dict[str, Array]:
        """The wanted values where the steps named in `changes` are computed by other functions."""
        touched = sum(self.bit[name] for name in changes)
        memo: dict[str, Array] = {}

        def changed(name: str) -> bool:
            return name == NEXT or name in changes or (name in self.steps and bool(self.above[name] & touched))

        def get(name: str) -> Array:
            if name in memo:
                return memo[name]
            if not changed(name):
                return self.base[name]
            waiting = [name]
            while waiting:  # not by recursion: a program may be longer than Python's stack
                last = waiting[-1]
                operands = () if last == NEXT or last in changes else self.steps[last].inputs
                missing = next((i for i in operands if i is not None and i not in memo and changed(i)), None)
                if missing is not None:
                    waiting.append(missing)
                    continue
                if last not in memo:
                    memo[last] = result(last)
                waiting.pop()
            return memo[name]

        def result(name: str) -> Array:
            if name == NEXT:
                return self._next(get)
            return changes[name](get) if name in changes else self.steps[name].computed(get)

        with np.errstate(all="ignore"):
            return {name: get(name) for name in names}

    def _next(self, get: Get) -> Array:
        """The loss of the same samples with the updated parameters."""
        values: dict[str, Array] = {n: self.base[n] for n in self.program.given if n in self.base}
        values.update({n: self.base[n] for n in self.program.states if n in self.base})
        for name in self.program.parameters:
            new = self.program.updated.get(name)
            values[name] = get(new) if new in self.steps else self.base[name]
        for step in self.after:
            values[step.output] = step.computed(values.__getitem__)
        return values["L"]

    def upstream(self, name: str) -> list[str]:
        """The values that `name` is computed from, and itself, in order."""
        return [n for n in self.steps if self.above.get(name, 0) & self.bit[n]]
