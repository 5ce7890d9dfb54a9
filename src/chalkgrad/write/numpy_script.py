"""A network as a NumPy script: forward pass, backward pass and update, line by line, with its own numbers."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ..base.checks import whole
from ..describe.layers.layer import rows_text
from ..describe.optimizers import Optimizer, as_optimizer
from ..model.lines import INPUT
from ..model.model import Model
from ..program import Loop, Owner, Program, Segment, Step, segments
from .arrays import Data, NumPyStyle, data_lines, read_beside, script_data, weight_lines
from .folding import constant
from .inline import Library, Optionals, unused
from .layout import comment_lines, docstring_lines, statement_lines
from .names import helpers, identifiers, reserved
from .step_lines import StepLines, function_of

SHOWN = 20
"""About how many losses a script prints at most."""


def numpy_script(
    network: Model,
    x: Any = None,
    y: Any = None,
    *,
    optimizer: Optimizer | str = "SGD",
    steps: int = 1,
    title: str = "",
    beside: str | None = None,
    sample_weight: Any = None,
) -> str:
    """A Python script that trains this network as `fit` does with all samples at once, and needs NumPy only.

    Its lines are the network's program, and so are its losses, to the last bit. It is whole, or what
    `files_beside` gives has to lie beside it.

    Args:
        network: the network; the script begins with its parameters as they are now.
        x: samples (N, *input_shape); without x and y the script draws an example.
        y: targets (N, *output_shape) or class numbers (N,).
        optimizer: how the parameters are updated.
        steps: how many updates there are; 0 for the forward pass alone.
        title: the script's first line.
        beside: what the files beside it begin with; None where all stands in the script.
        sample_weight: the samples' weights, as for `fit`.

    Raises:
        OptionError: where a setting is invalid.
        ShapeError, DataError: where x or y do not fit.
    """
    steps = whole("numpy_script", "steps", steps, 0)
    data = script_data(network, x, y, sample_weight)
    return _Script(network, as_optimizer(optimizer, network.dtype), steps, data, title, beside).text()


@dataclass(slots=True)
class _Group:
    """Statements under one comment."""

    label: str
    statements: list[ast.stmt] = field(default_factory=list[ast.stmt])


class _Script:
    def __init__(
        self, network: Model, optimizer: Optimizer, steps: int, data: Data, title: str, beside: str | None
    ) -> None:
        self.network, self.optimizer, self.steps, self.data, self.title = network, optimizer, steps, data, title
        self.beside = beside
        weighted = data.weights is not None
        program = network.updated_by(optimizer, weighted=weighted)
        arrays = [*network.parameters, *network.states, *optimizer.start(program, network.dtype)]
        self.carried = [name for name in arrays if name in program.updated]
        self.updated = program.updated
        prediction = network.program_for(training=False, weighted=weighted).needed_for(["L"])
        alike = _same(program.needed_for(["L"]), prediction)
        if steps == 0 or not self.carried:
            self.steps, self.carried = 0, []
            training: tuple[Step, ...] = ()
        else:
            training = program.needed_for(["L", *(self.updated[name] for name in self.carried)])
        forward = [s for s in training if s.part in ("forward", "loss")]
        self.forward = forward or list(prediction)
        self.backward_and_update = [s for s in training if s.part in ("backward", "update")]
        self.prediction = list(prediction) if forward and not alike else []
        everything = [*self.forward, *self.backward_and_update, *self.prediction]
        self._name(program, everything)
        self.library = Library(self.taken, helpers(s.rule for s in everything), *_optional(everything))
        kind = ", dtype=np.float32" if network.dtype.name == "float32" else ""
        self.lines = StepLines(
            self.names, self.shapes, self.library, self._settings_of, f"len({self.names[INPUT]})", self.time, kind
        )

    def _name(self, program: Program, everything: Sequence[Step]) -> None:
        """Gives every value its name in the script, and says which shapes are known."""
        shapes = {**self.network.prediction_program.shapes, **program.shapes}
        for step in everything:
            shapes[step.output] = step.shape
        words = {*reserved(), *helpers(s.rule for s in everything)}
        self.names = identifiers(shapes, words)
        self.time = "t"
        if any(isinstance(segment, Loop) for segment in segments(self.forward)) and self.names["t"] == self.time:
            self.names["t"] = unused("count", {*words, *self.names.values()})  # t is the time then, not the update
        self.taken: Collection[str] = {*reserved(), *self.names.values(), self.time}
        # `W1 = W1 - lr * dW1` wherever nothing after it needs the old value
        self.late: list[str] = []
        for name in self.carried:
            place = next(i for i, s in enumerate(self.backward_and_update) if s.output == self.updated[name])
            if any(name in s.inputs for s in self.backward_and_update[place + 1 :]):
                self.late.append(name)
            else:
                self.names[self.updated[name]] = self.names[name]
        self.options = self._settings()
        self.taken = {*self.taken, *(name for name, _ in self.options.values())}
        self.shapes: dict[str, tuple[int | None, ...]] = {self.names[n]: _sizes(s) for n, s in shapes.items()}
        self.shapes.update({name: () for name, _ in self.options.values()})

    def _settings(self) -> dict[str, tuple[str, float]]:
        """The optimizer's settings that get a name in the script, by the rules' names; zeros are put in."""
        optimizer_options = [s.options for s in self.backward_and_update if self._updates(s)]
        settings = {option: value for options in optimizer_options for option, value in options.items() if value}
        values = {*self.taken}
        clash = bool(settings.keys() & values)  # beta1 may be a layer's: then it is beta_1 here
        spaced = {o: re.sub(r"(\d+)$", r"_\1", o) if clash else o for o in settings}
        return {o: (unused(spaced[o], values), value) for o, value in settings.items()}

    def _updates(self, step: Step) -> bool:
        return step.owner.kind == "optimizer"

    # -- the program's steps -------------------------------------------------------------------------------------

    def _settings_of(self, step: Step) -> dict[str, ast.expr]:
        """A step's settings as numbers, the optimizer's as names."""
        options: dict[str, ast.expr] = {n: constant(v) for n, v in step.options.items()}
        if self._updates(step):
            options.update({n: ast.Name(self.options[n][0], ast.Load()) for n, v in step.options.items() if v})
        return options

    def _groups(self, steps: Sequence[Step], indent: int) -> list[_Group]:
        groups: list[_Group] = []
        for (owner, part), members in groupby(segments(steps), _heading):
            statements = [line for segment in members for line in self.lines.of(segment, indent)]
            groups.append(_Group(self._label(owner, part), statements))
        return groups

    def _label(self, owner: Owner, part: str) -> str:
        if owner.line is not None and part == "forward":
            line = self.network.layout.lines[owner.line]
            before = " and ".join(map(rows_text, line.shapes))
            return (
                f"{owner}: {before} -> {rows_text(line.shape)}"
                if line.shapes != (line.shape,) or line.names
                else owner.text
            )
        return f"running averages of {owner}" if part == "update" and owner.kind == "layer" else owner.text

    # -- the text ------------------------------------------------------------------------------------------------

    def text(self) -> str:
        indent = 4 if self.steps else 0
        forward = self._groups(self.forward, indent)
        backward = self._groups([s for s in self.backward_and_update if s.part == "backward"], indent)
        update = self._groups([s for s in self.backward_and_update if s.part == "update"], indent)
        prediction = self._groups(self.prediction, 0)
        for name in self.late:
            value = ast.Name(self.names[self.updated[name]], ast.Load())
            update[-1].statements.append(ast.Assign([ast.Name(self.names[name], ast.Store())], value))
        used = _names_used([*forward, *backward, *update, *prediction])
        body = self._main(forward, backward, update, prediction, used)
        start = self._start(used)
        functions = [["", "", *statement_lines(f)] for f in self.library.definitions]
        opening = ["", "", *start] if functions else ["", *start]
        text = "\n".join([*(line for f in functions for line in f), *opening, "", *body])
        return "\n".join([*docstring_lines(self._about()), *self._imports(text), text]) + "\n"

    def _about(self) -> str:
        network = self.network
        kinds = " - ".join(layer.kind for layer in network.layers)
        description = f"{kinds} with the loss {network.loss_function.kind}"
        description += f", trained by {self.optimizer.kind}" if self.steps else ""
        title = " ".join(self.title.split())
        passes = "forward pass, backward pass and update" if self.steps else "the forward pass"
        about = [title or f"{description}, in NumPy alone.", f"The network {description}: " if title else ""]
        about[1] += f"{passes}, line by line. Samples are rows, N of them."
        about[1] += " dW1 stands for dL/dW1, and so does every name with a d before it." if self.steps else ""
        about[1] = about[1][0].upper() + about[1][1:]
        return "\n\n".join([*about, *read_beside(network, self.data, self.beside)])

    def _imports(self, text: str) -> list[str]:
        nodes = list(ast.walk(ast.parse(text)))
        words = {n.id for n in nodes if isinstance(n, ast.Name)}
        standard = [f"import {name}" for name in ("base64", "math") if name in words]
        standard += sorted([*self.library.imports, *["from pathlib import Path"] * ("Path" in words)])
        quiet = []
        if "exp" in {n.attr for n in nodes if isinstance(n, ast.Attribute)}:
            quiet = ["", 'np.seterr(over="ignore")  # exp of a large number is infinity, and 1 / infinity is 0']
        return ["", *standard, *([""] if standard else []), "import numpy as np", *quiet]

    def _start(self, used: set[str]) -> list[str]:
        """The lines before the first step: parameters, samples, settings."""
        network = self.network
        arrays = {n for n in (*network.parameters, *network.states) if self.names[n] in used}
        kind = ", dtype=np.float32" if network.dtype.name == "float32" else ""
        one_hot = f"y = np.eye({network.output_shape[-1]}{kind})[labels]  # one row for each: 1 at its class, else 0"
        moved = any(name in network.program.updated for name in network.states)
        states = "the running averages" if moved else "the means and deviations of the samples"
        lines = ["# the parameters" + (f", and {states}" if network.states else "")] if arrays else []
        lines += weight_lines(network, self.names, arrays, NumPyStyle(), self.beside)
        lines += [""] if arrays else []
        lines += data_lines(network, self.data, NumPyStyle(), one_hot, self.beside)
        if not self.steps:
            return lines
        lines += ["", *comment_lines(f"how it is trained: {self.optimizer.kind}{self._frozen()}")]
        rate = self.optimizer.learning_rate
        lines += [f"{self.names['lr']} = {rate!r}  # the learning rate"] if self.names["lr"] in used else []
        lines += [f"{name} = {value!r}" for name, value in self.options.values() if name in used]
        parameters = {*network.parameters, *network.states}
        for name in self.carried:
            if name not in parameters:
                of = name.partition("_")[2]  # v_W1 goes with W1
                lines.append(f"{self.names[name]} = np.zeros_like({self.names[of]})")
        return [*lines, f"steps = {self.steps}  # how many updates"]

    def _main(
        self,
        forward: Sequence[_Group],
        backward: Sequence[_Group],
        update: Sequence[_Group],
        prediction: Sequence[_Group],
        used: set[str],
    ) -> list[str]:
        L = self.names["L"]
        if not self.steps:
            return [*_lines(forward, 0), f'print(f"L = {{float({L})!r}}")']
        twice = bool(prediction)  # the prediction's forward pass is another
        lines = [f"for step in range(steps{'' if twice else ' + 1'}):"]
        offset = self.network.steps_taken + 1
        counters = [f"    {self.names['t']} = step + 1"] if self.names["t"] in used else []
        counters += [f"    {self.names['clock']} = step + {offset}"] if self.names["clock"] in used else []
        lines += counters
        lines += ["    # --- forward: from the samples x to the loss L ---", *_lines(forward, 4)]
        lines += loss_lines_of_step(f"float({L})", self.steps, not twice)
        if not twice:
            lines += ["    if step == steps:", "        break  # this was the loss after the last update"]
        lines += ["", "    # --- backward: the derivatives, from the loss back ---", *_lines(backward, 4)]
        lines += ["", f"    # --- update: a step of {self.optimizer.kind} ---", *_lines(update, 4, self._is_plain)]
        if twice:
            lines += ["", *comment_lines(f"--- {self._difference()} ---"), *_lines(prediction, 0)]
            lines.append(f'print(f"after step {{steps}}, as in prediction: L = {{float({L})!r}}")')
        return lines

    def _frozen(self) -> str:
        """The words on the parameters that stay as they are."""
        names = [self.names[n] for n in self.network.frozen]
        return f"; {', '.join(names)} {'stay as they are' if names[1:] else 'stays as it is'}" if names else ""

    def _is_plain(self, label: str) -> bool:
        return label.startswith("optimizer")

    def _difference(self) -> str:
        kinds = {layer.kind for layer in self.network.layers}
        differences = ["without dropout"] if "Dropout" in kinds else []
        differences += ["with the running averages"] if "BatchNorm" in kinds else []
        return f"the loss as in prediction: {', '.join(differences)}"


def print_interval(steps: int) -> int:
    """The interval, in steps, at which a script of so many steps prints its loss: 1, 10, 100, ..."""
    every = 1
    while steps > SHOWN * every:
        every *= 10
    return every


def loss_lines_of_step(value: str, steps: int, last: bool) -> list[str]:
    """The lines of a loop that print a step's loss, of many steps some; with the `last` one, where it is seen."""
    every = print_interval(steps)
    line = f'print(f"step {{step}}: L = {{{value}!r}}")'
    if every == 1:
        return [f"    {line}"]
    return [f"    if step % {every} == 0{' or step == steps' if last else ''}:", f"        {line}"]


