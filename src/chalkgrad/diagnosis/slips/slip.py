"""A slip: one mistake at one step of a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...base.caching import cached_property
from ...engines.numpy.loops import Line
from ...program import Step, Value
from ...program.loops import delay_of

Get = Callable[[str], Any]
Replacement = Callable[[Get], Any]
ONCE = "what it takes of the other steps in time is right"


def by_name(replacement: Replacement, inputs: Sequence[str]) -> Callable[..., Any]:
    """The function of the inputs' arrays, in their order, that a function of values by name is."""
    return lambda *arrays: replacement(dict(zip(inputs, arrays, strict=True)).__getitem__)


class Carried(StrEnum):
    """What the steps of a loop take of other times where a slip is among them."""

    COMPUTED = "what is computed there with the slip"
    RIGHT = "the right values"
    NOTHING = "zeros"


@dataclass(frozen=True, slots=True, eq=False)
class Further:
    """A value from outside the program that a slip takes: of an earlier pass, without its bias.

    Attributes:
        value: its name and shape.
        compute: computes it from the program's values.
    """

    value: Value
    compute: Replacement


@dataclass(frozen=True, eq=False)
class Slip:
    """One mistake at one step.

    Attributes:
        output: the value that comes out wrong.
        step: the right step.
        mistake: what was done wrong, one sentence without a full stop.
        weight: how far-fetched it is; of explanations with the same evidence the lightest comes first.
        inputs: the names of what it is computed from; None for an absent operand.
        function: computes the value with the mistake from their arrays; in a loop from those at one time.
        mistaken: the step with the mistake in place of its rule, where the mistake has a formula.
        wrong: the wrong line in words, where it has none.
        factor: what the right line is multiplied by, where that is the mistake: a number or a name.
        further: those of the inputs that are no values of the program.
        carried: what its loop takes of other times.
        general: the mistake in words that name no values, where it may be made in other places too and its rule does
            not say them.
        where: in which places it is made, where these are several.
        members: it in each of them.
        read: where one number is misread, that number in its place, NaN elsewhere.
        made: whether it was made from the step's formula, and is none of the usual ones.
        solved: whether it has a number in it that was solved from the claimed ones.
    """

    output: str
    step: Step
    mistake: str
    weight: float
    inputs: tuple[str | None, ...]
    function: Callable[..., Any]
    mistaken: Step | None = None
    wrong: str = ""
    factor: float | str | None = None
    further: tuple[Further, ...] = ()
    carried: Carried = Carried.COMPUTED
    general: str = ""
    where: str = ""
    members: tuple[Slip, ...] = ()
    read: Any = None
    made: bool = False
    solved: bool = False

    @property
    def text(self) -> str:
        """What was done wrong, in which places, and what its loop takes of other times."""
        text = f"{self.mistake}, {self.where}" if self.where else self.mistake
        return f"{text}; {ONCE}" if self.carried is Carried.RIGHT else text

    @property
    def every(self) -> tuple[Slip, ...]:
        """It in each of its places; of one place itself."""
        return self.members or (self,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The values that come out wrong."""
        return tuple(slip.output for slip in self.every)

    @property
    def of(self) -> str:
        """The layer that it is in; of several layers their kind."""
        layers = {slip.step.owner.text for slip in self.every}
        kinds = {slip.step.owner.title.partition(" ")[0] for slip in self.every}
        return self.step.owner.text if len(layers) == 1 else " and ".join(sorted(kinds))

    def replacement(self, get: Get) -> Any:
        """The value with the mistake, from whole arrays."""
        return self.function(*[None if name is None else self.taken(name, get) for name in self.inputs])

    def taken(self, name: str, get: Get) -> Any:
        """One of its inputs as a whole array."""
        further = next((f for f in self.further if f.value.name == name), None)
        return get(name) if further is None else further.compute(get)

    @cached_property
    def line(self) -> Line:
        """It as a line of a loop.

        Raises:
            FormulaError: where its formula reads a value at two times.
        """
        like = self.mistaken or self.step
        delays = [delay_of(like, place) for place in range(len(like.inputs))]
        delays += [None] * (len(self.inputs) - len(delays))
        return Line(self.function, tuple((n or "", d) for n, d in zip(self.inputs, delays, strict=False)))

    def __repr__(self) -> str:
        return f"<slip {self.output}: {self.text}>"
