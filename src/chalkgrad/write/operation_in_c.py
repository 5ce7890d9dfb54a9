"""An operation in C: each line as loops over its indices, forward and backward, with a test of its own.

The arrays are C's own, `x[n][i]`, their sizes constants at the top; `...` is one index, `rest`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from ..base.errors import FormulaError
from ..base.text import visible
from ..calculus.array_code import check_outside
from ..calculus.check import forward
from ..calculus.draws import Draw
from ..calculus.given import Given
from ..calculus.names import derivative_name
from ..formula.formula import Formula
from ..formula.nodes import (
    ELLIPSIS,
    Binary,
    Count,
    Element,
    Function,
    Indicator,
    Negative,
    Node,
    Number,
    Position,
    Reduction,
    Symbol,
    symbols_in,
    walk,
)

TAKEN = frozenset(
    [
        "auto",
        "break",
        "case",
        "char",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
        "while",
        "main",
        "gamma",
        "y0",
        "y1",
        "yn",
        "j0",
        "j1",
        "jn",
        "div",
        "exp",
        "log",
        "sqrt",
        "tanh",
        "sin",
        "cos",
        "erf",
        "erfc",
        "pow",
        "fabs",
        "fmax",
        "fmin",
        "sign",
        "abs",
        "total",
        "uniform",
        "compared",
        "forward",
        "backward",
        "rest",
        "INFINITY",
        "printf",
        "size_t",
    ]
)
"""Words of C, of its mathematics, and of the program itself: a value of such a name gets an underscore."""


def operation_in_c(given: Given, drawn: Draw) -> str:
    """The operation as a C program that stands alone: a C compiler and its library of mathematics are all it needs.

    Args:
        given: the forward lines.
        drawn: operands that give the sizes, and the settings.

    Raises:
        FormulaError: where an element that may lie outside its array stands in what is not 0 there.
    """
    program = _Program(given, drawn)
    return program.text()


@dataclass
class _Program:
    given: Given
    drawn: Draw
    shapes: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def text(self) -> str:
        given = self.given
        values = forward(given.formulas, self.drawn)
        sizes = self._sizes(values)
        derivatives = [
            (derivative_name(d.of), d.of, Formula(d.text, self._settings())) for d in given.derivation.derivatives
        ]
        came = derivative_name(given.output)
        for name, of, _ in derivatives:
            self.shapes[name] = self.shapes[of]
        self.shapes[came] = self.shapes[given.output]
        lines = [visible(f.text) for f in given.formulas]
        head = "\n".join(f" * {line}".rstrip() for line in [f"{given.name}, forward and backward.", "", *lines])
        ids = {n for f in given.formulas for n in f.ids}
        parts = [
            f"/*\n{head}\n *\n * cc FILE.c -lm && ./a.out compares the backward pass with central differences.\n */",
            "#include <math.h>\n#include <stdio.h>\n#include <stdlib.h>",
            "\n".join(f"#define SIZE_{name} {size}" for name, size in sizes.items()),
        ]
        constants = [self._constant(name) for name in given.names_of_settings]
        arrays = [f"static {'int' if n in ids else 'double'} {self._declared(n)};" for n in self.shapes]
        parts.append("\n".join([*constants, *arrays]))
        functions = [
            self._function("forward", given.formulas),
            self._function("backward", [f for _, _, f in derivatives]),
        ]
        if any("sign(" in function for function in functions):
            parts.append("static double sign(double v) {\n    return (v > 0) - (v < 0);\n}")
        parts += functions
        parts.append(self._test(values, ids, [of for _, of, _ in derivatives if of in given.inputs], came))
        return "\n\n".join(parts) + "\n"

    def _settings(self) -> set[str]:
        return set(self.given.names_of_settings)

    def _constant(self, name: str) -> str:
        value = self.drawn.settings[name]
        if isinstance(value, int):
            return f"static const int {_c(name)} = {value};"
        return f"static const double {_c(name)} = {float(value)!r};"

    def _sizes(self, values: Mapping[str, np.ndarray]) -> dict[str, int]:
        """The sizes by the names of the constants; and every array's shape in these names."""
        sizes: dict[str, int] = {}
        for formula in self.given.formulas:
            shapes = {n: values[n].shape for n in formula.arrays | {formula.output} if n in values}
            for letter, size in formula.sizes(shapes, self.drawn.settings).items():
                name = "rest" if letter == ELLIPSIS else letter
                sizes[name] = math.prod(cast("tuple[int, ...]", size)) if isinstance(size, tuple) else int(size)
            for element in formula.elements:
                self._shape(element, formula, values, sizes)
            if isinstance(formula.left, Symbol):
                self.shapes.setdefault(formula.output, ())
        return sizes

    def _shape(
        self, element: Element, formula: Formula, values: Mapping[str, np.ndarray], sizes: dict[str, int]
    ) -> None:
        if element.name in self.shapes and all(not s.startswith(f"{element.name}_") for s in self.shapes[element.name]):
            return
        shape: list[str] = []
        extents = list(values[element.name].shape)
        for axis, place in enumerate(element.indices):
            if place == Symbol(ELLIPSIS) or isinstance(place, Position):
                shape.append("rest")
                after = len(element.indices) - axis - 1
                del extents[: len(extents) - after]
                continue
            extent = extents.pop(0)
            if isinstance(place, Symbol) and place.name in formula.indices:
                shape.append(place.name)
            else:
                name = f"{element.name}_{axis}"
                sizes[name] = int(extent)
                shape.append(name)
        self.shapes[element.name] = tuple(shape)

    def _declared(self, name: str) -> str:
        return _c(name) + "".join(f"[SIZE_{s}]" for s in self.shapes[name])

    def _function(self, name: str, formulas: Sequence[Formula]) -> str:
        lines = [f"static void {name}(void) {{"]
        for formula in formulas:
            check_outside(formula)
            lines += _Line(formula, self.shapes).lines()
        return "\n".join([*lines, "}"])

    def _test(self, values: Mapping[str, np.ndarray], ids: Iterable[str], gradients: Sequence[str], came: str) -> str:
        positive = all(float(a.min(initial=1.0)) > 0 for n, a in self.drawn.arrays.items() if n not in ids)
        number = "0.2 + 1.8 * uniform()" if positive else "4 * uniform() - 2"
        fills: list[str] = []
        for name, array in self.drawn.arrays.items():
            if name in ids:
                most = int(array.max(initial=0)) + 1
                fills.append(f"    for (size_t k = 0; k < sizeof {_c(name)} / sizeof(int); k++)")
                fills.append(f"        ((int *){_c(name)})[k] = (int)(uniform() * {most});")
            else:
                fills.append(_filled(name, number, bool(self.shapes[name])))
        fills.append(_filled(came, "2 * uniform() - 1", bool(self.shapes[came])))
        calls = [
            f'    away += compared("d{n}", (double *){_address(n, self)}, '
            f"(double *){_address(derivative_name(n), self)}, "
            f"sizeof {_c(n)} / sizeof(double));"
            for n in gradients
        ]
        out = _c(self.given.output)
        return f"""static double uniform(void) {{
    static unsigned state = 12345;
    state = state * 1664525u + 1013904223u;
    return (state >> 8) / 16777216.0;
}}

static double total(void) {{
    double sum = 0;
    forward();
    for (size_t k = 0; k < sizeof {out} / sizeof(double); k++)
        sum += ((double *){_address(self.given.output, self)})[k] * ((double *){_address(came, self)})[k];
    return sum;
}}

static int compared(const char *name, double *values, double *gradient, size_t count) {{
    double largest = 0, size = 1;
    for (size_t k = 0; k < count; k++) {{
        double kept = values[k], above, below;
        values[k] = kept + 1e-6;
        above = total();
        values[k] = kept - 1e-6;
        below = total();
        values[k] = kept;
        double expected = (above - below) / 2e-6, away = fabs(expected - gradient[k]);
        if (!(away <= largest))
            largest = away;
        if (fabs(expected) > size)
            size = fabs(expected);
    }}
    printf("%s: largest difference %.1e\\n", name, largest);
    return !(largest <= 1e-6 * size);
}}

int main(void) {{
    int away = 0;
{chr(10).join(fills)}
    forward();
    backward();
{chr(10).join(calls)}
    return away;
}}"""


