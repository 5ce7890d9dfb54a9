"""The slips that are tried: the usual mistakes of every step's rule, and those that lie between rules.

A mistake that belongs to one rule stands beside it, in `chalkgrad.rules`. Here stand those that any step can
suffer (a factor, a value of an earlier pass) and those that mix the indices of different layers.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..formula import Formula
from ..formula.nodes import Element, Symbol
from ..program import Program, Role, Step, Value
from ..program import names as spelled
from ..rules import add, shares
from ..rules.rule import Mistake, Operand, Version
from .rerun import Get, Replacement

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
        further: what the mistaken step takes that is no value of the program: of an earlier pass, without its bias.
    """

    output: str
    step: Step
    text: str
    weight: float
    replacement: Replacement
    mistaken: Step | None = None
    wrong: str = ""
    factor: float | str | None = None
    further: tuple[Value, ...] = ()

    def __repr__(self) -> str:
        return f"<slip {self.output}: {self.text}>"


def slips(program: Program, before: Mapping[str, Any] | None, samples: int) -> list[Slip]:
    """Every slip that a program can suffer.

    Args:
        program: the steps, with an update where one is known.
        before: the values of an earlier pass, if they are known.
        samples: how many samples there are.
    """
    mistakes: list[Slip] = []
    for step in program:
        mistakes.extend(_of_the_rule(step, program, before or {}))
        if step.part == "backward":
            mistakes.extend(_factors(step, samples, "lr" in program.given))
            mistakes.extend(_earlier(step, before or {}))
            mistakes.extend(_left_at_zero(step))
        if step.rule is shares.sum_of_shares:
            mistakes.extend(_of_shares(step, program))
        if step.part == "update":
            mistakes.extend(_updated_by_one_use(step, program))
    mistakes.extend(_indices_mixed(program))
    return mistakes


def _of_the_rule(step: Step, program: Program, before: Mapping[str, Any]) -> Iterator[Slip]:
    """The usual mistakes that stand beside the step's rule."""
    for mistake in step.rule.mistakes:
        inputs = [_input(operand, step, program, before) for operand in mistake.takes]
        if any(t is None and o not in mistake.optional for t, o in zip(inputs, mistake.operands, strict=True)):
            continue
        ranges = [range(_range(mistake, step, option, program)) for option in mistake.varies]
        if any(len(r) < 2 or len(r) > MOST_PATHS for r in ranges):
            continue
        names = tuple(None if t is None else t.value.name for t in inputs)
        further = tuple(t.value for t in inputs if t is not None and t.value.name not in program.values)
        for places in itertools.product(*ranges):
            varied = dict(zip(mistake.varies, places, strict=True))
            options = {o: varied.get(o, step.settings.get(o)) for o in mistake.options}
            text = mistake.text.format(**{**{o: n for o, n in step.bound.items() if n is not None}, **varied})
            wrong = dataclasses.replace(step, rule=mistake, inputs=names, options=options)  # type: ignore[arg-type]
            yield Slip(step.output, step, text, 1.0, _run(mistake, inputs, options), wrong, further=further)


@dataclass(frozen=True, slots=True)
class _Input:
    """An input of a mistake: a value, and how it is computed."""

    value: Value
    compute: Replacement


def _input(operand: Operand, step: Step, program: Program, before: Mapping[str, Any]) -> _Input | None:
    """The version of the network's value that a mistake's operand stands for; None where there is none."""
    name = step.bound.get(operand.formal)
    if name is None or name not in program.values:
        return None
    match operand.version:
        case Version.OWN:
            return _Input(program.values[name], lambda get: get(name))
        case Version.UPDATED:
            new = _updated(name, step, program)
            return None if new is None else _Input(program.values[new], lambda get: get(new))
        case Version.BEFORE:
            if name not in before:
                return None
            return _Input(_like(name, spelled.earlier(name), program), lambda get: before[name])
        case Version.UNBIASED:
            maker = program.by_output.get(name)
            if maker is None or not maker.rule.weighted or maker.inputs[2] is None:
                return None
            x, W, _ = maker.inputs
            value = _like(name, spelled.unbiased(name), program)
            return _Input(value, lambda get: maker.rule.function(get(x or ""), get(W or ""), None, **maker.options))


def _updated(name: str, step: Step, program: Program) -> str | None:
    """The value after the update; None where there is none, or where it comes of this very step: shared weights, or
    gradients clipped by their common norm.
    """
    new = program.updated.get(name)
    total = program.by_output.get(program.derivative_of.get(name, ""))
    if new is None or total is None:
        return new
    summed = (total, *(program.by_output.get(i or "") for i in total.inputs))  # a penalty may come after the sum
    shared = any(s is not None and s.rule is shares.sum_of_shares for s in summed)
    if not shared and spelled.GRADIENT_NORM not in program.values:
        return new
    return None if step in program.needed_for([new]) else new


def _like(name: str, label: str, program: Program) -> Value:
    """A value of the shape of another, from outside the program."""
    return Value(label, program.shapes[name], Role.GIVEN)


def _range(mistake: Mistake, step: Step, option: str, program: Program) -> int:
    """How many values the index has that a mistake's own setting runs over."""
    formula = step.rule.formula
    if formula is None:
        return 0
    pairs = zip(step.rule.operands, step.inputs, strict=True)
    shapes = {o: program.shapes[i] for o, i in pairs if i is not None}
    size = formula.sizes(shapes, step.options).get(mistake.varies[option])
    return size if isinstance(size, int) else 0


