"""What a rule is: a pure function on arrays, its index formula, and its usual mistakes.

A file of rules holds one operation: the forward rules, the backward rules, the mistakes that people make
with them, and an `Operation` that puts them in order. Inside such a file the values have formal names
(`x`, `W`, `z`, and `dx`, `dW`, `dz` for their derivatives of the loss); a network binds them to its own
(`a1`, `W2`, `z2`, ...).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..errors import FormulaError
from ..formula import Formula

Array: TypeAlias = Any
"""An array of any library that follows the Array API: NumPy, PyTorch, CuPy, JAX."""


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """A usual wrong version of a rule.

    Attributes:
        rule: the rule that it gets wrong.
        text: what was done wrong, as one sentence.
        function: the wrong version; its parameters are formal names of the operation.
        formula: the wrong line of mathematics.
    """

    rule: Rule
    text: str
    function: Callable[..., Array]
    formula: Formula

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    @property
    def operands(self) -> tuple[str, ...]:
        """The formal names of the arrays it takes."""
        return _parameters(self.function)[0]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule: computes one named value from values named before it.

    Attributes:
        function: the rule on whole arrays.
        formula: the same for one element; None where it is no formula (drawing random numbers).
        output: the formal name of what it computes.
        operands: the formal names of the arrays it takes.
        optional: those of them that may be absent (a bias); an absent one takes its term with it.
        options: the names of its keyword-only settings (a stride).
        source: where the formula comes from.
        shape_of: the operand that only lends its shape, if there is one.
        kinks: given the operands, the side of each kink that every element is on (the sign for a ReLU,
            the winner for a max-pool); None for a smooth rule.
        mistakes: its usual mistakes.
    """

    function: Callable[..., Array]
    formula: Formula | None
    output: str
    operands: tuple[str, ...]
    optional: tuple[str, ...]
    options: tuple[str, ...]
    source: str
    shape_of: str | None = None
    kinks: Callable[..., Array] | None = None
    mistakes: list[Mistake] = field(default_factory=list[Mistake])

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    def __call__(self, *arrays: Array, **options: Any) -> Array:
        return self.function(*arrays, **options)

    def __repr__(self) -> str:
        return f"<rule {self.name}: {self.formula.text if self.formula else self.output}>"


def _parameters(function: Callable[..., Any]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    operands: list[str] = []
    optional: list[str] = []
    options: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            options.append(parameter.name)
        else:
            operands.append(parameter.name)
            if parameter.default is None:
                optional.append(parameter.name)
    return tuple(operands), tuple(optional), tuple(options)


def _agrees(formula: Formula, function: Callable[..., Any], shape_of: str | None) -> None:
    operands, _, options = _parameters(function)
    used = formula.arrays | formula.symbols
    stated = set(operands) - {shape_of}
    if missing := stated - used:
        raise FormulaError(f"{function.__name__} takes {sorted(missing)}, not in {formula.text!r}")
    if extra := used - set(operands) - set(options):
        raise FormulaError(f"{formula.text!r} uses {sorted(extra)}, not in {function.__name__}")


def rule(
    formula: str | None = None,
    *,
    output: str | None = None,
    shape_of: str | None = None,
    source: str = "",
    kinks: Callable[..., Array] | None = None,
) -> Callable[[Callable[..., Array]], Rule]:
    """Makes a function a rule.

    Args:
        formula: the index formula (see `chalkgrad.formula`); its names must be the function's parameters.
        output: the formal name of the output, where there is no formula.
        shape_of: an operand that only lends its shape, and so is not in the formula.
        source: where the formula comes from.
        kinks: see `Rule`.

    Raises:
        FormulaError: where formula and function do not use the same names.
    """

    def make(function: Callable[..., Array]) -> Rule:
        parsed = Formula(formula) if formula is not None else None
        if parsed is not None:
            _agrees(parsed, function, shape_of)
        name = parsed.output if parsed is not None else output
        if name is None:
            raise FormulaError(f"{function.__name__} needs a formula or an output name")
        operands, optional, options = _parameters(function)
        return Rule(function, parsed, name, operands, optional, options, source, shape_of, kinks)

    return make


def mistake(of: Rule, formula: str, text: str) -> Callable[[Callable[..., Array]], Mistake]:
    """Registers a function as a usual mistake of the rule `of`.

    Args:
        of: the rule.
        formula: the wrong line of mathematics that the function computes.
        text: what was done wrong, one sentence without a full stop.
    """

    def make(function: Callable[..., Array]) -> Mistake:
        parsed = Formula(formula)
        _agrees(parsed, function, of.shape_of)
        made = Mistake(of, text, function, parsed)
        of.mistakes.append(made)
        return made

    return make


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """The rules of one operation in the order in which they run.

    Attributes:
        name: the operation's name, as in a sentence.
        forward: the forward rules in order; the last one computes `output`.
        backward: the backward rules in order.
        input: the formal name of what comes in.
        output: the formal name of what goes out.
        update: rules that carry a state on to the next step (running averages).
    """

    name: str
    forward: tuple[Rule, ...]
    backward: tuple[Rule, ...]
    input: str
    output: str
    update: tuple[Rule, ...] = ()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in order."""
        return (*self.forward, *self.backward, *self.update)