def _address(name: str, program: _Program) -> str:
    return _c(name) if program.shapes[name] else f"&{_c(name)}"


def _filled(name: str, number: str, array: bool) -> str:
    if not array:
        return f"    {_c(name)} = {number};"
    size = f"sizeof {_c(name)} / sizeof(double)"
    return f"    for (size_t k = 0; k < {size}; k++)\n        ((double *){_c(name)})[k] = {number};"


class _Line:
    """One formula as loops."""

    def __init__(self, formula: Formula, shapes: Mapping[str, tuple[str, ...]]) -> None:
        self.formula, self.shapes = formula, shapes
        self.result: list[str] = []
        self.depth = 1
        self.count = 0

    def lines(self) -> list[str]:
        formula = self.formula
        left = formula.left
        self._add(f"// {visible(formula.text)}")
        scattered = isinstance(left, Element) and not all(
            (isinstance(i, Symbol) and i.name in formula.indices) or isinstance(i, Position) for i in left.indices
        )
        scattered |= isinstance(left, Element) and len(set(left.indices)) < len(left.indices)
        if scattered:
            assert isinstance(left, Element)
            self._add(f"for (size_t k = 0; k < sizeof {_c(left.name)} / sizeof(double); k++)")
            self._add(f"    ((double *){_c(left.name)})[k] = 0;")
        bound = {i for n in walk(formula.right) if isinstance(n, Reduction) for i in n.indices}
        names = _letters(left, formula) if isinstance(left, Element) else []
        if scattered or formula.accumulates:
            free = [i for n in walk(formula.right) if isinstance(n, Element) for i in _letters(n, formula)]
            names += [i for i in dict.fromkeys(free) if i not in names and i not in bound]
        opened = self._loops(names)
        value = _bare(self._value(formula.right))
        place = self._place(left) if isinstance(left, Element) else _c(left.name)
        inside = self._inside(left) if isinstance(left, Element) else ""
        sign = "+=" if scattered else "="
        if inside:
            self._add(f"if ({inside})")
            self._add(f"    {place} {sign} {value};")
        else:
            self._add(f"{place} {sign} {value};")
        self._close(opened)
        return self.result

    def _add(self, line: str) -> None:
        self.result.append("    " * self.depth + line)

    def _loops(self, letters: Sequence[str]) -> int:
        for letter in letters:
            name = _c(letter)
            self._add(f"for (int {name} = 0; {name} < {self._size(letter)}; {name}++) {{")
            self.depth += 1
        return len(letters)

    def _close(self, count: int) -> None:
        for _ in range(count):
            self.depth -= 1
            self._add("}")

    def _size(self, letter: str) -> str:
        if letter in self.formula.bounds:
            return self._value(self.formula.bounds[letter], whole=True)
        for element in self.formula.elements:
            for axis, place in enumerate(element.indices):
                if place == Symbol(letter):
                    return f"SIZE_{self.shapes[element.name][axis]}"
        if letter == ELLIPSIS:
            return "SIZE_rest"
        raise FormulaError(f"nothing gives the range of {letter} in {self.formula.text!r}")

    def _value(self, node: Node, *, whole: bool = False) -> str:
        match node:
            case Number(value=value):
                return repr(int(value)) if value == int(value) and (whole or abs(value) < 1e9) else repr(value)
            case Symbol(name=name):
                return _c(name)
            case Count(index=index):
                return f"(double){self._size(index)}"
            case Position():
                return "rest"
            case Element():
                place, inside = self._place(node), self._inside(node)
                return f"({inside} ? {place} : 0)" if inside else place
            case Negative(body=body):
                return f"(-{self._value(body, whole=whole)})"
            case Binary(operator="^", left=left, right=right):
                return f"pow({self._value(left)}, {self._value(right)})"
            case Binary(operator="/", left=left, right=right):
                return f"({self._value(left)} / (double)({self._value(right)}))"
            case Binary(operator=operator, left=left, right=right):
                return f"({self._value(left, whole=whole)} {operator} {self._value(right, whole=whole)})"
            case Function(name=name, arguments=arguments):
                word = {"abs": "fabs", "max": "fmax", "min": "fmin"}.get(name, name)
                return f"{word}({', '.join(map(self._value, arguments))})"
            case Indicator(comparison=comparison, left=left, right=right):
                sign = "==" if comparison == "=" else comparison
                return f"({self._value(left)} {sign} {self._value(right)})"
            case Reduction():
                return self._reduction(node)
            case _:
                raise FormulaError(f"{type(node).__name__} has no C")

    def _reduction(self, node: Reduction) -> str:
        self.count += 1
        name = f"{'largest' if node.kind in ('max', 'argmax') else 'sum'}{self.count}"
        self._add(f"double {name} = {'-INFINITY' if node.kind in ('max', 'argmax') else '0'};")
        place, number = f"place{self.count}", f"number{self.count}"
        if node.kind == "argmax":
            self._add(f"int {place} = 0, {number} = 0;")
        opened = self._loops(node.indices)
        value = _bare(self._value(node.body))
        inside = self._inside(node.body) if isinstance(node.body, Element) else ""
        if node.kind in ("sum", "mean"):
            self._add(f"{name} += {value};")
        else:
            test = f"{inside} && " if inside else ""
            if node.kind == "argmax":
                self._add(f"if ({test}{value} > {name})")
                self._add(f"    {name} = {value}, {place} = {number};")
                self._add(f"{number}++;")
            else:
                self._add(f"if ({test}{value} > {name})")
                self._add(f"    {name} = {value};")
        self._close(opened)
        if node.kind == "mean":
            return f"({name} / ({' * '.join(f'(double){self._size(i)}' for i in node.indices)}))"
        return place if node.kind == "argmax" else name

    def _place(self, element: Element) -> str:
        return _c(element.name) + "".join(f"[{self._value(i, whole=True)}]" for i in element.indices)

    def _inside(self, element: Element) -> str:
        """That the computed indices lie in the array."""
        tests: list[str] = []
        for axis, place in enumerate(element.indices):
            if isinstance(place, (Binary, Negative)):
                code = self._value(place, whole=True)
                tests.append(f"{code} >= 0 && {code} < SIZE_{self.shapes[element.name][axis]}")
        return " && ".join(tests)


def _c(name: str) -> str:
    """A name in C."""
    return "rest" if name == ELLIPSIS else f"{name}_" if name in TAKEN else name


def _bare(code: str) -> str:
    """An expression without brackets around the whole of it."""
    depth = 0
    for place, character in enumerate(code):
        depth += (character == "(") - (character == ")")
        if depth == 0 and place < len(code) - 1:
            return code
    return code[1:-1] if code.startswith("(") else code


def _letters(element: Element, formula: Formula) -> list[str]:
    """The index letters of an element's places, in order."""
    return [i for i in symbols_in(element) if i == ELLIPSIS or i in formula.indices]
