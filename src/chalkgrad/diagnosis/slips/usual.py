"""The slips that are tried: the usual mistakes of every step's rule, and those that lie between rules.

A mistake that belongs to one rule stands beside it, in `chalkgrad.rules`. Here stand those that any step can
suffer: a factor, a value of an earlier pass, a share left out.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ...program import Program, Role, Step, Value
from ...program import names as spelled
from ...rules import add, shares
from ...rules.rule import Mistake
from .gates import of_other_gates
from .heads import heads_by_reshaping, unmasked_back
from .in_time import in_loops, loops_of, through_time
from .mixed_indices import indices_mixed
from .slip import Further, Slip
from .versions import version_of

MOST_PATHS = 12
"""Of an index with more values than this, single ones are not left out one by one."""


def slips(program: Program, before: Mapping[str, Any] | None, samples: int) -> list[Slip]:
    """Every slip that a program can suffer.

    Args:
        program: the steps, with an update where one is known.
        before: the values of an earlier pass, if they are known.
        samples: how many samples there are.
    """
    mistakes: list[Slip] = []
    loops = loops_of(program)
    steps = _steps(program)
    for step in program:
        mistakes.extend(_of_the_rule(step, program, before or {}, looped=step.output in loops))
        if step.part == "backward":
            mistakes.extend(_factors(step, samples, steps, "lr" in program.given))
            mistakes.extend(_earlier(step, before or {}))
            mistakes.extend(_left_at_zero(step, program))
        if step.rule is shares.sum_of_shares:
            mistakes.extend(_of_shares(step, program))
        if step.part == "update":
            mistakes.extend(_updated_by_one_use(step, program))
    mistakes.extend(indices_mixed(program))
    mistakes.extend(of_other_gates(program))
    mistakes.extend(heads_by_reshaping(program))
    mistakes.extend(unmasked_back(program))
    return [*mistakes, *in_loops(mistakes, program)]


def _steps(program: Program) -> int:
    """T, over which the loss is a mean; 1 where it is that of whole samples."""
    shape = program.shapes.get("l", ())
    return int(shape[1]) if len(shape) == 2 else 1


def _of_the_rule(step: Step, program: Program, before: Mapping[str, Any], *, looped: bool) -> Iterator[Slip]:
    """The usual mistakes that stand beside the step's rule."""
    for mistake in step.rule.mistakes:
        inputs = [version_of(operand, step, program, before, looped=looped) for operand in mistake.takes]
        if any(t is None and o not in mistake.optional for t, o in zip(inputs, mistake.operands, strict=True)):
            continue
        ranges = [range(_range(mistake, step, option, program)) for option in mistake.varies]
        if any(len(r) < 2 or len(r) > MOST_PATHS for r in ranges):
            continue
        names = tuple(t.value.name if isinstance(t, Further) else t for t in inputs)
        further = tuple(t for t in inputs if isinstance(t, Further))
        for places in itertools.product(*ranges):
            varied = dict(zip(mistake.varies, places, strict=True))
            options = {o: varied.get(o, step.settings.get(o)) for o in mistake.options}
            text = mistake.text.format(**{**{o: n for o, n in step.bound.items() if n is not None}, **varied})
            wrong = dataclasses.replace(step, rule=mistake, inputs=names, options=options)  # type: ignore[arg-type]
            function = partial(mistake.function, **options)
            yield Slip(step.output, step, text, 1.0, names, function, wrong, further=further)


def _range(mistake: Mistake, step: Step, option: str, program: Program) -> int:
    """How many values the index has that a mistake's own setting runs over."""
    formula = step.rule.formula
    if formula is None:
        return 0
    pairs = zip(step.rule.operands, step.inputs, strict=True)
    shapes = {o: program.shapes[i] for o, i in pairs if i is not None}
    size = formula.sizes(shapes, step.options).get(mistake.varies[option])
    return size if isinstance(size, int) else 0


def _of_shares(step: Step, program: Program) -> Iterator[Slip]:
    """The slips of a sum of shares: one share left out, one alone, one twice."""
    names = [name for name in step.inputs if name is not None]
    of = step.value.of or ""
    shared = program.values[of].role is Role.PARAMETER
    late = loops_of(program)
    for place, name in enumerate(names):
        share = program.values[name]
        source = f"the share from {share.through}, {name}," if share.through is not None else f"the share {name}"
        others = [*names[:place], *names[place + 1 :]]
        why, weight, general = "", 0.9, ""
        if shared:
            why = f": {of} gets the gradient of its other use{'s' * (len(others) > 1)} only"
        elif (user := program.by_output.get(share.through or "")) is not None and user.rule is add.add:
            why = ": the skip's gradient is forgotten"
            general = "the skip's gradient is forgotten"
        elif name in late and through_time(late[name], name):
            why, weight = ": what comes back through time is forgotten", 1.1
            general = "what comes back through time is forgotten"
        left_out = _added(step, f"{source} is left out{why}", weight, others)
        yield dataclasses.replace(left_out, general=general)
        if place or shared:
            only = f": {of} gets one use's gradient only" if shared else ": the others are not added"
            yield _added(step, f"only {source} is left{only}", 1.0, [name])
        yield _added(step, f"{source} is counted twice", 1.0, [*names[: place + 1], *names[place:]])