def _run(mistake: Mistake, operands: Sequence[_Input | None], options: Mapping[str, Any]) -> Replacement:
    def replacement(get: Get) -> Any:
        return mistake.function(*[None if t is None else t.compute(get) for t in operands], **options)

    return replacement


def _of_shares(step: Step, program: Program) -> Iterator[Slip]:
    """The slips of a sum of shares: one share left out, one alone, one twice."""
    names = [name for name in step.inputs if name is not None]
    of = step.value.of or ""
    shared = program.values[of].role is Role.PARAMETER
    for place, name in enumerate(names):
        share = program.values[name]
        source = f"the share from {share.through}, {name}," if share.through is not None else f"the share {name}"
        others = [*names[:place], *names[place + 1 :]]
        why = ""
        if shared:
            why = f": {of} gets the gradient of its other use{'s' * (len(others) > 1)} only"
        elif (user := program.by_output.get(share.through or "")) is not None and user.rule is add.add:
            why = ": the skip's gradient is forgotten"
        yield _added(step, f"{source} is left out{why}", 0.9, others)
        if place or shared:
            only = f": {of} gets one use's gradient only" if shared else ": the others are not added"
            yield _added(step, f"only {source} is left{only}", 1.0, [name])
        yield _added(step, f"{source} is counted twice", 1.0, [*names[: place + 1], *names[place:]])


def _added(step: Step, text: str, weight: float, names: Sequence[str]) -> Slip:
    """The sum of shares with others in place of its own."""

    def replacement(get: Get) -> Any:
        return functools.reduce(operator.add, (get(name) for name in names))

    mistaken = None
    if len(names) == 1:
        mistaken = dataclasses.replace(step, rule=shares.sum_of_shares_assigned, inputs=tuple(names))  # type: ignore[arg-type]
    elif len(names) <= shares.MOST:
        mistaken = dataclasses.replace(step, inputs=(*names, *[None] * (shares.MOST - len(names))))
    return Slip(step.output, step, text, weight, replacement, mistaken, sum_line(step.output, names))


def sum_line(output: str, names: Sequence[str]) -> str:
    """A sum of shares as a line of text."""
    return f"{output} = {' + '.join(names)}"


def _updated_by_one_use(step: Step, program: Program) -> Iterator[Slip]:
    """A shared matrix that is updated with the gradient of one of its uses; found at the step of its new value."""
    of = step.value.of or ""
    sums = [s for s in program.part("backward") if s.rule is shares.sum_of_shares and s.value.of == of]
    if step.value.role is not Role.UPDATED or not sums:
        return
    total = sums[-1]  # the ones before it add the first shares
    chain: list[Step] = []  # what comes of the sum on the way to the new value
    for later in program.needed_for([step.output]):
        if {total.output, *(s.output for s in chain)} & set(later.inputs):
            chain.append(later)
    users = [s for s in chain if total.output in s.inputs]
    for share in filter(None, total.inputs):
        text = f"{of} is updated with one use's gradient only, {share}"
        wrong = f"{share} in place of {total.output}"
        if len(users) == 1 and users[0].part == "update":
            inputs = tuple(share if i == total.output else i for i in users[0].inputs)
            mistaken = dataclasses.replace(users[0], inputs=inputs)
            yield Slip(users[0].output, users[0], text, 1.1, mistaken.computed, mistaken, wrong)
        elif chain:
            yield Slip(step.output, step, text, 1.1, _with_another(total.output, share, chain), wrong=wrong)


def _with_another(name: str, other: str, chain: Sequence[Step]) -> Replacement:
    """What the last step of a chain computes where its steps take another value for the one called `name`."""

    def replacement(get: Get) -> Any:
        values = {name: get(other)}
        for step in chain:
            values[step.output] = step.computed(lambda asked: values[asked] if asked in values else get(asked))
        return values[chain[-1].output]

    return replacement


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
        new = None if W is None else _updated(W, step, program)
        weights = [W] if new is None else [W, new]
        for target, slope, name in itertools.product((False, True), (False, True), weights):
            if not (target or slope):
                continue
            errors = [
                *(["the target of another output is taken (that of the unit's own number)"] if target else []),
                *(["the slope of one output is taken for all"] if slope else []),
                *(["the weights are already updated"] if name != W else []),
            ]
            yield Slip(
                step.output,
                step,
                ", ".join(errors[:-1]) + (" and " if len(errors) > 1 else "") + errors[-1],
                1.4 + 0.3 * (len(errors) - 1),
                _mixed(loss, carried, step, {W: name}, target=target, slope=slope),
                wrong=f"{step.output} with {' and '.join(errors)}",
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
            targets = np.repeat(y[:, unit : unit + 1], outputs, axis=1) if target else y
            errors = _swapped(loss, "y", targets, get)
            dz = errors * (np.repeat(slopes[:, unit : unit + 1], outputs, axis=1) if slope else slopes)
            mixed = step.computed(lambda i, dz=dz: dz if i == carried.output else get(weights.get(i, i) or ""))
            columns.append(np.take(mixed, unit, axis=units))
        return np.stack(columns, axis=units)

    return replacement


def _swapped(step: Step, name: str, value: Any, get: Get) -> Any:
    """A step with one of its inputs replaced by a value."""
    return step.computed(lambda i: value if i == name else get(i))
