"""The one idea: a network is a list of named steps that can be read.

A `Step` computes one named value from values named before it, by one rule. A `Program` is the ordered list:
forward, loss, backward, update. Running, tracing, explaining and writing are readings of this list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..base.columns import table
from ..base.errors import unknown
from ..formula import Shape
from ..rules.rule import Rule

PARTS = ("forward", "loss", "backward", "update")


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One line of the program.

    Attributes:
        output: the name of the value that it computes.
        rule: the rule that computes it.
        inputs: the names of the rule's operands in order; None for an absent optional one.
        options: the rule's settings.
        shape: the output's shape, "N" standing for the number of samples.
        part: "forward", "loss", "backward" or "update".
        layer: the layer it belongs to, as text ("layer 1, Dense"), or the loss or optimizer.
        bound: every formal name of its operation with the network's own; a rule's mistakes may use more of them
            than the rule does.
        settings: every setting of its operation.
    """

    output: str
    rule: Rule
    inputs: tuple[str | None, ...]
    options: Mapping[str, Any]
    shape: Shape
    part: str
    layer: str
    bound: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"], repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def computed(self, value: Callable[[str], Any]) -> Any:
        """What the step computes from its inputs' values, each asked for by name."""
        return self.rule.function(*[None if i is None else value(i) for i in self.inputs], **self.options)

    def __str__(self) -> str:
        given = ", ".join(i for i in self.inputs if i is not None)
        return f"{self.output} = {self.rule.name}({given})"


@dataclass(frozen=True)
class Program:
    """The whole pass as a list of steps, with the names that must be given to run it.

    Attributes:
        steps: the steps in the order in which they run.
        given: shapes of what comes from outside: x, y, clock (updates so far, plus one), and for
            an update lr and t (this optimizer's steps, plus one).
        parameters: shapes of the parameters, in the order of the flat buffer.
        states: shapes of the running averages, which the update carries on.
        aliases: other names of values ("a2" for y_hat).
    """

    steps: tuple[Step, ...]
    given: Mapping[str, Shape]
    parameters: Mapping[str, Shape]
    states: Mapping[str, Shape] = field(default_factory=dict[str, Shape])
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, name: str) -> Step:
        """The step that computes the value `name`."""
        resolved = self.resolve(name)
        if resolved not in self.by_output:
            raise unknown("step for the value", name, list(self.by_output))
        return self.by_output[resolved]

    def resolve(self, name: str) -> str:
        """The value's own name, where `name` may be its other name.

        Raises:
            UnknownNameError: where no value has this name.
        """
        known = self.shapes
        if not isinstance(name, str) or self.aliases.get(name, name) not in known:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise unknown("value", name, [*known, *self.aliases])
        return self.aliases.get(name, name)

    @cached_property
    def by_output(self) -> Mapping[str, Step]:
        """Every step by the value that it computes."""
        return {s.output: s for s in self.steps}

    @cached_property
    def derivatives(self) -> Mapping[str, str]:
        """For each derivative of the loss, by its name (dz1), the value that it belongs to (z1)."""
        names = [s.output for s in self.part("backward")]
        return {n: n[1:] for n in names if n.startswith("d") and n[1:] in self.shapes}

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every named value."""
        return {
            **self.given,
            **self.parameters,
            **self.states,
            **{s.output: s.shape for s in self.steps},
        }

    def part(self, *parts: str) -> tuple[Step, ...]:
        """The steps of the given parts."""
        return tuple(s for s in self.steps if s.part in parts)

    def needed_for(self, outputs: Iterable[str]) -> tuple[Step, ...]:
        """The steps without which `outputs` cannot be computed, in order."""
        wanted = {self.resolve(o) for o in outputs}
        chosen: list[Step] = []
        for step in reversed(self.steps):
            if step.output in wanted:
                chosen.append(step)
                wanted.update(i for i in step.inputs if i is not None)
        return tuple(reversed(chosen))

    def followed_by(self, steps: Iterable[Step], given: Mapping[str, Shape]) -> Program:
        """This program with further steps (an optimizer's update) behind it."""
        return replace(self, steps=(*self.steps, *steps), given={**self.given, **given})

    def __str__(self) -> str:
        rows = [
            (s.part, s.output, " x ".join(map(str, s.shape)) or "number", str(s).split(" = ", 1)[1], s.layer)
            for s in self.steps
        ]
        return table(("part", "value", "shape", "computed as", "of"), rows)
