"""Rules: a rule is a pure function on arrays with its index formula and its usual mistakes.

A file of rules holds one operation: the forward rules, the backward rules, the mistakes that people make
with them, and an `Operation` that puts them in order. Inside such a file the values have formal names
(`x`, `W`, `z`, and `dx`, `dW`, `dz` for their derivatives of the loss); a network binds them to its own
(`a1`, `W2`, `z2`, ...).
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, TypeAlias, cast, overload

from ..base.caching import cached_property
from ..base.errors import FormulaError, OptionError, nearest
from ..calculus.array_code import function_text
from ..calculus.array_function import array_function
from ..calculus.derivation import Derivation, derivation
from ..calculus.local import kink_sides
from ..formula import Formula

Array: TypeAlias = Any
"""An array of any library that follows the Array API: NumPy, PyTorch, CuPy, JAX."""


class Stated:
    """A function on arrays and the index formula that states the same for one element.

    Attributes:
        function: the function; its parameters are formal names, keyword-only ones are settings.
        output: the formal name of the value that it computes.
        operands: the formal names of the arrays it takes.
        optional: those of them that may be absent (a bias); an absent one takes its term with it.
        options: the names of its settings (a stride).
        shape_of: the operand that only lends its shape, if there is one.
    """

    def __init__(
        self, function: Callable[..., Array], formula: str | None, output: str | None, shape_of: str | None
    ) -> None:
        self.function = function
        self._text = formula
        left = re.match(r"[A-Za-z_]\w*", formula or output or "")
        if left is None:
            raise FormulaError(f"{function.__name__} needs a formula or an output name")
        self.output = left.group()
        self.shape_of = shape_of
        self.operands, self.optional, self.options = _parameters(function)

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    @property
    def reason(self) -> str:
        """The text of the rule's docstring after its first colon: why it is so. Empty where there is none."""
        _, _, reason = " ".join((self.function.__doc__ or "").split()).partition(": ")
        return reason.rstrip(".")

    @cached_property
    def formula(self) -> Formula | None:
        """The formula, parsed on first use; None where the rule draws random numbers.

        Raises:
            FormulaError: where it cannot be read, or formula and function do not use the same names.
        """
        if self._text is None:
            return None
        formula = Formula(self._text, self.options)
        names = formula.arrays | formula.symbols
        if missing := set(self.operands) - {self.shape_of} - names:
            raise FormulaError(f"{self.name} takes {sorted(missing)}, not in {formula.text!r}")
        if extra := names - set(self.operands) - set(self.options):
            raise FormulaError(f"{formula.text!r} uses {sorted(extra)}, not in {self.name}")
        return formula

    def __call__(self, *arrays: Array, **options: Any) -> Array:
        return self.function(*arrays, **options)

    def __deepcopy__(self, memo: object) -> Self:
        return self  # it is not changed

    def __reduce__(self) -> tuple[Any, ...]:
        return _attribute, (self.function.__module__, self.name)  # where it was defined it is found again

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.name}: {self._text or self.output}>"


class Version(StrEnum):
    """The version of a value that a mistake takes."""

    OWN = "of this pass"
    UPDATED = "after the update"
    BEFORE = "of an earlier pass"
    UNBIASED = "without its bias"


