"""An operation given by its forward lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..base.errors import OptionError
from ..formula.formula import Formula
from .derivation import Derivation, derivation


@dataclass(frozen=True)
class Given:
    """Forward lines with a name.

    Attributes:
        name: the operation's name, which may be that of a Python function.
        formulas: the lines in order; names without brackets are settings, but for outputs of other lines.
        source: where they are from, in words.
        settings: values of settings, for tests.
    """

    name: str
    formulas: tuple[Formula, ...]
    source: str = ""
    settings: Mapping[str, float] = field(default_factory=dict[str, float])

    @classmethod
    def of(
        cls,
        lines: Sequence[str],
        name: str | None = None,
        source: str = "",
        settings: Mapping[str, float] | None = None,
    ) -> Given:
        """The lines read.

        Raises:
            FormulaError: where one cannot be read.
            OptionError: where the name is no name.
        """
        plain = [Formula(line) for line in lines]
        outputs = {line.output for line in plain}
        formulas = tuple(Formula(f.text, f.symbols - outputs) for f in plain)
        called = name or f"{formulas[-1].output}_of_{'_'.join(_inputs(formulas)) or 'nothing'}"
        if not re.fullmatch(r"[A-Za-z]\w*", called):
            raise OptionError(f"the operation's name is that of a function, letters, digits and _, not {called!r}")
        return cls(called, formulas, source, dict(settings or {}))

    @cached_property
    def derivation(self) -> Derivation:
        """How the backward lines come about."""
        return derivation(self.formulas)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The values that the lines take."""
        return tuple(_inputs(self.formulas))

    @property
    def names_of_settings(self) -> tuple[str, ...]:
        """The settings, sorted."""
        return tuple(sorted({o for f in self.formulas for o in f.options}))

    @property
    def output(self) -> str:
        """The value that the last line gives."""
        return self.formulas[-1].output


def _inputs(formulas: Sequence[Formula]) -> list[str]:
    outputs = {f.output for f in formulas}
    names: dict[str, None] = {}
    for formula in formulas:
        names.update(dict.fromkeys(e.name for e in formula.elements if e.name not in outputs))
    return list(names)
