"""The slips that are tried: the usual mistakes of every step's rule, and those that lie between rules.

A mistake that belongs to one rule stands beside it, in `chalkgrad.rules`. Here stand those that any step can
suffer (a factor, a value of an earlier pass) and those that mix the indices of different layers.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..formula import Formula
from ..formula.nodes import Element, Symbol
from ..program import Program, Role, Step
from ..rules.rule import Mistake
from .rerun import Get, Replacement

BEFORE = "_before"
UNBIASED = "_unbiased"
MOST_PATHS = 12
"""Of an index with more values than this, single ones are not left out one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Slip:
    """One mistake at one step.

    Attributes:
        output: the value that comes out wrong.
        step: the right step.
        text: what was done wrong, one sentence without a full stop.
        weight: how far-fetched it is; of explanations with the same evidence the lightest comes first.
        replacement: computes the value with the mistake.
        mistaken: the step with the mistake in place of its rule, where the mistake has a formula.
        wrong: the wrong line in words, where it has none.
        factor: what the right line is multiplied by, where that is the mistake: a number or a name.
    """

    output: str
    step: Step
    text: str
    weight: float
    replacement: Replacement
    mistaken: Step | None = None
    wrong: str = ""
    factor: float | str | None = None

    def __repr__(self) -> str:
        return f"<slip {self.output}: {self.text}>"


def slips(program: Program, before: Mapping[str, Any] | None, samples: int) -> list[Slip]:
    """Every slip that a program can suffer.

    Args:
        program: the steps, with an update where one is known.
        before: the values of an earlier pass, if they are known.
        samples: how many samples there are.
    """
    found: list[Slip] = []
    for step in program:
        found.extend(_of_the_rule(step, program, before or {}))
        if step.part == "backward":
            found.extend(_factors(step, samples, "lr" in program.given))
            found.extend(_earlier(step, before or {}))
            found.extend(_left_at_zero(step))
    found.extend(_indices_mixed(program))
    return found


def _of_the_rule(step: Step, program: Program, before: Mapping[str, Any]) -> Iterator[Slip]:
    """The usual mistakes that stand beside the step's rule."""
    for mistake in step.rule.mistakes:
        names = [_bound(operand, step, program, before) for operand in mistake.operands]
        if any(n is None and o not in mistake.optional for n, o in zip(names, mistake.operands, strict=True)):
            continue
        ranges = [range(_range(mistake, step, option, program)) for option in mistake.varies]
        if any(len(r) < 2 or len(r) > MOST_PATHS for r in ranges):
            continue
        for chosen in itertools.product(*ranges):
            varied = dict(zip(mistake.varies, chosen, strict=True))
            options = {o: varied.get(o, step.settings.get(o)) for o in mistake.options}
            text = mistake.text.format(**{o: n for o, n in step.bound.items() if n is not None}, **varied)
            wrong = dataclasses.replace(step, rule=mistake, inputs=tuple(names), options=options)  # type: ignore[arg-type]
            yield Slip(step.output, step, text, 1.0, _run(mistake, names, options, program, before), wrong)


def _range(mistake: Mistake, step: Step, option: str, program: Program) -> int:
    """How many values the index has that a mistake's own setting runs over."""
    formula = step.rule.formula
    if formula is None:
        return 0
    pairs = zip(step.rule.operands, step.inputs, strict=True)
    shapes = {o: program.shapes[i] for o, i in pairs if i is not None}
    size = formula.sizes(shapes, step.options).get(mistake.varies[option])
    return size if isinstance(size, int) else 0


def _bound(operand: str, step: Step, program: Program, before: Mapping[str, Any]) -> str | None:
    """The network's name for a mistake's operand: W_new is W after the update, z_unbiased z without its bias."""
    if operand in step.bound:
        return step.bound[operand]
    for ending in ("_new", BEFORE, UNBIASED):
        base = step.bound.get(operand.removesuffix(ending)) if operand.endswith(ending) else None
        if base is None:
            continue
        if ending == "_new" and base in program.updated:
            return program.updated[base]
        if ending == BEFORE and base in before:
            return f"{base}{BEFORE}"
        if ending == UNBIASED and _maker(base, program) is not None:
            return f"{base}{UNBIASED}"
    return None


def _maker(name: str, program: Program) -> Step | None:
    """The weighted sum with a bias that computes a pre-activation."""
    step = program.by_output.get(name)
    has_bias = step is not None and step.rule.weighted and step.inputs[2] is not None
    return step if has_bias else None


def _run(
    rule: Any, names: list[str | None], options: Mapping[str, Any], program: Program, before: Mapping[str, Any]
) -> Replacement:
    def replacement(get: Get) -> Any:
        return rule.function(*[_value(n, get, program, before) for n in names], **options)

    return replacement


def _value(name: str | None, get: Get, program: Program, before: Mapping[str, Any]) -> Any:
    if name is None:
        return None
    if name.endswith(UNBIASED):
        maker = _maker(name.removesuffix(UNBIASED), program)
        assert maker is not None  # it was asked before
        x, W, _ = maker.inputs
        return maker.rule.function(get(x or ""), get(W or ""), None, **maker.options)
    if name.endswith(BEFORE):
        return before[name.removesuffix(BEFORE)]
    return get(name)