def _added(step: Step, text: str, weight: float, names: Sequence[str]) -> Slip:
    """The sum of shares with others in place of its own."""

    def function(*arrays: Any) -> Any:
        return functools.reduce(operator.add, arrays)

    mistaken = None
    if len(names) == 1:
        mistaken = dataclasses.replace(step, rule=shares.sum_of_shares_assigned, inputs=tuple(names))  # type: ignore[arg-type]
    elif len(names) <= shares.MOST:
        mistaken = dataclasses.replace(step, inputs=(*names, *[None] * (shares.MOST - len(names))))
    return Slip(step.output, step, text, weight, tuple(names), function, mistaken, sum_line(step.output, names))


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
            function = partial(mistaken.rule.function, **mistaken.options)
            yield Slip(users[0].output, users[0], text, 1.1, inputs, function, mistaken, wrong)
        elif chain:
            yield Slip(step.output, step, text, 1.1, *_with_another(total.output, share, chain), wrong=wrong)


def _with_another(name: str, other: str, chain: Sequence[Step]) -> tuple[tuple[str, ...], Callable[..., Any]]:
    """What the last step of a chain takes, and how it is computed, where `other` stands in the place of `name`."""
    own = {name, *(step.output for step in chain)}
    names = tuple(dict.fromkeys([other, *(i for step in chain for i in step.inputs if i is not None and i not in own)]))

    def function(*arrays: Any) -> Any:
        values = dict(zip(names, arrays, strict=True))
        values[name] = values[other]
        for step in chain:
            values[step.output] = step.computed(values.__getitem__)
        return values[chain[-1].output]

    return names, function


def _factors(step: Step, samples: int, steps: int, rated: bool) -> Iterator[Slip]:
    """The right value times a number."""
    factors: list[tuple[float | str, str]] = [
        (2.0, "it is twice what it should be"), (0.5, "it is half of what it should be"), (-1.0, "the sign is flipped"),
    ]  # fmt: skip
    if samples > 1:
        factors += [(float(samples), "1/N is left out"), (1.0 / samples, "1/N is taken once more")]
    if steps > 1:
        factors += [(float(steps), "1/T is left out"), (1.0 / steps, "1/T is taken once more")]
    if samples > 1 and steps > 1:
        factors += [(float(samples * steps), "1/(N T) is left out")]
    if rated:
        factors.append(("lr", "the learning rate is in it already"))
    for factor, text in factors:
        inputs = (*step.inputs, factor) if isinstance(factor, str) else step.inputs
        function = partial(_multiplied, step, None if isinstance(factor, str) else factor)
        yield Slip(step.output, step, text, 2.0, inputs, function, factor=factor)


def _multiplied(step: Step, factor: float | None, *arrays: Any) -> Any:
    """A step's result times a number: the last of the arrays, if none is given."""
    count = len(step.inputs)
    return step.rule.function(*arrays[:count], **step.options) * (arrays[count] if factor is None else factor)


def _earlier(step: Step, before: Mapping[str, Any]) -> Iterator[Slip]:
    """A value of an earlier pass in place of this one's."""
    for place, name in enumerate(step.inputs):
        if name is None or name not in before:
            continue
        value = Value(spelled.earlier(name), before[name].shape, Role.GIVEN)
        further = Further(value, lambda get, name=name: before[name])
        inputs = (*step.inputs[:place], value.name, *step.inputs[place + 1 :])
        function = partial(step.rule.function, **step.options)
        text, wrong = f"{name} is the earlier pass's", f"{step.output} with {name} of the earlier pass"
        yield Slip(step.output, step, text, 1.3, inputs, function, wrong=wrong, further=(further,))


def _left_at_zero(step: Step, program: Program) -> Iterator[Slip]:
    if step.value.role in (Role.DERIVATIVE, Role.SHARE):
        function = partial(_multiplied, step, 0.0)
        of = step.value.of or ""
        users = [s for s in program if step.output in s.inputs]
        beside = [i for s in users for i in s.inputs if i in program.derivatives and i != step.output]
        way = f": the way through {of} is missing" if beside and of not in program.parameters else ""
        yield Slip(step.output, step, f"it is left at 0{way}", 2.5, step.inputs, function, wrong="0")