def _same(first: Sequence[Step], second: Sequence[Step]) -> bool:
    """Whether two lists of steps compute the same."""
    return [(s.output, s.rule, s.inputs, dict(s.options)) for s in first] == [
        (s.output, s.rule, s.inputs, dict(s.options)) for s in second
    ]


def _heading(segment: Segment) -> tuple[Owner, str]:
    """The owner and the part under which a segment stands; a loop under those of its first step."""
    step = segment.steps[0] if isinstance(segment, Loop) else segment
    return step.owner, step.part


def _optional(steps: Iterable[Step]) -> tuple[Optionals, Optionals]:
    """By rules' functions the optional operands that are given everywhere, and those that are given nowhere."""
    presence: dict[tuple[Callable[..., Any], str], set[bool]] = {}
    for step in steps:
        for operand, name in zip(step.rule.operands, step.inputs, strict=True):
            if operand in step.rule.optional:
                presence.setdefault((function_of(step.rule), operand), set()).add(name is not None)
    present: dict[Callable[..., Any], set[str]] = {}
    absent: dict[Callable[..., Any], set[str]] = {}
    for (function, operand), occurrences in presence.items():
        if len(occurrences) == 1:
            (present if True in occurrences else absent).setdefault(function, set()).add(operand)
    return present, absent


def _sizes(shape: Sequence[Any]) -> tuple[int | None, ...]:
    return tuple(s if isinstance(s, int) else None for s in shape)


def _names_used(groups: Iterable[_Group]) -> set[str]:
    """The names that the groups' statements use."""
    nodes = (n for g in groups for s in g.statements for n in ast.walk(s))
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _lines(groups: Sequence[_Group], indent: int, plain: Any = None) -> list[str]:
    lines: list[str] = []
    for group in groups:
        if plain is None or not plain(group.label):
            lines += comment_lines(group.label, indent)
        lines += [line for s in group.statements for line in statement_lines(s, indent)]
    return lines