def _factors(step: Step, samples: int, rated: bool) -> Iterator[Slip]:
    """The right value times a number."""
    factors: list[tuple[float | str, str]] = [
        (2.0, "it is twice what it should be"), (0.5, "it is half of what it should be"), (-1.0, "the sign is flipped"),
    ]  # fmt: skip
    if samples > 1:
        factors += [(float(samples), "1/N is left out"), (1.0 / samples, "1/N is taken once more")]
    if rated:
        factors.append(("lr", "the learning rate is in it already"))
    for factor, text in factors:

        def replacement(get: Get, factor: float | str = factor) -> Any:
            return step.computed(get) * (get(factor) if isinstance(factor, str) else factor)

        yield Slip(step.output, step, text, 2.0, replacement, factor=factor)


def _earlier(step: Step, before: Mapping[str, Any]) -> Iterator[Slip]:
    """A value of an earlier pass in place of this one's."""
    for place, name in enumerate(step.inputs):
        if name is None or name not in before:
            continue

        def replacement(get: Get, place: int = place) -> Any:
            inputs = [None if i is None else (before[i] if k == place else get(i)) for k, i in enumerate(step.inputs)]
            return step.rule.function(*inputs, **step.options)

        text = f"{name} is the earlier pass's"
        yield Slip(step.output, step, text, 1.3, replacement, wrong=f"{step.output} with {name} of the earlier pass")


def _left_at_zero(step: Step) -> Iterator[Slip]:
    if step.value.role in (Role.DERIVATIVE, Role.SHARE):
        zero: Replacement = lambda get: step.computed(get) * 0.0  # noqa: E731
        yield Slip(step.output, step, "it is left at 0", 2.5, zero, wrong="0")


def _indices_mixed(program: Program) -> Iterator[Slip]:
    """Between the last dense layer and the loss: the target or the slope of another output, early updates.

    Unit i of the layer below carries back, through output o, the error against the target of output i instead of
    that of o, or the activation's slope at output i instead of at o, or weights that are already updated.
    """
    steps = {s.output: s for s in program}
    loss = steps.get("dy_hat")
    backward = [s for s in program if s.part == "backward"]
    carried = next((s for s in backward if s.inputs[:1] == ("dy_hat",) and s is not loss), None)
    if loss is None or carried is None or "y" not in loss.inputs or carried.rule.output != "dz":
        return
    for step in backward:
        if carried.output not in step.inputs:
            continue
        if not step.rule.product:
            continue
        W = None if step.rule.output == "dW" else step.bound.get("W")
        weights = [W, program.updated[W]] if W is not None and W in program.updated else [W]
        for target, slope, name in itertools.product((False, True), (False, True), weights):
            if not (target or slope):
                continue
            said = [
                *(["the target of another output is taken (that of the unit's own number)"] if target else []),
                *(["the slope of one output is taken for all"] if slope else []),
                *(["the weights are already updated"] if name != W else []),
            ]
            yield Slip(
                step.output,
                step,
                ", ".join(said[:-1]) + (" and " if len(said) > 1 else "") + said[-1],
                1.4 + 0.3 * (len(said) - 1),
                _mixed(loss, carried, step, {W: name}, target=target, slope=slope),
                wrong=f"{step.output} with {' and '.join(said)}",
            )


def _mixed(
    loss: Step, carried: Step, step: Step, weights: Mapping[str | None, str | None], *, target: bool, slope: bool
) -> Replacement:
    """A product whose results for a unit below are made of derivatives of that unit's own.

    Args:
        loss: the step that computes dy_hat.
        carried: the step that computes of it what the product takes.
        step: the product, dW or dx; the index i of its formula counts the units below.
        weights: which weights are taken in place of which.
        target: whether the target is that of the output of the unit's own number,
        slope: whether the slope is.
    """
    place = cast("Formula", step.rule.formula).left
    units = cast("Element", place).indices.index(Symbol("i"))

    def replacement(get: Get) -> Any:
        y = get("y")
        outputs = y.shape[1]
        if step.computed(get).shape[units] != outputs:
            raise ValueError("another number of units than of outputs")
        slopes = _swapped(carried, "dy_hat", np.ones_like(y), get)
        columns: list[Any] = []
        for unit in range(outputs):
            own = np.repeat(y[:, unit : unit + 1], outputs, axis=1) if target else y
            errors = _swapped(loss, "y", own, get)
            dz = errors * (np.repeat(slopes[:, unit : unit + 1], outputs, axis=1) if slope else slopes)
            mixed = step.computed(lambda i, dz=dz: dz if i == carried.output else get(weights.get(i, i) or ""))
            columns.append(np.take(mixed, unit, axis=units))
        return np.stack(columns, axis=units)

    return replacement


def _swapped(step: Step, name: str, value: Any, get: Get) -> Any:
    """A step with one of its inputs replaced by a value."""
    return step.computed(lambda i: value if i == name else get(i))
