"""One line of a program: a named value, and the rule that computes it from values named before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..formula import Formula, Shape
from ..rules.rule import Rule
from .value import Owner, Value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Step:
    """One line of the program.

    Attributes:
        value: the value that it computes.
        rule: the rule that computes it.
        inputs: the names of the rule's operands in order; None for an absent optional one.
        options: the rule's settings.
        part: "forward", "loss", "backward" or "update".
        owner: the layer that it belongs to, or the loss, a penalty, the optimizer.
        bound: every formal name of its operation with the network's own; a rule's mistakes may use more of them
            than the rule does.
        settings: every setting of its operation.
    """

    value: Value
    rule: Rule
    inputs: tuple[str | None, ...]
    options: Mapping[str, Any]
    part: str
    owner: Owner
    bound: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"], repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    @property
    def output(self) -> str:
        """The name of the value that it computes."""
        return self.value.name

    @property
    def shape(self) -> Shape:
        """The shape of the value that it computes, "N" standing for the number of samples."""
        return self.value.shape

    @property
    def formula(self) -> Formula | None:
        """The rule's formula without the terms of absent operands; None where it has none (random draws)."""
        return formula_of(self.rule, self.inputs)

    def computed(self, value: Callable[[str], Any]) -> Any:
        """The output's array, computed from the inputs' arrays, which `value` gives by name."""
        return self.rule.function(*[None if i is None else value(i) for i in self.inputs], **self.options)

    def __str__(self) -> str:
        operands = ", ".join(i for i in self.inputs if i is not None)
        return f"{self.output} = {self.rule.name}({operands})"

    def __repr__(self) -> str:
        return f"<{self.part} step {self}, {self.owner}>"


def formula_of(rule: Rule, inputs: Iterable[str | None]) -> Formula | None:
    """A rule's formula without the terms of the operands that are absent, None among `inputs`."""
    formula = rule.formula
    if formula is not None:
        for operand, name in zip(rule.operands, inputs, strict=True):
            if name is None:
                formula = formula.without(operand)
    return formula
