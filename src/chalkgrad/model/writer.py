"""Writes steps: binds the formal names of an operation to the network's own, and knows every value's shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.errors import FormulaError, OptionError
from ..formula import Shape
from ..program import Owner, Role, Step, Value, formula_of
from ..program import names as spelled
from ..rules import Operation, Rule
from .lines import fresh

BATCH = "N"


@dataclass(slots=True)
class Placed:
    """One operation in its place.

    Attributes:
        operation: the operation.
        names: its formal names with the network's own; None for an absent operand.
        options: its settings.
        owner: whose steps they are.
        prefix, number: what the names of its values are made with.
    """

    operation: Operation
    names: dict[str, str | None]
    options: Mapping[str, Any]
    owner: Owner
    prefix: str | None = None
    number: int = 0


@dataclass(slots=True)
class Writer:
    """Collects a program's values and steps.

    Attributes:
        values: the values by name.
        steps: in the order in which they run.
        aliases: other names of values.
        taken: the names of both.
    """

    values: dict[str, Value] = field(default_factory=dict[str, Value])
    steps: list[Step] = field(default_factory=list[Step])
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    taken: set[str] = field(default_factory=set[str])

    def given(self, values: Iterable[Value]) -> None:
        """Enters values from outside."""
        self.values.update({value.name: value for value in values})
        self.taken.update(self.values)

    def alias(self, other: str, name: str) -> None:
        """Enters another name of the value `name`."""
        self.aliases[other] = name
        self.taken.add(other)

    def fresh(self, formal: str, placed: Placed) -> str:
        """A name for a value of the operation that no other value has."""
        return fresh(spelled.own(formal, placed.prefix, placed.number), self.taken)

    def add(
        self,
        rule: Rule,
        name: str,
        placed: Placed,
        part: str,
        role: Role,
        *,
        of: str | None = None,
        through: str | None = None,
        shape: Shape | None = None,
        owner: Owner | None = None,
        dtype: str = "float",
    ) -> None:
        """Writes the step that computes the value `name` by a rule of the operation.

        Args:
            rule: the rule.
            name: what its output is called.
            placed: the operation in its place.
            part: "forward", "loss", "backward" or "update".
            role: what the value is for.
            of: the value that it belongs to; it has its shape.
            through: of a share, the value through which it comes back.
            shape: its shape, where the rule's formula does not give it.
            owner: whose step it is, if not the operation's.
            dtype: "float", or "int" for whole numbers.

        Raises:
            OptionError: where two values would have one name.
            FormulaError: where the shapes do not fit the formula.
        """
        owner = owner or placed.owner
        if name in self.values:
            raise OptionError(f"{owner}: two values would be called {name}; name the layers differently")
        inputs, options = _arguments(rule, placed, owner)
        operands = zip(rule.operands, inputs, strict=True)
        shapes = {o: self.values[i].shape for o, i in operands if i in self.values}  # later steps of a loop are not
        begins: Shape = ()
        if any(i not in self.values for i in inputs if i is not None):
            begins = self.steps[-1].shape[:2] if self.steps else ()  # the samples and times of the loop
        if of is not None:
            shape = self.values[of].shape
        try:
            formula = formula_of(rule, inputs)
            if shape is None:
                shape = shapes[rule.operands[0]] if formula is None else formula.output_shape(shapes, options, begins)
            if shape is None:
                raise FormulaError("its shape is not known")
            if formula is not None:
                formula.sizes({**shapes, formula.output: shape}, options)
        except FormulaError as error:
            raise FormulaError(f"{owner}: {name} = {rule.name}(...): {error}") from None
        value = Value(name, shape, role, of, dtype, through)
        self.values[name] = value
        self.taken.add(name)
        self.steps.append(Step(value, rule, inputs, options, part, owner, placed.names, placed.options))


def _arguments(rule: Rule, placed: Placed, owner: Owner) -> tuple[tuple[str | None, ...], dict[str, Any]]:
    """A rule's operands by the network's names, and its settings.

    Raises:
        FormulaError: where there is no such value.
        OptionError: where there is no such setting.
    """
    for operand in rule.operands:
        if operand not in placed.names:
            there = ", ".join(placed.names)
            raise FormulaError(f"{owner}: {rule.name} takes {operand}, but the layer has only {there}")
    for option in rule.options:
        if option not in placed.options:
            there = ", ".join(placed.options)
            raise OptionError(f"{owner}: {rule.name} has the setting {option}, but the layer's options are {there}")
    inputs = tuple(placed.names[o] for o in rule.operands)
    return inputs, {option: placed.options[option] for option in rule.options}
