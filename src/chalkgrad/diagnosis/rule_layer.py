"""A layer of a rule with given operands: the first is its input, the others are its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from ..base.errors import DataError, FormulaError, OptionError
from ..calculus.names import derivative_name
from ..describe.initializers import initializer
from ..describe.layers import Layer
from ..describe.layers.layer import Parameter, SampleShape
from ..formula import Formula
from ..formula.nodes import Element
from ..rules import Operation
from ..rules.rule import Rule, backward_rules, from_formula

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class OfRule(Layer):
    """Base of the layers that are made here."""

    made_of: ClassVar[Operation]
    weights: ClassVar[Mapping[str, tuple[int, ...]]]
    settings: ClassVar[Mapping[str, Any]]
    output: ClassVar[tuple[int, ...]]

    def output_shape(self, shape: SampleShape) -> SampleShape:
        return self.output

    def operation(self, training: bool) -> Operation:
        return self.made_of

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return dict(self.settings)

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        return {n: Parameter(size, initializer("zeros"), 1, 1, False) for n, size in self.weights.items()}


def operands_of(rules: Sequence[Rule]) -> list[str]:
    """What forward rules take and do not give, in order."""
    given = {rule.output for rule in rules}
    return [o for o in dict.fromkeys(o for rule in rules for o in rule.operands) if o not in given]


def rules_of(like: Any) -> tuple[Rule, ...]:
    """The forward rules of a rule, an operation, a formula, or a list of rules and formulas.

    Raises:
        OptionError: where it is none of these.
        FormulaError: where a formula cannot be read.
    """
    if isinstance(like, Operation):
        return like.forward
    entries = cast("Sequence[Any]", like) if isinstance(like, (list, tuple)) else [like]
    found: list[Rule] = []
    for place, entry in enumerate(entries):
        if isinstance(entry, str):
            entry = from_formula(entry, f"line{place + 1}", __name__)
        if not isinstance(entry, Rule):
            raise OptionError(f"like= is a network, a layer, a rule, or forward formulas, not {type(entry).__name__}")
        found.append(entry)
    if not found:
        raise OptionError("like= is an empty list; it names what the operation should be")
    return tuple(found)


def layer_of_rule(like: Any, operands: Mapping[str, Array], settings: Mapping[str, Any]) -> Layer:
    """The layer that forward rules make.

    Args:
        like: the rules, see `rules_of`.
        operands: their operands; the first has a row for each sample.
        settings: the values of the rules' settings.

    Raises:
        DataError: where operands or settings do not fit.
        FormulaError: where the backward rules cannot be derived.
    """
    rules = rules_of(like)
    wanted = {option for rule in rules for option in rule.options}
    if wanted != set(settings):
        raise DataError(f"the rule has the settings {sorted(wanted) or 'none'}; given are {sorted(settings) or 'none'}")
    first, *others = operands
    backward = like.backward if isinstance(like, Operation) else backward_rules(rules, list(operands))
    if not any(rule.output == derivative_name(first) for rule in backward):
        raise FormulaError(f"nothing comes back to {first}, the first operand")
    samples = _samples(rules, first)
    for name in others:
        if _samples(rules, name) == samples:
            raise DataError(f"{name} has a row for each sample too, as {first}; give a network of two inputs as like=")
    operation = Operation(rules[-1].name, rules, tuple(backward), input=first, output=rules[-1].output)
    values: dict[str, Array] = dict(operands)
    for rule in rules:
        values[rule.output] = np.asarray(
            rule(*(values[o] for o in rule.operands), **{o: settings[o] for o in rule.options})
        )
    body = {
        "__module__": __name__,
        "made_of": operation,
        "weights": {name: operands[name].shape for name in others},
        "settings": dict(settings),
        "output": values[rules[-1].output].shape[1:],
    }
    return type("".join(part.title() for part in rules[-1].name.split("_")), (OfRule,), body)()


def _samples(rules: Sequence[Rule], name: str) -> object:
    """The first index of a value where a rule reads it."""
    for rule in rules:
        formula: Formula | None = rule.formula
        for element in formula.elements if formula is not None else ():
            if isinstance(element, Element) and element.name == name:  # pyright: ignore[reportUnnecessaryIsInstance]
                return element.indices[0]
    return None
