"""The origin of a number: its expression, and the origins of the numbers in it, back to values from outside."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from ..base.caching import cached_property
from ..formula.expression import Partial, Quantity
from ..formula.nodes import Node
from .settings import DerivationSettings


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
    """A number with its origin: a small immutable tree, whose inputs are opened when they are asked for.

    Attributes:
        address: the element, "dW1[0, 0]"; for a local derivative "∂z2[0, 0]/∂W2[0, 1]".
        head: the element or local derivative with its number.
        rule: the name of the rule that computed it; empty for a value from outside.
        formula: the rule's index formula, with the rule's own names.
        source: the formula's source in the literature.
        reason: one sentence about it, may be empty.
        part, layer: its place in the program.
        expression: the expression that it comes from; None for a value from outside or drawn at random.
        value: the value of the expression, computed from the index formula in float64.
        program: the number that the program computed by the rule's function.
        tolerance: the largest difference of the two that counts as rounding.
        input_addresses: the values in the expression that are opened in turn.
        settings: the settings of opening and printing.
        opener: a function from an input's address to its derivation.
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
    settings: DerivationSettings
    opener: Callable[[str], Self]

    @cached_property
    def inputs(self) -> tuple[Self, ...]:
        """The derivations of the values that are opened in turn."""
        return tuple(self.opener(a) for a in self.input_addresses)

    @property
    def check(self) -> Check:
        """This number beside the one that the program computed."""
        difference = abs(self.value - self.program)
        equal = self.value == self.program or (math.isnan(self.value) and math.isnan(self.program))
        return Check(self.program, 0.0 if equal else difference, equal or difference <= self.tolerance)

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
        addresses = {self.address}
        queue = deque(self.input_addresses)
        rest: list[str] = []
        while queue:
            address = queue.popleft()
            if address in addresses:
                continue
            addresses.add(address)
            if len(steps) >= self.settings.steps:
                rest.append(address)
                continue
            step = self.opener(address)
            steps.append(step)
            queue.extend(step.input_addresses)
        return tuple(steps), tuple(rest)


def tolerance_of(eps: float, *numbers: float) -> float:
    """The largest difference of two ways to compute a number that counts as rounding, by eps and the numbers."""
    return 1e4 * eps * max((abs(n) for n in numbers if math.isfinite(n)), default=0.0)


def head_address(head: Node) -> str:
    """The address that a head stands for."""
    if isinstance(head, Partial):
        return f"∂{head.of}/∂{head.by}"
    assert isinstance(head, Quantity)
    return str(head.address)
