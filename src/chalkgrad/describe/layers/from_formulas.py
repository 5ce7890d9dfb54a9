"""Layers made from formulas alone: the forward lines are stated, all else follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from typing import Any, ClassVar, cast

from ...base.checks import number, whole
from ...base.errors import FormulaError, OptionError, ShapeError, nearest
from ...calculus.given import Given
from ...calculus.names import derivative_name
from ...formula import Formula
from ...formula.nodes import Element, Symbol
from ...rules import Operation
from ...rules.rule import from_formula
from ..initializers import initializer
from .layer import Layer, Parameter, SampleShape, rows_text

SAMPLES = "N"
"""The size of the axis of the samples."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a layer of formulas is made from; the table [rules.Name] of a file.

    Attributes:
        name: the layer's name.
        formula: the forward lines.
        parameters: the initialisers' names by the parameters' formal names.
        sizes: for an index whose range nothing gives, the setting that does: o is units.
        settings: defaults of settings.
        source: where the lines are from.
        rectifies: whether it passes about half of its inputs, as a ReLU.
    """

    name: str
    formula: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...] = ()
    sizes: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, float], ...] = ()
    source: str = ""
    rectifies: bool = False

    def to_table(self) -> dict[str, Any]:
        """The table of a file."""
        lines = list(self.formula)
        table: dict[str, Any] = {"formula": lines if len(lines) > 1 else lines[0]}
        for key in ("parameters", "sizes", "settings"):
            if pairs := getattr(self, key):
                table[key] = dict(pairs)
        if self.source:
            table["source"] = self.source
        if self.rectifies:
            table["rectifies"] = True
        return table


@dataclass(frozen=True, slots=True)
class OfFormulas(Layer):
    """Base of the layers that are made from formulas."""

    statement: ClassVar[Statement]
    lines: ClassVar[tuple[Formula, ...]]
    made_of: ClassVar[Operation]
    rectifies: ClassVar[bool] = False

    @classmethod
    def owns(cls) -> bool:
        return bool(cls.statement.parameters)

    def check(self) -> None:
        sized = {setting for _, setting in self.statement.sizes}
        for name in _settings(self.statement, self.lines):
            if name in sized:
                whole(self.kind, name, getattr(self, name))
            else:
                number(self.kind, name, getattr(self, name), -math.inf)

    def operation(self, training: bool) -> Operation:
        return self.made_of

    def options(self, shape: SampleShape) -> dict[str, Any]:
        names = {option for rule in self.made_of.rules for option in rule.options}
        return {name: getattr(self, name) for name in _settings(self.statement, self.lines) if name in names}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        sizes = self._sizes(shape)
        inside = {i for i in _letters(self.made_of.input, self.lines) if i not in dict(self.statement.sizes)}
        found: dict[str, Parameter] = {}
        for name, initial in self.statement.parameters:
            letters = _letters(name, self.lines)
            extent = tuple(int(sizes[i]) for i in letters)
            comes = math.prod(int(sizes[i]) for i in letters if i in inside)
            goes = math.prod(int(sizes[i]) for i in letters if i not in inside)
            start = None if initial == "auto" else initializer(initial)
            found[name] = Parameter(extent, start, max(comes, 1), max(goes, 1), len(letters) > 1)
        return found

    def output_shape(self, shape: SampleShape) -> SampleShape:
        shapes: dict[str, Any] = {self.made_of.input: (SAMPLES, *shape)}
        shapes.update({n: p.shape for n, p in self.parameters(shape).items()})
        options = {name: getattr(self, name) for name in _settings(self.statement, self.lines)}
        for line in self.lines:
            try:
                known = line.output_shape({n: s for n, s in shapes.items() if n in line.arrays}, options)
            except FormulaError as error:
                raise ShapeError(f"{self.kind} takes no {rows_text(shape)}: {error}") from None
            if known is None:
                raise ShapeError(f"{self.kind}: {line.text!r} does not give its output's shape; add ranges, for p<P")
            shapes[line.output] = known
        result = shapes[self.made_of.output]
        if not result or result[0] != SAMPLES:
            raise ShapeError(f"{self.kind}: {self.lines[-1].text!r} has no row for every sample")
        return tuple(int(s) for s in result[1:])

    def _sizes(self, shape: SampleShape) -> dict[str, Any]:
        """How many values each index takes, for samples of this shape."""
        options = {name: getattr(self, name) for name in _settings(self.statement, self.lines)}
        sizes: dict[str, Any] = {letter: getattr(self, setting) for letter, setting in self.statement.sizes}
        for line in self.lines:
            if self.made_of.input in line.arrays:
                try:
                    sizes.update(line.sizes({self.made_of.input: (SAMPLES, *shape)}, options))
                except FormulaError as error:
                    raise ShapeError(f"{self.kind} takes no {rows_text(shape)}: {error}") from None
        return sizes


def _settings(statement: Statement, lines: Sequence[Formula]) -> list[str]:
    """The settings: of sizes first, then those of the lines."""
    sized = [setting for _, setting in statement.sizes]
    return list(dict.fromkeys([*sized, *sorted({o for line in lines for o in line.options})]))


def _letters(name: str, lines: Sequence[Formula]) -> list[str]:
    """The index letters of a value where it is first read."""
    for line in lines:
        for element in line.elements:
            if element.name == name:
                return [i.name for i in element.indices if isinstance(i, Symbol) and i.name in line.indices]
    return []


@cache
def layer_of(statement: Statement, module: str) -> type[Any]:
    """The class of a layer that is stated by formulas.

    Args:
        statement: the statement.
        module: the module that it belongs to.

    Raises:
        FormulaError: where a line cannot be read, or has no derivative.
        OptionError: where the statement is none of a layer.
    """
    name = statement.name
    if not name.isidentifier():
        raise OptionError(f"the name of a layer is that of a class, such as 'HardSwish', not {name!r}")
    given = Given.of(statement.formula)
    lines, parameters = given.formulas, dict(statement.parameters)
    for one in parameters:
        if one not in given.inputs:
            raise OptionError(f"{name}: there is no {one} in its lines to be a parameter; {nearest(one, given.inputs)}")
    inputs = [n for n in given.inputs if n not in parameters]
    if len(inputs) != 1:
        others = ", ".join(inputs) or "none"
        raise OptionError(
            f"{name} takes one value, but its lines read {others} besides the parameters: state initialisers, "
            f"parameters = {{ {inputs[-1] if inputs else 'W'} = 'glorot' }}"
        )
    _check_letters(name, lines, inputs[0], parameters, dict(statement.sizes))
    rules = [
        from_formula(f.text, f"{name.lower()}_{f.output}", module, source=statement.source, settings=f.options)
        for f in lines
    ]
    operation = Operation.of_rules(name, rules, inputs[0])
    if derivative_name(inputs[0]) not in [rule.output for rule in operation.backward]:
        raise OptionError(f"{name}: nothing comes back to {inputs[0]} through its lines; they are flat")
    defaults = dict(statement.settings)
    names = _settings(statement, lines)
    for one in defaults:
        if one not in names:
            raise OptionError(f"{name}: there is no setting {one!r} in its lines; {nearest(one, names)}")
    for one in names:
        if hasattr(OfFormulas, one):
            raise OptionError(f"{name} has a setting {one}, as every layer has; rename it")
    sized = {setting for _, setting in statement.sizes}
    fields = sorted(names, key=lambda n: n in defaults)
    first = next(e for line in lines for e in line.elements if e.name == inputs[0])
    return make_dataclass(
        name,
        [
            (n, int if n in sized else float) if n not in defaults else (n, float, field(default=defaults[n]))
            for n in fields
        ],
        bases=(OfFormulas,),
        namespace={
            "__module__": module,
            "__doc__": f"{name}: {'; '.join(statement.formula)}.",
            "__annotations__": {},
            "statement": statement,
            "lines": lines,
            "made_of": operation,
            "rectifies": statement.rectifies,
            "weighted": any(len(_letters(p, lines)) > 1 for p in parameters),
            "per_step": len(first.indices) == 2
            and all(isinstance(i, Symbol) and i.name != "..." for i in first.indices),
        },
        frozen=True,
        slots=True,
    )


def _check_letters(
    name: str,
    lines: Sequence[Formula],
    read: str,
    parameters: Mapping[str, str],
    sizes: Mapping[str, str],
) -> None:
    """Raises OptionError where nothing gives the size of a parameter's axis, or a size is of no index."""
    known = set(_letters(read, lines)) | {letter for line in lines for letter in line.bounds} | set(sizes)
    every = {i for line in lines for i in line.indices}
    for letter in sizes:
        if letter not in every:
            raise OptionError(f"{name}: sizes names the index {letter}, which no line has; {nearest(letter, every)}")
    for one in parameters:
        for line in lines:
            for element in line.elements:
                if element.name == one:
                    _check_places(name, element, known)


