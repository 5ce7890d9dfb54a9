"""Tests for operations of your own, the same that chalkgrad's own have to pass.

`check_operation` computes every rule three ways: by its function on arrays, by its index formula element by element,
and, for backward rules, by central differences of the forward rules. The usual mistakes are the mutants: each must be
what its formula says, and must differ from its rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .base.address import Address
from .base.checks import said
from .base.errors import OptionError
from .engines.numpy.loops import computed
from .engines.numpy.runner import Runner
from .model.backward import write_backward
from .model.lines import Layout
from .model.writer import Placed, Writer
from .program import Owner, Role, Step, Value
from .rules import Array, Mistake, Operation, Rule
from .rules.rule import rule as as_rule

EXACT = 1e-10
"""How far function and formula may lie apart, relatively."""
NEAR = 1e-6
"""How far a derivative may lie from central differences: relatively, and as a share of the largest."""
STEP = 1e-6
"""How far central differences go to both sides."""


@as_rule("end[...] = v[...]", exact=True)
def _end(v: Array) -> Array:
    """The value (any shape) of which the loss is made, where it is used inside its operation too."""
    return v * 1


@as_rule("dv[...] = dend[...]", exact=True)
def _end_dv(dend: Array) -> Array:
    """dv of dend, any shape."""
    return dend * 1


_END = Operation("end", (_end,), (_end_dv,), input="v", output="end")


@dataclass
class Case:
    """An operation with operands and settings, ready to run.

    Attributes:
        operation: the operation.
        operands: the arrays by their formal names; None for an optional one that is absent.
        options: the settings of its rules.
        seed: for what is drawn: the derivatives that come back, and values of other moments.
    """

    operation: Operation
    operands: dict[str, Any]
    options: dict[str, Any]
    seed: int = field(default=0, kw_only=True)
    _ready: dict[Any, tuple[Runner, Placed]] = field(default_factory=dict[Any, Any], init=False, repr=False)

    @classmethod
    def of(cls, operation: Operation, case: Mapping[str, Any], seed: int = 0) -> Case:
        """The case of operands and settings, all by name.

        Raises:
            OptionError: where the forward pass takes one that is not there.
        """
        settings = {option for rule in operation.rules for option in rule.options}
        ids = {name for rule in operation.rules if rule.formula is not None for name in rule.formula.ids}
        operands = {n: v if v is None or n in ids else _floats(v) for n, v in case.items() if n not in settings}
        options = {n: v for n, v in case.items() if n in settings}
        names = set(operands)
        for rule in (*operation.forward, *operation.update):
            gaps = [o for o in rule.operands if o not in names and o not in rule.optional]
            gaps += [o for o in rule.options if o not in options]
            if gaps:
                raise OptionError(f"{operation.name}: {rule.name} takes {gaps[0]}, which this case lacks")
            names.add(rule.output)
        return cls(operation, operands, options, seed=seed)

    def forward(self, operands: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All values of the forward pass by name."""
        given = self.operands if operands is None else operands
        shapes = tuple((n, None if v is None else np.shape(v)) for n, v in given.items())
        if shapes not in self._ready:
            writer, placed = self._written(given)
            self._ready[shapes] = Runner(writer.steps), placed
        return self._run(*self._ready[shapes], given)

    def backward(self, upstream: Any) -> dict[str, Any]:
        """All values of both passes, where `upstream` is the derivative of the loss by the output."""
        placed, steps, given = self._both(upstream)
        return self._run(Runner(steps), placed, given)

    def values(self, upstream: Any = None) -> dict[str, Any]:
        """All values, updates included; `upstream` is drawn at random if it is not given."""
        names = self.backward(self.upstream() if upstream is None else upstream)
        for rule in self.operation.update:
            names[rule.output] = self.call(rule, names)
        return names

    def results(self) -> tuple[dict[Rule, Any], dict[str, Any]]:
        """What each rule gives, and all values by name, with what comes back drawn at random."""
        placed, steps, given = self._both(self.upstream())
        names = self._run(Runner(steps), placed, given)
        own = set(self.operation.rules)
        results = {step.rule: names[step.output] for step in steps if step.rule in own}
        for rule in self.operation.update:
            results[rule] = names[rule.output] = self.call(rule, names)
        return results, names

    def _both(self, upstream: Any) -> tuple[Placed, list[Step], dict[str, Any]]:
        """Both passes as steps, and what they start with; a derivative that comes back in shares is their sum."""
        came, recurs = f"d{self.operation.output}", False
        given = dict(self.operands)
        if self.operation.forward:
            recurs = any(rule.output == came for rule in self.operation.backward)
            given["dend" if recurs else came] = upstream
        writer, placed = self._written(given)
        placed.names["dend" if recurs else came] = "dend" if recurs else came
        parts = [placed]
        if recurs:  # what comes back from outside is one share of it, what comes back through time another
            end = Placed(_END, {"v": self.operation.output, "end": "end", "dend": "dend"}, {}, placed.owner)
            parts.append(end)
        inputs = {o: tuple(np.shape(v))[1:] for o, v in self.operands.items()}
        write_backward(writer, parts, Layout(inputs, ()))
        return placed, writer.steps, given

    def _written(self, given: Mapping[str, Any]) -> tuple[Writer, Placed]:
        """The forward pass as steps, every value under its formal name."""
        given = {n: v for n, v in given.items() if n not in {rule.output for rule in self.operation.forward}}
        names: dict[str, str | None] = {n: None if value is None else n for n, value in given.items()}
        for rule in self.operation.rules:
            names.update({o: None for o in rule.optional if o not in names})
        names.update({rule.output: rule.output for rule in self.operation.forward})
        kind = self.operation.name
        placed = Placed(self.operation, names, self.options, Owner("operation", kind, kind), "help")
        writer = Writer()
        writer.given(Value(n, tuple(np.shape(v)), Role.GIVEN) for n, v in given.items() if v is not None)
        for rule in self.operation.forward:
            shape = None
            known = all(names.get(o) in (None, *writer.values) for o in rule.operands)
            if rule.formula is not None and not rule.formula.gives_shape and known:
                shape = tuple(np.shape(self.call(rule, self._run(Runner(writer.steps), placed, given))))
            writer.add(rule, rule.output, placed, "forward", Role.FORWARD, shape=shape)
        return writer, placed

    @staticmethod
    def _run(runner: Runner, placed: Placed, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every value by its formal name; shares of a derivative by their own."""
        values = runner.run({n: v for n, v in given.items() if v is not None})
        found = {formal: values[name] for formal, name in placed.names.items() if name in values}
        return {**given, **{n: v for n, v in values.items() if n}, **found}

    def upstream(self) -> Array:
        """The derivative of the loss by the output, drawn at random; 1 where the output is one number."""
        shape = np.shape(self.forward()[self.operation.output])
        return np.random.default_rng(self.seed).standard_normal(shape) if shape else np.ones(())

    def call(self, rule: Rule, names: Mapping[str, Any]) -> Any:
        """The result of a rule on the values by name."""
        return computed(rule, [names.get(o) for o in rule.operands], {o: self.options[o] for o in rule.options})


def check_operation(operation: Operation, cases: Iterable[Mapping[str, Any]]) -> None:
    """The three-way test of an operation: functions, index formulas, central differences; and its mistakes.

    Choose cases with odd shapes and different settings, and keep the numbers away from kinks (0 for a ReLU).

    Args:
        operation: the operation.
        cases: for each, the operands (arrays) and settings by their formal names: {"z": z, "slope": 0.1}.

    Raises:
        AssertionError: where two ways differ, or a mistake is not told apart from its rule; it names the rule, the
            element and the numbers.
        OptionError: where there is no case, or one lacks what a rule takes.
        FormulaError: where a formula cannot be read, or does not fit the function or the arrays.
    """
    if not isinstance(operation, Operation):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"check_operation takes a cg.Operation, not {said(operation)}")
    case_list = [Case.of(operation, case, seed) for seed, case in enumerate(cases)]
    if not case_list:
        raise OptionError("check_operation needs a case, such as [{'z': array}]")
    for case in case_list:
        _check_shapes(case)
        check_formulas(case)
        check_derivatives(case)
    check_mistakes(case_list)


def _check_shapes(case: Case) -> None:
    """Raises AssertionError where a derivative's formula gives it another shape than its value has."""
    names = case.forward()
    upstream = case.upstream() if case.operation.forward else None
    shapes = {
        name: np.shape(v) for name, v in (*names.items(), (f"d{case.operation.output}", upstream)) if v is not None
    }
    for rule in case.operation.backward:
        of = case.operation.derivative(rule)
        if of not in shapes or rule.formula is None or not set(rule.operands) <= set(shapes):
            continue
        shape = rule.formula.output_shape({o: shapes[o] for o in rule.operands}, case.options)
        if shape is not None and shape != shapes[of]:
            raise AssertionError(f"{rule.name}: d{of} has shape {shape}, but {of} {shapes[of]}")


def check_formulas(case: Case) -> None:
    """Every rule's function against its formula. Raises AssertionError where they differ."""
    results, names = case.results()
    for rule, value in results.items():
        if rule.formula is not None:
            result = np.asarray(value)
            expected = _by_formula(case, rule, names, result.shape)
            _compare(rule, result, expected, "by its function", f"by its formula {rule.formula.text}", EXACT)


def check_derivatives(case: Case) -> None:
    """Every derivative that the backward rules compute against central differences of the forward rules.

    Elements that cross a kink on the way are left out. Raises AssertionError where one differs, or there are none.
    """
    operation = case.operation
    if not operation.backward:
        return
    upstream = case.upstream()
    names = case.backward(upstream)
    by_output = {rule.output: rule for rule in operation.backward}
    operands = [o for o, v in case.operands.items() if v is not None and f"d{o}" in by_output and f"d{o}" in names]
    if not operands:
        raise AssertionError(f"{operation.name}: no backward rule derives the loss by {' or '.join(case.operands)}")
    for operand in operands:
        gradient = np.asarray(names[f"d{operand}"])
        rule, value = by_output[f"d{operand}"], case.operands[operand]
        if gradient.shape != value.shape:
            raise AssertionError(f"{rule.name}: d{operand} has shape {gradient.shape}, but {operand} {value.shape}")
        differences = _central_differences(case, operand, upstream)
        expected = np.where(np.isnan(differences), gradient, differences)
        size = max(float(np.abs(expected).max(initial=0.0)), 1e-2)
        _compare(rule, gradient, expected, "by the rule", "by central differences", NEAR, NEAR * size)


def check_mistakes(cases: Iterable[Case]) -> None:
    """Every usual mistake: its function against its formula, and, in one of the cases at least, against its rule.

    Raises AssertionError where function and formula differ, or no case tells a mistake from its rule.
    """
    computed_cases = [(case, *case.results()) for case in cases]
    for rule in computed_cases[0][0].operation.rules:
        for mistake in rule.mistakes:
            verdicts = [_told_apart(case, rule, mistake, results, names) for case, results, names in computed_cases]
            if not any(verdicts):
                raise AssertionError(
                    f"{mistake.name} is never told apart from {rule.name} in {len(verdicts)} cases: {mistake.text}"
                )


def _told_apart(
    case: Case, rule: Rule, mistake: Mistake, results: Mapping[Rule, Any], values: Mapping[str, Any]
) -> bool:
    names = dict(values)
    truth = results.get(rule)
    if truth is None:  # the derivative of an absent operand
        return False
    rng = np.random.default_rng(case.seed)
    for operand, operand_of in zip(mistake.operands, mistake.takes, strict=True):
        if operand not in names:
            base = names.get(operand_of.formal)
            if base is None:
                raise AssertionError(f"{mistake.name} takes {operand}, which is no value of {case.operation.name}")
            names[operand] = np.asarray(base) + 0.7 * rng.standard_normal(np.shape(base))
    options = {**case.options, **dict.fromkeys(mistake.varies, 0)}
    try:
        inputs = [names[o] for o in mistake.operands]
        result = np.asarray(computed(mistake, inputs, {o: options[o] for o in mistake.options}, rule.stepwise))
    except (ValueError, IndexError):  # the shapes do not fit: it would be found at once
        return True
    if result.shape != np.shape(truth):
        return True
    formula = mistake.formula
    assert formula is not None
    expected = _by_formula(Case(case.operation, {}, options), mistake, names, result.shape)
    _compare(mistake, result, expected, "by its function", f"by its formula {formula.text}", 10 * EXACT)
    return not np.allclose(result, truth, rtol=NEAR, atol=NEAR)


def _by_formula(case: Case, rule: Rule | Mistake, names: Mapping[str, Any], shape: tuple[int, ...]) -> Array:
    assert rule.formula is not None
    return rule.formula.evaluate({o: names.get(o) for o in rule.operands}, case.options, shape)


def _central_differences(case: Case, operand: str, upstream: Array) -> Array:
    """The derivative of the sum of upstream times output, element by element; NaN where a kink lies between."""
    value = case.operands[operand]
    differences = np.full(value.shape, np.nan)
    for place in np.ndindex(value.shape):
        sums: list[float] = []
        sides: list[list[Array]] = []
        points: list[float] = []
        for step in (STEP, -STEP):
            shifted = value.copy()
            shifted[place] += step
            names = case.forward({**case.operands, operand: shifted})
            sums.append(float(np.sum(upstream * names[case.operation.output])))
            sides.append(_sides(case, names))
            points.append(float(shifted[place]))
        if all(np.array_equal(a, b) for a, b in zip(*sides, strict=True)):
            differences[place] = (sums[0] - sums[1]) / (points[0] - points[1])
    return differences


def _sides(case: Case, names: Mapping[str, Any]) -> list[Array]:
    """On which side of the forward rules' kinks every element is."""
    return [
        np.asarray(rule.kinks(*[names.get(o) for o in rule.operands], **{o: case.options[o] for o in rule.options}))
        for rule in case.operation.forward
        if rule.kinks is not None
    ]


def _compare(
    rule: Rule | Mistake, result: Array, expected: Array, way: str, other: str, relative: float, absolute: float = 1e-12
) -> None:
    """Raises AssertionError where two arrays differ; it names the element that does so most."""
    if result.shape != expected.shape:
        raise AssertionError(f"{rule.name}: {rule.output} has shape {result.shape} {way} and {expected.shape} {other}")
    with np.errstate(invalid="ignore"):
        apart = np.abs(result - expected)
    allowed = absolute + relative * np.abs(expected)
    same = (result == expected) | (apart <= allowed) | (np.isnan(result) & np.isnan(expected))
    if same.all():
        return
    excess = np.where(same, 0.0, np.nan_to_num(apart / allowed, nan=np.inf))
    place = tuple(int(i) for i in np.unravel_index(int(excess.argmax()), excess.shape))
    address = Address(rule.output, place)
    raise AssertionError(
        f"{rule.name}: {address} is {result[place]:.10g} {way} and {expected[place]:.10g} {other}"
        f" ({int((~same).sum())} of {same.size} elements differ)"
    )


def _floats(value: Any) -> Any:
    """An operand as floating-point numbers; settings and single numbers as they are."""
    array: Any = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind in "iu" and array.ndim else array
