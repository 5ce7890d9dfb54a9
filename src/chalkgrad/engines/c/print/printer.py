"""The base of printers of the intermediate form: arithmetic, loops and blocks, in the manner of C.

A language is a subclass: it says how it writes numbers, calls, elements, and what it does for each instruction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ....formula.nodes import Binary, Function, Indicator, Negative, Node, Number
from ..loops.ir import (
    Assign,
    Block,
    Cell,
    Choice,
    Code,
    Comment,
    Compared,
    Counted,
    Declare,
    DeclareArrays,
    DeclareConstant,
    Double,
    Found,
    If,
    Index,
    Instruction,
    Integer,
    Larger,
    Linear,
    Load,
    Loop,
    Point,
    Quotient,
    Ragged,
    Remainder,
    Stored,
    Sum,
    Times,
    Variable,
)

Lines = list[str]

COMPARISONS = {"<": "<", ">": ">", "<=": "<=", ">=": ">=", "=": "=="}
WIDTH = 118
"""Loops and what stands in them share a line that is shorter than this."""
ALONE = (Comment, Declare, DeclareArrays, DeclareConstant, Point)
"""Instructions that do not stand on the line of their loop."""


def indented(lines: Sequence[str]) -> Lines:
    """The lines one step to the right."""
    return [f"    {line}" if line else line for line in lines]


def braced(head: str, lines: Sequence[str]) -> Lines:
    """A loop or routine with its body in braces."""
    return [f"{head} {{", *indented(lines), "}"]


def fitted(head: str, lines: Sequence[str]) -> Lines:
    """A loop with its body: on one line where that fits, else in braces."""
    if len(lines) == 1 and len(head) + len(lines[0]) < WIDTH:
        return [f"{head} {lines[0]}"]
    return braced(head, lines)


class Printer(ABC):
    """Base of the printers of the intermediate form."""

    # -- whole numbers ---------------------------------------------------------------------------------------------

    def integer(self, value: Integer) -> str:
        """A whole number."""
        match value:
            case Index(name=name):
                return name
            case Linear():
                return self._linear(value)
            case Sum(parts=parts):
                return " + ".join(map(self.integer, parts))
            case Quotient(of=of, by=by, times=times):
                return f"{self.quotient(self._operand(of), by)}{f' * {times}' if times != 1 else ''}"
            case Remainder(of=of, by=by):
                return f"{self._operand(of)} % {by}"
            case Times(index=index, constant=constant):
                return f"{index} * {constant}"
            case Stored(cell=cell):
                return self.stored(cell)
            case _:
                raise NotImplementedError(f"no text for {value}")

    def quotient(self, of: str, by: int) -> str:
        """The whole part of a quotient."""
        return f"{of} / {by}"

    def stored(self, cell: Cell) -> str:
        """A whole number in memory."""
        return self.cell(cell)

    def _operand(self, value: Integer) -> str:
        return value.name if isinstance(value, Index) else f"({self.integer(value)})"

    def _linear(self, value: Linear) -> str:
        text, constant = "", value.constant
        if constant > 0 and value.terms and value.terms[0][1] < 0:
            text, constant = str(constant), 0
        for term, factor in value.terms:
            own = self.integer(term) if factor == 1 else self._operand(term)
            if abs(factor) != 1:
                own = f"{own} * {abs(factor)}"
            text = f"{text} {'-' if factor < 0 else '+'} {own}" if text or factor < 0 else own
        if not text:
            return str(constant)
        text = text.removeprefix(" ")
        return f"{text} + {constant}" if constant > 0 else f"{text} - {-constant}" if constant < 0 else text

    # -- numbers ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def literal(self, value: float) -> str:
        """A number."""

    @abstractmethod
    def call(self, name: str, arguments: Sequence[str]) -> str:
        """A function of numbers: those of formulas, and "square", "cube", "power_1_5", "pow", "expm1", "softplus"."""

    @abstractmethod
    def special(self, node: Node) -> str:
        """A node that each language writes in its own way: loads, counts, what concerns NaN, vectors."""

    def cell(self, cell: Cell) -> str:
        """An element in memory."""
        row = "" if cell.row is None else f"[{self.integer(cell.row)}]"
        return f"{cell.array}{row}[{self.integer(cell.place)}]"

    def number(self, node: Node) -> str:
        """A number; logarithms and exponentials that would overflow where the whole does not in their stable form, a
        factor that is an indicator as a choice.
        """
        match node:
            case Load(cell=cell):
                return self.cell(cell)
            case Variable(name=name) | Found(name=name):
                return name
            case Number(value=value):
                return self.literal(value)
            case Binary():
                return self._binary(node)
            case Negative(body=body):
                plain = isinstance(body, (Load, Variable, Double, Counted))
                return f"-{self.number(body)}" if plain else f"-({self.number(body)})"
            case Function(
                name="log",
                arguments=(Binary(operator="+", left=Number(value=1.0), right=Function(name="exp", arguments=inner)),),
            ):
                return self.call("softplus", [self.number(inner[0])])
            case Function(name=name, arguments=arguments):
                return self.call(name, [self.number(a) for a in arguments])
            case Indicator():
                return f"({self.condition(node)} ? {self.literal_whole(1)} : {self.literal_whole(0)})"
            case Choice():
                return f"({self.choice(node)})"
            case _:
                return self.special(node)

    def literal_whole(self, value: int) -> str:
        """A whole number as a number."""
        return str(value)

    def choice(self, node: Choice) -> str:
        """A choice without brackets round it."""
        conditions = " && ".join(map(self.condition, node.conditions))
        return f"{conditions} ? {self.value(node.chosen)} : {self.value(node.other)}"

    def value(self, value: Node | Integer) -> str:
        """The right side of an assignment."""
        if isinstance(value, Choice):
            return self.choice(value)
        return self.number(value) if isinstance(value, Node) else self.integer(value)

    def condition(self, node: Node) -> str:
        """A condition."""
        match node:
            case Indicator(comparison=comparison, left=left, right=right):
                return f"{self._side(left)} {COMPARISONS[comparison]} {self._side(right)}"
            case Compared(comparison=comparison, left=left, right=right):
                return f"{self.value(left)} {COMPARISONS[comparison]} {self.value(right)}"
            case Larger(candidate=candidate, best=best):
                return f"{candidate.name} > {best.name} || {candidate.name} != {candidate.name}"
            case _:
                return self.number(node)

    def _side(self, node: Node) -> str:
        return f"({self.number(node)})" if isinstance(node, (Binary, Negative)) else self.number(node)

    def _binary(self, node: Binary) -> str:
        operator, left, right = node.operator, node.left, node.right
        match operator, left, right:
            case "-", Function(name="exp", arguments=(inner,)), Number(value=1.0):
                return self.call("expm1", [self.number(inner)])
            case ("*", other, Indicator() as indicator) | ("*", Indicator() as indicator, other):
                return f"({self.condition(indicator)} ? {self.number(other)} : {self.literal_whole(0)})"
            case (("*" | "/"), _, _):
                return f"{self._factor(left)} {operator} {self._factor(right, second=True)}"
            case _:
                text = self.number(
                    right
                )  # of three terms the first two are added first, as if nothing were in brackets
                if isinstance(right, Negative) or (
                    operator == "-" and isinstance(right, Binary) and right.operator in "+-"
                ):
                    text = f"({text})"
                return f"{self.number(left)} {operator} {text}"

    def _factor(self, node: Node, *, second: bool = False) -> str:
        """An operand of * or /, in brackets where it needs them."""
        loose = isinstance(node, Negative) or (isinstance(node, Binary) and (node.operator in "+-" or second))
        return f"({self.number(node)})" if loose else self.number(node)

    # -- instructions ----------------------------------------------------------------------------------------------

    index_kind = "int"
    """The word before a loop's index."""

    @abstractmethod
    def own(self, instruction: Instruction) -> Lines:
        """An instruction that each language writes in its own way: declarations, pointers, shares, calls."""

    def code(self, code: Code) -> Lines:
        """Instructions, line by line."""
        return [line for instruction in code for line in self.instruction(instruction)]

    def instruction(self, instruction: Instruction) -> Lines:
        """One instruction."""
        match instruction:
            case Assign(target=target, value=value, operator=operator, lanes=0):
                to = target.name if isinstance(target, Variable) else self.cell(target)
                return [f"{to} {operator} {self.value(value)};"]
            case Loop():
                return self.loop(instruction)
            case Comment(text=text):
                return [f"/* {text} */"]
            case If(conditions=conditions, body=body):
                return self.fitting(f"if ({' && '.join(map(self.condition, conditions))})", body)
            case Block(body=body, comment=comment):
                return [f"{{ /* {comment} */" if comment else "{", *indented(self.code(body)), "}"]
            case Ragged(index=index, tile=tile, together=together, alone=alone):
                first = braced(f"if ({index} + {tile} <= rows)", [*self.code(together), f"{index} += {tile};"])
                rest = braced("else", [*self.code(alone), f"{index}++;"])
                return braced(f"for ({self.index_kind} {index} = 0; {index} < rows;)", [*first, *rest])
            case _:
                return self.own(instruction)

    def loop(self, loop: Loop) -> Lines:
        """A loop."""
        return self.laid_out(self.loop_head(loop), loop)

    def loop_head(self, loop: Loop) -> str:
        """The head of a plain loop."""
        index, begin, end = loop.index, self.integer(loop.begin), self.integer(loop.end)
        if loop.backward:
            last = self.integer(Linear(((loop.end, 1),), -1))
            return f"for ({self.index_kind} {index} = {last}; {index} >= {begin}; {index}--)"
        step = f"{index}++" if loop.step is None else f"{index} += {loop.step}"
        return f"for ({self.index_kind} {index} = {begin}; {index} < {end}; {step})"

    def laid_out(self, head: str, loop: Loop) -> Lines:
        """A loop's head with its body."""
        if loop.layout == "fitting":
            return self.fitting(head, loop.body)
        first, *others = self.code(loop.body)
        return [head, f"    {first}"] if loop.layout == "below" else [f"{head} {first}", *others]

    def fitting(self, head: str, body: Code) -> Lines:
        """A head with its body: on one line where that fits, else in braces."""
        lines = self.code(body)
        return braced(head, lines) if isinstance(body[0], ALONE) else fitted(head, lines)
