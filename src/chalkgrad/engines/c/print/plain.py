"""The intermediate form as text for readers, in no language: every instruction on a line of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from ....formula.nodes import Node, Symbol
from ..loops.ir import Bind, Cell, Clear, Declare, DeclareArrays, DeclareConstant, Instruction, Integer, Loop, Routine
from .printer import Lines, Printer, indented


class PlainPrinter(Printer):
    """The printer for readers."""

    index_kind = "index"

    def literal(self, value: float) -> str:
        return f"{value:g}"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        return f"{name}({', '.join(arguments)})"

    def special(self, node: Node) -> str:
        return node.name if isinstance(node, Symbol) else f"{type(node).__name__.lower()}({self._fields(node)})"

    def loop(self, loop: Loop) -> Lines:
        marks = [" unrolled" * loop.unrolled, " vectors" * loop.vector, f" sums {loop.reduced}" * bool(loop.reduced)]
        step = f" step {loop.step}" if loop.step else ""
        head = f"for {self.integer(loop.begin)} <= {loop.index} < {self.integer(loop.end)}{step}{''.join(marks)}"
        return [head, *indented(self.code(loop.body))]

    def own(self, instruction: Instruction) -> Lines:
        match instruction:
            case Bind(name=name, value=value, place=place, begin=begin):
                from_sample = f", of sample {begin} on" if begin and value.sampled else ""
                return [f"{name}: {value.home} from {place}{from_sample}"]
            case Declare(kind=kind, name=name, value=value):
                return [f"{kind} {name} = {self.value(value)};"]
            case DeclareConstant(name=name, value=value):
                return [f"once {name} = {self.number(value)};"]
            case DeclareArrays(kind=kind, arrays=arrays, zeros=zeros):
                note = ", zeros" if zeros else ""
                return [f"{kind} {name}[{']['.join(map(str, sizes))}]{note};" for name, sizes in arrays]
            case Clear(name=name, count=count):
                return [f"{name} = 0;" if count is None else f"{name}[0 to {count - 1}] = 0;"]
            case _:
                name = re.sub(r"(?<!^)(?=[A-Z])", " ", type(instruction).__name__).lower()
                body = getattr(instruction, "body", [])
                return [f"{name} {self._fields(instruction)}".rstrip(), *indented(self.code(body))]

    def _fields(self, item: Node | Instruction) -> str:
        """A node's or an instruction's fields, but for what stands inside."""
        assert is_dataclass(item)
        pairs = [(field.name, getattr(item, field.name)) for field in fields(item) if field.name != "body"]
        inner = [self.number(b) for b in [getattr(item, "body", None)] if isinstance(b, Node)]
        return ", ".join([*inner, *(f"{name} {self._field(value)}" for name, value in pairs if value != "")])

    def _field(self, value: Any) -> str:
        match value:
            case Cell():
                return self.cell(value)
            case Node():
                return self.number(value)
            case Integer():
                return self.integer(value)
            case _:
                return str(value)

    def routine(self, routine: Routine) -> Lines:
        """The lines of a routine."""
        head = f"{routine.name}({', '.join(p.name for p in routine.parameters)})"
        return [f"{head}: {routine.comment}" if routine.comment else head, *indented(self.code(routine.body))]
