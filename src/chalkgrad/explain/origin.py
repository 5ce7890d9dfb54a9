"""Where a number comes from: what made it, and what made that, back to what was given."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from ..formula.expression import Partial, Quantity
from ..formula.nodes import Node
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Check:
    """A number beside the one that the program computed.

    Attributes:
        program: the program's number.
        difference: between the two.
        agrees: whether they differ by rounding only.
    """

    program: float
    difference: float
    agrees: bool


@dataclass(frozen=True, eq=False)
class Origin:
    """One number and what made it: a small immutable tree, whose inputs are opened when they are looked at.

    Attributes:
        address: the element, "dW1[0, 0]"; for a local derivative "∂z2[0, 0]/∂W2[0, 1]".
        head: the element or local derivative with its number.
        rule: the name of the rule that made it; empty for what was given.
        formula: the rule's index formula, with the rule's own names.
        source: where the formula comes from.
        reason: one sentence about it, may be empty.
        part, layer: where in the program it stands.
        expression: what made it, with every index settled; None for what was given or drawn at random.
        value: what the expression comes to, computed from the index formula in float64.
        program: the number that the program computed by the rule's function.
        tolerance: how far the two may be apart, relative to the largest number in sight.
        input_addresses: the values in the expression that are opened in turn.
        settings: how it is opened and printed.
        opener: opens the address of an input.
    """

    address: str
    head: Node
    rule: str
    formula: str
    source: str
    reason: str
    part: str
    layer: str
    expression: Node | None
    value: float
    program: float
    tolerance: float
    input_addresses: tuple[str, ...]
    settings: Settings
    opener: Callable[[str], Self]

    @cached_property
    def inputs(self) -> tuple[Self, ...]:
        """What made the values that are opened in turn."""
        return tuple(self.opener(a) for a in self.input_addresses)

    @property
    def check(self) -> Check:
        """This number beside the one that the program computed."""
        difference = abs(self.value - self.program)
        both = self.value == self.program or (math.isnan(self.value) and math.isnan(self.program))
        return Check(self.program, 0.0 if both else difference, both or difference <= self.tolerance)

    @cached_property
    def steps(self) -> tuple[Self, ...]:
        """This number and its inputs, each once, level by level, as many as the settings allow."""
        return self._ordered[0]

    @property
    def unopened(self) -> tuple[str, ...]:
        """The addresses that the settings left unopened."""
        return self._ordered[1]

    @cached_property
    def _ordered(self) -> tuple[tuple[Self, ...], tuple[str, ...]]:
        steps: list[Self] = [self]
        seen = {self.address}
        waiting = deque(self.input_addresses)
        left: list[str] = []
        while waiting:
            address = waiting.popleft()
            if address in seen:
                continue
            seen.add(address)
            if len(steps) >= self.settings.steps:
                left.append(address)
                continue
            step = self.opener(address)
            steps.append(step)
            waiting.extend(step.input_addresses)
        return tuple(steps), tuple(left)


def tolerance_of(eps: float, *numbers: float) -> float:
    """How far two ways to compute a number may be apart, for a dtype's eps and the largest numbers involved."""
    return 1e4 * eps * max((abs(n) for n in numbers if math.isfinite(n)), default=0.0)


def head_address(head: Node) -> str:
    """The address that a head stands for."""
    if isinstance(head, Partial):
        return f"∂{head.of}/∂{head.by}"
    assert isinstance(head, Quantity)
    return str(head.address)