ENDINGS = {"_new": Version.UPDATED, "_before": Version.BEFORE, "_unbiased": Version.UNBIASED}
"""The endings of the names of other versions of W in a mistake's function: W_new, W_before, W_unbiased."""


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand of a mistake: a value by its formal name, in one of its versions."""

    formal: str
    version: Version


class Mistake(Stated):
    """A usual wrong version of a rule; its operands are formal names of the operation.

    It may have three more kinds of operands: `W_new` is W after the update, `W_before` W in an earlier pass (and so for
    every name), `z_unbiased` the pre-activation without its bias.

    Attributes:
        rule: the rule that it gets wrong.
        text: what was done wrong, as one sentence.
        varies: settings of its own, each with the index over whose values it can be made: {"k": "o"}.
        takes: the value that each operand is, in the operands' order.
    """

    def __init__(
        self, rule: Rule, formula: str, text: str, function: Callable[..., Array], varies: Mapping[str, str]
    ) -> None:
        super().__init__(function, formula, None, rule.shape_of)
        self.rule = rule
        self.text = text
        self.varies = varies
        self.reread()

    def reread(self) -> None:
        """Finds anew what its operands stand for."""
        self.takes = tuple(_operand(name, self.rule) for name in self.operands)


@dataclass(eq=False, kw_only=True)
class Facts:
    """The facts about a rule that its formula does not say, as the keywords of `rule`.

    Attributes:
        title: its step's name in drawings, where that is not the layer's.
        weighted: it is a weighted sum; its operands are the input, the weights and, if any, the bias.
        product: it is one product of two matrices, which the matrix library computes; in its formula i counts what
            comes in and o what goes out.
        convolves: it slides kernels over images, or is the derivative of that by either.
        reshapes: it gives the numbers of its first operand in another shape.
        helper: it gives copies, or help values that nobody who works by hand writes down.
        exact: it rounds nothing: what it gives are zeros and numbers that it takes.
        choosing: it multiplies what comes back by what a comparison chooses, and adds nothing up.
        off_below: the value of its first operand below which it gives 0 and lets nothing back; None for no such value.
        saturates: it is flat where its first operand is far from 0.
        probabilities: it gives rows of probabilities.
        ties: it gives the largest value of every window; two that are nearly equal are a tie.
        stepwise: its function computes one time of a loop over time, of what its formula reads at that time.
        form: another formula that people write for the same value, in the operation's names: mistakes are made from
            it too.
    """

    title: str | None = None
    weighted: bool = False
    product: bool = False
    convolves: bool = False
    reshapes: bool = False
    helper: bool = False
    exact: bool = False
    choosing: bool = False
    off_below: float | None = None
    saturates: bool = False
    probabilities: bool = False
    ties: bool = False
    stepwise: bool = False
    form: str = ""


class Rule(Stated, Facts):
    """One rule, which computes one named value from values named before it.

    Attributes:
        source: the formula's source in the literature.
        kinks: a function of the operands: the side of each kink that every element is on (the sign for a ReLU,
            the winner for a max-pool); None for a smooth rule.
        kinks_at: the values of its first operand at which it has its kinks, where they are the same everywhere.
    """

    def __init__(
        self,
        function: Callable[..., Array],
        formula: str | None,
        output: str | None,
        shape_of: str | None,
        source: str,
        **facts: Any,
    ) -> None:
        Stated.__init__(self, function, formula, output, shape_of)
        Facts.__init__(self, **facts)
        self.source = source
        self.kinks: Callable[..., Array] | None = None
        self.kinks_at: tuple[float, ...] = ()

    @cached_property
    def mistakes(self) -> list[Mistake]:
        """Its usual mistakes; those of a rule made from another one are made when they are first looked at."""
        return []

    @property
    def random(self) -> bool:
        """Whether it draws random numbers: only such rules have no formula."""
        return self._text is None

    def derivation(self) -> Derivation:
        """How the backward lines follow from the formula, move by move: printed as text, Markdown, LaTeX or HTML.

        Raises:
            FormulaError: where it has no formula, or there is no derivative of something in it.
        """
        return derivation([_stated(self)], self.operands)

    def backward(self) -> tuple[Rule, ...]:
        """The backward rules that follow from the formula, one for each operand to which anything comes back.

        Raises:
            FormulaError: where it has no formula, or there is no derivative of something in it.
        """
        return backward_rules([self])


def backward_rules(forward: Sequence[Rule], operands: Sequence[str] | None = None) -> tuple[Rule, ...]:
    """The backward rules that follow from forward rules, in the order in which they run; their functions are printed
    from their formulas.

    Args:
        forward: the forward rules in order.
        operands: the values by which the loss is derived; all that the rules take and do not compute, if not given.

    Raises:
        FormulaError: where a rule has no formula, or there is no derivative of something in it.
    """
    outputs = {rule.output for rule in forward}
    if operands is None:
        taken = dict.fromkeys(o for rule in forward for o in rule.operands)
        operands = [o for o in taken if o not in outputs]
    lines = [_stated(rule) for rule in forward]
    settings = {option for line in lines for option in line.options}
    module, last = forward[-1].function.__module__, forward[-1].name
    return tuple(
        from_formula(d.text, f"{last}_d{d.of}", module, settings=settings, like=d.of)
        for d in derivation(lines, operands).derivatives
    )


def from_formula(
    text: str,
    name: str,
    module: str,
    *,
    source: str = "",
    settings: Collection[str] | None = None,
    like: str | None = None,
) -> Rule:
    """A rule whose function is printed from its formula.

    Args:
        text: the formula.
        name: the function's name.
        module: the module in which it can be found by this name.
        source: the formula's source in the literature.
        settings: the names that are settings; all names without brackets, if not given.
        like: the value that lends the output its shape where the formula does not give it.

    Raises:
        FormulaError: where the formula cannot be read, or has no form on whole arrays.
    """
    formula = Formula(text)
    known = formula.symbols if settings is None else set(settings)
    formula = Formula(text, known & (formula.symbols | formula.indices))
    names = sorted(formula.arrays | (formula.symbols - formula.options), key=lambda n: (text.index(n), n))
    operands = list(names)
    shape_of = None
    try:
        if not formula.gives_shape:
            raise FormulaError("the formula does not give the shape")
        function_text(formula, name, operands)
    except FormulaError:
        if like is None:
            raise
        shape_of = like if like not in operands else None
        operands = operands if like in operands else [*operands, like]
    else:
        like = None
    function = array_function(formula, name, operands, like)
    function.__module__ = module
    function.__qualname__ = name
    rule = Printed(function, text, None, shape_of, source)
    rule.kinks = _kinks(formula, operands, name)
    rule.made_from = (text, name, module, source, tuple(sorted(known)), like)
    return rule


class Printed(Rule):
    """A rule whose function is printed from its formula.

    Attributes:
        made_from: what `from_formula` made it from.
    """

    made_from: tuple[str, str, str, str, tuple[str, ...], str | None]

    def __reduce__(self) -> tuple[Any, ...]:
        return _printed, self.made_from


def _printed(text: str, name: str, module: str, source: str, settings: tuple[str, ...], like: str | None) -> Rule:
    return from_formula(text, name, module, source=source, settings=settings, like=like)


def _kinks(formula: Formula, operands: Sequence[str], name: str) -> Callable[..., Array] | None:
    """The side of each of its kinks that every element is on, as a number; None for a smooth formula."""
    sides = kink_sides(formula)
    if sides is None:
        return None
    names = sides.arrays | sides.symbols - sides.options
    taken = [o for o in operands if o in names]
    function = array_function(sides, f"{name}_sides", taken)
    settings = [o for o in sides.options if o in sides.symbols]

    def found(*arrays: Array, **options: Any) -> Array:
        given = dict(zip(operands, arrays, strict=True))
        return function(*(given[o] for o in taken), **{o: options[o] for o in settings})

    return found


def _stated(rule: Rule) -> Formula:
    if rule.formula is None:
        raise FormulaError(f"{rule.name} has no formula, so nothing can be derived from it")
    return rule.formula


def _operand(name: str, rule: Rule) -> Operand:
    """The value that a mistake's operand stands for; the rule's own operands keep their names."""
    ending = next((e for e in ENDINGS if name.endswith(e)), "")
    if not ending or name in rule.operands:
        return Operand(name, Version.OWN)
    return Operand(name.removesuffix(ending), ENDINGS[ending])


def _attribute(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


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


@overload
def rule(formula: str, *, name: str, source: str = "", **facts: Any) -> Rule: ...
@overload
def rule(
    formula: str | None = None,
    *,
    output: str | None = None,
    shape_of: str | None = None,
    source: str = "",
    **facts: Any,
) -> Callable[[Callable[..., Array]], Rule]: ...


def rule(
    formula: str | None = None,
    *,
    name: str | None = None,
    output: str | None = None,
    shape_of: str | None = None,
    source: str = "",
    **facts: Any,
) -> Any:
    """A decorator that makes a function a rule; with a name the rule itself, its function printed from the formula.

    Args:
        formula: the index formula (see `chalkgrad.formula`); its names must be the function's parameters.
        name: the name of a rule without a function of its own; the variable that holds it has the same name. Names
            without brackets are settings.
        output: the formal name of the output, where there is no formula.
        shape_of: an operand that only lends its shape, and so is not in the formula.
        source: the formula's source in the literature.
        facts: further facts about the rule, see `Facts`.

    Raises:
        TypeError: where a fact has an unknown name.
        FormulaError: where a formula with a name cannot be read, or has no form on whole arrays.
    """
    for word in facts:
        if word not in Facts.__dataclass_fields__:
            raise TypeError(f"a rule has no {word}; {nearest(word, Facts.__dataclass_fields__)}")
    if name is None:

        def made(function: Callable[..., Array]) -> Rule:
            return Rule(function, formula, output, shape_of, source, **facts)

        return made
    if formula is None:
        raise FormulaError(f"the rule {name} has no function, so it needs a formula")
    caller = sys._getframe(1).f_globals  # pyright: ignore[reportPrivateUsage] - as namedtuple does
    module = str(caller.get("__name__", "__main__"))
    printed = from_formula(formula, name, module, source=source)
    for word, value in facts.items():
        setattr(printed, word, value)
    return printed


def kinks(of: Rule, *, at: tuple[float, ...] = ()) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """A decorator for a function with the operands and settings of the rule `of` that gives, for every element, the
    side of the rule's kinks that it is on (the sign for a ReLU, the winner for a max-pool).

    Args:
        of: the rule.
        at: the values of its first operand at which the kinks are, where they are the same everywhere.
    """

    def make(function: Callable[..., Array]) -> Callable[..., Array]:
        of.kinks, of.kinks_at = function, at
        return function

    return make


def mistake(
    of: Rule, formula: str, text: str, *, varies: Mapping[str, str] | None = None
) -> Callable[[Callable[..., Array]], Mistake]:
    """A decorator that registers a function as a usual mistake of the rule `of`.

    Args:
        of: the rule.
        formula: the wrong line of mathematics that the function computes.
        text: what was done wrong, one sentence without a full stop; {W} stands for the network's name of W, {k} for
            the setting k.
        varies: settings of its own, each with the index over whose values it can be made: {"k": "o"}.
    """

    def make(function: Callable[..., Array]) -> Mistake:
        wrong = Mistake(of, formula, text, function, varies or {})
        key = (function.__module__, function.__name__)  # a notebook's cell that is run once more
        of.mistakes[:] = [m for m in of.mistakes if (m.function.__module__, m.name) != key]
        of.mistakes.append(wrong)
        return wrong

    return make


@dataclass(frozen=True, eq=False)
class Operation:
    """The rules of one operation in the order in which they run.

    Attributes:
        name: the operation's name, as in a sentence.
        forward: the forward rules in order; the last one computes `output`.
        backward: the backward rules in order. `dx` is the derivative of the loss by x, where x is a name of the
            operation; the others are help values.
        input: the formal name of the input.
        output: the formal name of the output.
        update: rules that move a state on to the next step (running averages): `mu_new` is mu after it.
        others: the formal names of further inputs.

    Raises:
        OptionError: where forward, backward or update is no tuple of rules.
    """

    name: str
    forward: tuple[Rule, ...]
    backward: tuple[Rule, ...]
    input: str
    output: str
    update: tuple[Rule, ...] = ()
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in ("forward", "backward", "update"):
            rules = getattr(self, part)
            if not isinstance(rules, tuple) or not all(isinstance(r, Rule) for r in cast("tuple[Any, ...]", rules)):
                raise OptionError(f"operation {self.name}: {part} is a tuple of rules, ({part}_rule,), not {rules!r}")

    @classmethod
    def of_rules(cls, name: str, forward: Sequence[Rule], input: str | None = None) -> Self:
        """The operation of forward rules, with the backward rules that follow from them.

        Args:
            name: the operation's name.
            forward: the rules in order.
            input: the formal name of the input; the first value that they take, if not given.

        Raises:
            OptionError: where there is no rule.
            FormulaError: where a rule has no formula, or there is no derivative of something in it.
        """
        if not forward:
            raise OptionError(f"operation {name}: it needs a forward rule")
        taken = dict.fromkeys(o for rule in forward for o in rule.operands)
        outputs = {rule.output for rule in forward}
        inputs = [o for o in taken if o not in outputs]
        first = input or (inputs[0] if inputs else "")
        others = tuple(o for o in inputs if o != first)
        return cls(name, tuple(forward), backward_rules(forward), first, forward[-1].output, others=others)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in order."""
        return (*self.forward, *self.backward, *self.update)

    @cached_property
    def names(self) -> frozenset[str]:
        """The formal names of the values of the forward pass."""
        rules = self.forward
        return frozenset((self.input, *self.others, *(n for r in rules for n in (*r.operands, r.output))))

    def derivative(self, rule: Rule) -> str | None:
        """The formal name of the value by which a backward rule derives the loss; None for a help value."""
        of = rule.output.removeprefix("d")
        return of if of != rule.output and of in self.names else None

    def state(self, rule: Rule) -> str:
        """The formal name of the value that an update rule moves on: a state, a parameter, an optimizer's array."""
        return rule.output.removesuffix("_new")

    @property
    def kept(self) -> tuple[str, ...]:
        """The formal names of an optimizer's own arrays."""
        return tuple(self.state(rule) for rule in self.forward if rule.output != self.output)