def _check_places(name: str, element: Element, known: set[str]) -> None:
    for place in element.indices:
        letter = place.name if isinstance(place, Symbol) else None
        if letter is None or letter == "...":
            raise OptionError(f"{name}: the indices of the parameter {element.name} are letters, one for each axis")
        if letter not in known:
            raise OptionError(
                f"{name}: nothing gives the size of the index {letter} of {element.name}; name a setting that does, "
                f"sizes = {{ {letter} = 'units' }}"
            )


def statement_of(name: str, table: Mapping[str, Any]) -> Statement:
    """The statement of a table [rules.Name].

    Raises:
        OptionError: where the table has something else in it.
    """
    known = ("formula", "parameters", "sizes", "settings", "source", "rectifies")
    for key in table:
        if key not in known:
            raise OptionError(f"rules.{name} has no {key!r}; {nearest(key, known)}")
    formula = table.get("formula")
    lines = [formula] if isinstance(formula, str) else formula
    if (
        not isinstance(lines, (list, tuple))
        or not lines
        or not all(isinstance(f, str) for f in cast("list[object]", lines))
    ):
        raise OptionError(f"rules.{name}: formula is a line, or a list of lines")
    pairs: dict[str, tuple[tuple[str, Any], ...]] = {}
    for key, kinds in (("parameters", str), ("sizes", str), ("settings", (int, float))):
        inner = table.get(key, {})
        values = cast("dict[str, object]", inner) if isinstance(inner, Mapping) else {}
        if not isinstance(inner, Mapping) or not all(isinstance(v, kinds) for v in values.values()):
            what = "a table of numbers" if key == "settings" else "a table of words"
            raise OptionError(f"rules.{name}: {key} is {what}")
        pairs[key] = tuple(sorted(values.items()))
    source, rectifies = table.get("source", ""), table.get("rectifies", False)
    if not isinstance(source, str) or not isinstance(rectifies, bool):
        raise OptionError(f"rules.{name}: source is text, and rectifies true or false")
    return Statement(name, tuple(cast("list[str]", lines)), **pairs, source=source, rectifies=rectifies)
