"""Lines printed as JavaScript functions: a loop nest for each line, from the same formula that all readings have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..formula import Shape, Size
from ..formula.affine import affine, span
from ..formula.nodes import (
    Binary,
    Element,
    Function,
    Indicator,
    Negative,
    Node,
    Number,
    Reduction,
    Symbol,
    walk,
)
from ..formula.rewrite import rewritten
from ..program.statement import SAMPLES, Statement

OWN_FUNCTIONS = {"erf", "erfc"}
"""The functions that JavaScript does not have; `web/functions.js` does."""
ARGUMENTS = frozenset({"v", "N", "own", "at", "out", "Math", "NaN", "Infinity", "Float64Array"})
RESERVED = ARGUMENTS | {
    "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do",
    "else", "enum", "export", "extends", "false", "finally", "for", "function", "if", "implements", "import",
    "in", "instanceof", "interface", "let", "new", "null", "package", "private", "protected", "public",
    "return", "static", "super", "switch", "this", "throw", "true", "try", "typeof", "undefined", "var", "void",
    "while", "with", "yield",
}  # fmt: skip


def function_of(line: Statement, shapes: Mapping[str, Shape], *, timed: bool) -> str:
    """A line as the text of a JavaScript function, which sets its value's array.

    The function takes `v`, the arrays by name (row by row, Float64Array), `N`, the number of samples, and `own`, the
    functions that JavaScript lacks. Of a loop over time it takes the time, `at`, and sets the value at this time.

    Args:
        line: the line.
        shapes: the shape of every value.
        timed: whether the line runs for one time at a time.
    """
    return _Printer(line, shapes, timed).function()


@dataclass(frozen=True)
class _Sum:
    """A sum, mean or maximum that does not need all indices of its line: computed before, once for those it needs."""

    name: str
    letters: tuple[str, ...]
    node: Reduction


class _Printer:
    def __init__(self, line: Statement, shapes: Mapping[str, Shape], timed: bool) -> None:
        self.line = line
        self.shapes: dict[str, Shape] = dict(shapes)
        self.time = line.place[1].name if timed and isinstance(line.place[1], Symbol) else None
        self.loops = tuple(i for i in line.loops if i != self.time)
        self.names: dict[str, str] = {}
        self.lifted: set[str] = set()
        self.count = 0

    def function(self) -> str:
        sums: list[_Sum] = []
        body = self._lifted(self.line.body, self.loops, sums)
        block: list[str] = []
        for one in sums:
            shape = tuple(self.line.sizes[i] for i in one.letters)
            self.shapes[one.name] = shape
            sizes = [self._size(s) for s in shape]
            if not one.letters:
                block += [f"let {self._name(one.name)};"]
            else:
                block += [f"const {self._name(one.name)} = new Float64Array({' * '.join(sizes)});"]
            each: list[str] = []
            value = self._number(one.node, each)
            each.append(f"{self._cell(one.name, tuple(map(Symbol, one.letters)))} = {value};")
            block += self._nest(one.letters, each)
        inner: list[str] = []
        value = self._number(body, inner)
        target = self._cell(self.line.output, self.line.place) if self.line.place else f"{self._out()}[0]"
        inner.append(f"{target} {'+=' if self.line.adds else '='} {value};")
        conditions = self._conditions(self.line.output, self.line.place)
        for node in (n for p in self.line.place for n in walk(p)):
            if isinstance(node, Element):
                conditions += self._guards(node)
        if guards := self._guards(body):
            conditions += guards  # an element outside its array, in no sum: nothing is set
        if conditions:
            inner = [f"if ({' && '.join(dict.fromkeys(conditions))}) {{", *indented(inner), "}"]
        block += self._nest(self.loops, inner)
        head = [f"const {self._name(n)} = v[{json.dumps(n)}];" for n in self._arrays()]
        if self.time is not None:
            head.append(f"const {self._name(self.time)} = at;")
        return "\n".join([f"{json.dumps(self.line.output)}(v, N, own, at) {{", *indented([*head, *block]), "}"])

    # -- names ----------------------------------------------------------------------------------------------

    def _name(self, name: str) -> str:
        """A name as JavaScript has it; no two are the same."""
        if name not in self.names:
            plain = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
            plain = plain.lstrip("_") or "value"
            while plain in RESERVED or plain in self.names.values():
                plain = f"{plain}_"
            self.names[name] = plain
        return self.names[name]

    def _out(self) -> str:
        return self._name(self.line.output)

    def _arrays(self) -> list[str]:
        """The values that the line takes and the one that it sets."""
        found = {self.line.output: None}
        for node in (n for side in (*self.line.place, self.line.body) for n in walk(side)):
            if isinstance(node, Element) or (isinstance(node, Symbol) and self._is_value(node.name)):
                found[node.name] = None
        return list(found)

    def _is_value(self, name: str) -> bool:
        return name not in self.line.sizes and name != SAMPLES and name in self.shapes

    @staticmethod
    def _size(size: Size) -> str:
        return "N" if size == SAMPLES else str(size)

    # -- sums that are computed once --------------------------------------------------------------------------

    def _lifted(self, node: Node, loops: Sequence[str], sums: list[_Sum]) -> Node:
        """The tree with every sum that depends on some of the loops only replaced by an array of such sums."""

        def change(inner: Node) -> Node:
            if not isinstance(inner, Reduction):
                return inner
            used = {n.name for n in walk(inner.body) if isinstance(n, Symbol)} - set(inner.indices)
            letters = tuple(i for i in loops if i in used)
            bound = {i for i in used if i in self.line.sizes and i not in loops and i != self.time}
            if bound or all(i in used or self.line.sizes[i] == 1 for i in loops):
                return inner  # it stands in another sum, or needs all loops
            self.count += 1
            one = _Sum(f"$sum{self.count}", letters, inner)  # no value is called so
            sums.append(one)
            self.lifted.add(one.name)
            self.shapes[one.name] = tuple(self.line.sizes[i] for i in letters)
            return Element(one.name, tuple(map(Symbol, letters))) if letters else Symbol(one.name)

        return rewritten(node, change)

    # -- statements -----------------------------------------------------------------------------------------

    def _nest(self, letters: Iterable[str], inner: list[str]) -> list[str]:
        lines = inner
        for letter in reversed(tuple(letters)):
            name = self._name(letter)
            head = f"for (let {name} = 0; {name} < {self._size(self.line.sizes[letter])}; {name}++) {{"
            lines = [head, *indented(lines), "}"]
        return lines

    def _reduction(self, node: Reduction, before: list[str]) -> str:
        """The name of a reduction's result, computed by lines put before."""
        self.count += 1
        name = self._name(f"$r{self.count}")
        inner: list[str] = []
        value = self._number(node.body, inner)
        guards = self._guards(node.body)
        condition = " && ".join(guards)
        sizes = [self._size(self.line.sizes[i]) for i in node.indices]
        match node.kind:
            case "sum" | "mean":
                added = f"{name} += {value};"
                inner.append(f"if ({condition}) {added}" if guards else added)
                before.append(f"let {name} = 0;")
                before.extend(self._nest(node.indices, inner))
                if node.kind == "mean":
                    before.append(f"{name} /= {' * '.join(sizes)};")
                return name
            case _:
                entry, best = self._name(f"$entry{self.count}"), self._name(f"$best{self.count}")
                inner.append(f"const {entry} = {f'{condition} ? {value} : -Infinity' if guards else value};")
                chosen = name if node.kind == "max" else best
                place = self._place([Symbol(i) for i in node.indices], [self.line.sizes[i] for i in node.indices])
                taken = f"{chosen} = {entry};" + ("" if node.kind == "max" else f" {name} = {place};")
                larger = f"{entry} > {chosen} || ({entry} !== {entry} && {chosen} === {chosen})"
                inner.append(f"if ({larger}) {{ {taken} }}")
                before.append(
                    f"let {name} = -Infinity;" if node.kind == "max" else f"let {name} = 0, {best} = -Infinity;"
                )
                before.extend(self._nest(node.indices, inner))
                return name

    # -- numbers ---------------------------------------------------------------------------------------------

    def _number(self, node: Node, before: list[str]) -> str:
        match node:
            case Number(value=value):
                return _literal(value)
            case Symbol(name=name):
                if name == SAMPLES and SAMPLES not in self.line.sizes:
                    return "N"
                if name in self.lifted:
                    return self._name(name)
                return f"{self._name(name)}[0]" if self._is_value(name) else self._name(name)
            case Element(name=name, indices=indices):
                return self._cell(name, indices)
            case Negative(body=body):
                return f"-({self._number(body, before)})"
            case Binary(operator=("+" | "-") as sign, left=left, right=right):
                return f"({self._term(left, before)} {sign} {self._term(right, before)})"
            case Binary(operator="^", left=left, right=right):
                return f"Math.pow({self._number(left, before)}, {self._number(right, before)})"
            case Binary(operator=operator, left=left, right=right):
                return f"({self._number(left, before)} {operator} {self._number(right, before)})"
            case Function(name=name, arguments=arguments):
                source = "own" if name in OWN_FUNCTIONS else "Math"
                return f"{source}.{name}({', '.join(self._number(a, before) for a in arguments)})"
            case Indicator(comparison=comparison, left=left, right=right):
                sign = "===" if comparison == "=" else comparison
                return f"({self._number(left, before)} {sign} {self._number(right, before)} ? 1 : 0)"
            case Reduction():
                return self._reduction(node, before)
            case _:
                raise TypeError(f"{type(node).__name__} cannot stand in a page's line")

    def _term(self, node: Node, before: list[str]) -> str:
        """A side of a sum, 0 where it lies outside its array."""
        value = self._number(node, before)
        guards = self._guards(node)
        return f"({' && '.join(guards)} ? {value} : 0)" if guards else value

    # -- places ---------------------------------------------------------------------------------------------

    def _integer(self, node: Node) -> str:
        match node:
            case Number(value=value):
                return str(int(value))
            case Symbol(name=name):
                return self._name(name)
            case Element(name=name, indices=indices):
                return self._cell(name, indices)
            case Negative(body=body):
                return f"-({self._integer(body)})"
            case Binary(operator=operator, left=left, right=right):
                return f"({self._integer(left)} {operator} {self._integer(right)})"
            case _:
                raise TypeError(f"{type(node).__name__} cannot be an index in a page's line")

    def _place(self, indices: Sequence[Node], shape: Sequence[Size]) -> str:
        place = self._integer(indices[0]) if indices else "0"
        for index, size in zip(indices[1:], shape[1:], strict=True):
            place = (
                f"({place}) * {self._size(size)} + {self._integer(index)}"
                if " " in place
                else (f"{place} * {self._size(size)} + {self._integer(index)}")
            )
        return place

    def _cell(self, name: str, indices: Sequence[Node]) -> str:
        if not indices:
            return self._name(name) if name in self.lifted else f"{self._name(name)}[0]"
        return f"{self._name(name)}[{self._place(indices, self.shapes[name])}]"

    def _conditions(self, name: str, indices: Sequence[Node]) -> list[str]:
        """The conditions under which an element lies inside its array; none where it always does."""
        found: list[str] = []
        for index, size in zip(indices, self.shapes[name] if indices else (), strict=True):
            if isinstance(index, Symbol) and self.line.sizes.get(index.name) == size:
                continue
            text = self._integer(index)
            low, high = self._span(index)
            if low is None or low < 0:
                found.append(f"{text} >= 0")
            if high is None or not isinstance(size, int) or high >= size:
                found.append(f"{text} < {self._size(size)}")
        return found

    def _span(self, index: Node) -> tuple[int | None, int | None]:
        if affine(index) is None or any(isinstance(n, Element) for n in walk(index)):
            return None, None
        letters = [n.name for n in walk(index) if isinstance(n, Symbol)]
        if any(not isinstance(self.line.sizes.get(i), int) for i in letters):
            return None, None
        return span(index, self.line.sizes)

    def _guards(self, node: Node) -> list[str]:
        """The conditions under which a term lies inside its arrays; sums and maxima look after their own."""
        match node:
            case Element(name=name, indices=indices):
                inner = [c for i in indices for c in self._guards(i)]
                return [*inner, *self._conditions(name, indices)]
            case Binary(operator=("+" | "-"), left=left, right=right):
                first, second = self._guards(left), self._guards(right)
                if not first or not second:
                    return []
                return [f"({' && '.join(first)} || {' && '.join(second)})"]
            case Binary(left=left, right=right) | Indicator(left=left, right=right):
                return list(dict.fromkeys([*self._guards(left), *self._guards(right)]))
            case Negative(body=body):
                return self._guards(body)
            case Function(arguments=arguments):
                return list(dict.fromkeys(c for a in arguments for c in self._guards(a)))
            case _:
                return []


def _literal(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "(-Infinity)"
    text = repr(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)
    return f"({text})" if text.startswith("-") else text


def indented(lines: Iterable[str]) -> list[str]:
    """Lines two spaces further in."""
    return [f"  {line}" for line in lines]


def functions_of(lines: Iterable[Statement], shapes: Mapping[str, Shape], recurrent: Iterable[str]) -> str:
    """The functions of lines as the text of a JavaScript object, by the names of their values.

    Args:
        lines: the lines, those with formulas.
        shapes: the shape of every value.
        recurrent: the values of loops over time.
    """
    timed = frozenset(recurrent)
    printed = [function_of(line, shapes, timed=line.output in timed) for line in lines]
    return "{\n" + ",\n".join("\n".join(indented(text.split("\n"))) for text in printed) + "\n}"
