"""The one idea: a network is a list of named steps that can be read.

A `Step` computes one named value from values named before it, by one rule. A `Program` is the ordered list:
forward, loss, backward, update. Running, tracing, explaining and writing are readings of this list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..base.caching import cached_property
from ..base.columns import table
from ..base.errors import FormulaError, unknown
from ..formula import Shape
from ..render.blocks import Table
from ..render.board import Board
from ..render.shown import Displayed, some_rows
from .loops import Loop, Segment, segments
from .step import Step
from .value import Role, Value

PARTS = ("forward", "loss", "backward", "update")
HEAD = ("part", "value", "shape", "computed as", "of")


@dataclass(frozen=True, repr=False)
class Program(Displayed):
    """The whole pass as a list of steps, with the values that must be there to run it.

    Attributes:
        steps: the steps in the order in which they run.
        inputs: the values from outside: x, y, clock (updates so far, plus one), the parameters in the order of the
            flat buffer, the running averages; for an update lr, t (this optimizer's steps, plus one) and the
            optimizer's arrays.
        aliases: other names of values ("a2" for y_hat).
    """

    steps: tuple[Step, ...]
    inputs: tuple[Value, ...]
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, name: str) -> Step:
        """The step that computes the value `name`."""
        output = self.resolve(name)
        if output not in self.by_output:
            raise unknown("step for the value", name, list(self.by_output))
        return self.by_output[output]

    def resolve(self, name: str) -> str:
        """The value's own name, where `name` may be its other name.

        Raises:
            UnknownNameError: where no value has this name.
        """
        known = self.values
        if not isinstance(name, str) or self.aliases.get(name, name) not in known:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise unknown("value", name, [*known, *self.aliases])
        return self.aliases.get(name, name)

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """Every value by its name: those from outside, then in the order in which they are computed."""
        return {value.name: value for value in (*self.inputs, *(s.value for s in self.steps))}

    @cached_property
    def by_output(self) -> Mapping[str, Step]:
        """Every step by the value that it computes."""
        return {s.output: s for s in self.steps}

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every named value."""
        return {name: value.shape for name, value in self.values.items()}

    @cached_property
    def given(self) -> Mapping[str, Shape]:
        """The shapes of the values from outside that are neither parameters nor running averages."""
        return self._shapes(Role.GIVEN, Role.OPTIMIZER)

    @cached_property
    def parameters(self) -> Mapping[str, Shape]:
        """The shapes of the parameters, in the order of the flat buffer."""
        return self._shapes(Role.PARAMETER)

    @cached_property
    def states(self) -> Mapping[str, Shape]:
        """The shapes of the running averages, which the update moves on."""
        return self._shapes(Role.STATE)

    @cached_property
    def kept(self) -> Mapping[str, Shape]:
        """The shapes of the optimizer's own arrays."""
        return self._shapes(Role.OPTIMIZER)

    def _shapes(self, *roles: Role) -> Mapping[str, Shape]:
        return {value.name: value.shape for value in self.inputs if value.role in roles}

    @cached_property
    def derivatives(self) -> Mapping[str, str]:
        """For each derivative of the loss, by its name (dz1), the value that it belongs to (z1)."""
        return {s.output: s.value.of for s in self.steps if s.value.role is Role.DERIVATIVE and s.value.of is not None}

    @cached_property
    def derivative_of(self) -> Mapping[str, str]:
        """For each value with a derivative (z1) the derivative's name (dz1)."""
        return {of: name for name, of in self.derivatives.items()}

    @cached_property
    def through(self) -> Mapping[str, str]:
        """For each share of a derivative by its name (da1_from_z2) the value through which it comes back (z2)."""
        return {s.output: s.value.through for s in self.steps if s.value.through is not None}

    @cached_property
    def partials(self) -> Mapping[str, str]:
        """For each derivative of the loss, and each share of one, by its name the value that it belongs to."""
        shares = {name: self.values[name].of or "" for name in self.through}
        return {**self.derivatives, **shares}

    @cached_property
    def updated(self) -> Mapping[str, str]:
        """For each value that the update moves (W1) the name of its new value (W1_new)."""
        return {s.value.of: s.output for s in self.steps if s.value.role is Role.UPDATED and s.value.of is not None}

    def belongs_to(self, name: str) -> str:
        """The value that a derivative, a share or an updated value belongs to; any other value is its own."""
        value = self.values.get(name)
        if value is None or value.of is None or value.role is Role.OPTIMIZER:
            return name
        return value.of

    def part(self, *parts: str) -> tuple[Step, ...]:
        """The steps of the given parts."""
        return tuple(s for s in self.steps if s.part in parts)

    def needed_for(self, outputs: Iterable[str]) -> tuple[Step, ...]:
        """The steps without which `outputs` cannot be computed, in order."""
        needed: set[str] = set()
        waiting = [self.resolve(o) for o in outputs]
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                step = self.by_output.get(name)
                waiting += [i for i in step.inputs if i is not None] if step is not None else []
        return tuple(step for step in self.steps if step.output in needed)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The steps in order, those that run together over time as a `Loop`."""
        return segments(self.steps)

    @cached_property
    def recurrent(self) -> frozenset[str]:
        """The names of the values that loops over time compute."""
        loops = [segment for segment in self.segments if isinstance(segment, Loop)]
        return frozenset(step.output for loop in loops for step in loop.steps)

    def followed_by(self, steps: Iterable[Step], inputs: Iterable[Value]) -> Program:
        """This program with further steps (an optimizer's update) after it."""
        sources = [value for value in self.inputs if value.role in (Role.GIVEN, Role.OPTIMIZER)]
        variables = [value for value in self.inputs if value.role in (Role.PARAMETER, Role.STATE)]
        return replace(self, steps=(*self.steps, *steps), inputs=(*sources, *inputs, *variables))

    def verify(self) -> None:
        """Checks that the program can run: every input is there before it is used, every value is computed once, the
        shapes are those of the formulas, and what belongs to a value belongs to one that there is.

        Raises:
            FormulaError: where one of these does not hold; it names the step.
        """
        known: dict[str, Value] = {}
        for value in self.inputs:
            if value.name in known:
                raise FormulaError(f"{value.name} is given twice")
            known[value.name] = value
        names = {*known}
        for step in self.steps:
            if step.output in names:
                raise FormulaError(f"{step}: {step.output} is computed twice")
            names.add(step.output)
        looped = {id(s): segment for segment in self.segments if isinstance(segment, Loop) for s in segment.steps}
        for step in self.steps:
            loop = looped.get(id(step))
            later = {s.output for s in loop.steps} if loop is not None else set[str]()
            missing = [i for i in step.inputs if i is not None and i not in known and i not in later]
            if missing:
                raise FormulaError(f"{step}: {missing[0]} is not computed before")
            if step.part not in PARTS:
                raise FormulaError(f"{step}: the part {step.part!r} is none of {', '.join(PARTS)}")
            _check_shape(step, known)
            known[step.output] = step.value
        for value in known.values():
            if (value.of is None) == (value.role in RELATED):
                raise FormulaError(f"{value.name}, a {value.role} value, belongs to {value.of}")
            if value.of is not None and value.of not in known:
                raise FormulaError(f"{value.name} belongs to {value.of}, which there is not")
            if value.of is not None and value.role in RELATED and value.shape != known[value.of].shape:
                raise FormulaError(f"{value.name} has shape {value.shape}, but {value.of} {known[value.of].shape}")
        for alias, name in self.aliases.items():
            if alias in known or name not in known:
                raise FormulaError(f"{alias} is invalid as another name of {name}")

    def board(self) -> Board:
        """The list on a board, the first and the last steps of a long one."""
        return Board(f"Program of {self._count()}", (Table(HEAD, some_rows(self._rows())),))

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.by_output)

    def _count(self) -> str:
        counts = ", ".join(f"{part} {len(self.part(part))}" for part in PARTS if self.part(part))
        return f"{len(self)} step{'s' * (len(self) != 1)}: {counts}"

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (s.part, s.output, " x ".join(map(str, s.shape)) or "number", str(s).split(" = ", 1)[1], s.owner.text)
            for s in self.steps
        ]

    def __str__(self) -> str:
        return table(HEAD, self._rows())

    def __repr__(self) -> str:
        return f"<program of {self._count()}>"


RELATED = (Role.DERIVATIVE, Role.SHARE, Role.UPDATED, Role.OPTIMIZER)
"""Roles of values that belong to another one, whose shape they have."""


def _check_shape(step: Step, known: Mapping[str, Value]) -> None:
    formula = step.formula
    if formula is None:
        return
    shapes = {
        o: known[i].shape for o, i in zip(step.rule.operands, step.inputs, strict=True) if i is not None and i in known
    }
    try:
        formula.sizes({**shapes, formula.output: step.shape}, step.options)
        shape = formula.output_shape(shapes, step.options)
    except FormulaError as error:
        raise FormulaError(f"{step}: {error}") from None
    if shape is not None and shape != step.shape and formula.gives_shape:  # beyond p*s+u there may be more
        raise FormulaError(f"{step} has shape {step.shape}; its formula gives {shape}")
