"""A formula as code on whole arrays, in NumPy or PyTorch: products of matrices, broadcasting, no loops.

    z[n,o] = sum_i x[n,i] * W[i,o] + b[o]        is        x @ W + b

Every part of a formula is an array with one axis for each of its indices, in one order for the whole formula, one in
which no array has to be transposed if there is one. `...` is any number of axes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..base.errors import FormulaError
from ..formula.affine import affine
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
    walk,
)
from ..formula.text import text
from .dialects import NUMPY, Dialect
from .terms import depends, names_in

_SUM, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of code and the indices of its value's axes."""

    text: str
    axes: tuple[str, ...] = ()
    level: int = _ATOM

    def held(self, level: int) -> str:
        """The text, in brackets where it binds less tightly."""
        return f"({self.text})" if self.level < level else self.text


@dataclass
class ArrayCode:
    """The code of one formula.

    Attributes:
        formula: the formula.
        like: an array of the output's shape, where the formula does not give it.
        dialect: the array library.
        first: the number of the first part that gets a name.
        lines: the statements.
    """

    formula: Formula
    like: str | None = None
    dialect: Dialect = NUMPY
    first: int = 1
    lines: list[str] = field(default_factory=list[str])
    _order: tuple[str, ...] = ()

    def body(self) -> list[str]:
        """The statements, the last one of which returns the output.

        Raises:
            FormulaError: where a formula has no such form: it names its own output at another time.
        """
        formula = self.formula
        if formula.recurs:
            raise FormulaError(
                f"{formula.text!r} reads its own output at another time; such a rule is a loop and needs a function "
                "of its own, for one time: def step(...), stepwise=True"
            )
        check_outside(formula)
        left = formula.left
        target = _target(formula)
        self._order = _order(formula, target)
        if ELLIPSIS in self._order and not any(e.indices.count(Symbol(ELLIPSIS)) for e in formula.elements):
            raise FormulaError(f"no array has the further indices ... of {formula.text!r}")
        value = self._in_order(self._summed_out(self._part(formula.right), target), target)
        if isinstance(left, Symbol) or left.indices == tuple(map(Symbol, target)):
            return self._returned(self._full(value, target))
        assert isinstance(left, Element)
        if any(isinstance(i, Position) for i in left.indices):
            return self._flattened(left, value, target)
        return self._scattered(left, value)

    # -- parts -----------------------------------------------------------------------------------------------------

    def _part(self, node: Node) -> Code:
        match node:
            case Number(value=value):
                return _number(value)
            case Symbol(name=name):
                if name in self._order:
                    return self._range(name)
                return Code(name)
            case Element():
                return self._element(node)
            case Count(index=index):
                return self._count(index)
            case Negative(body=body):
                inner = self._part(body)
                return Code(f"-{inner.held(_POWER)}", inner.axes, _PRODUCT)
            case Binary(operator="*" | "/"):
                return self._product(node)
            case Binary(operator=operator, left=left, right=right):
                a, b = self._together(self._part(left), self._part(right))
                if operator == "^":
                    return Code(f"{a.held(_ATOM)} ** {b.held(_POWER)}", a.axes, _POWER)
                second = b.held(_PRODUCT if operator == "-" else _SUM)
                return Code(f"{a.held(_SUM)} {operator} {second}", a.axes, _SUM)
            case Function():
                return self._function(node)
            case Indicator(comparison=comparison, left=left, right=right):
                a, b = self._together(self._part(left), self._part(right))
                sign = "==" if comparison == "=" else comparison
                kind = self._float()
                return Code(self.dialect.indicator(f"{a.text} {sign} {b.text}", kind), a.axes)
            case Reduction():
                return self._reduction(node)
            case Position():
                raise FormulaError(f"#... in {self.formula.text!r} stands alone in an index place of one array only")
            case _:
                raise FormulaError(f"{type(node).__name__} has no NumPy code")

    def _function(self, node: Function) -> Code:
        name, arguments = node.name, [self._part(a) for a in node.arguments]
        plain = [self._is_number(a) for a in node.arguments]
        if len(arguments) == 1:
            (one,) = arguments
            if plain[0] and name != "sign":
                return Code(f"{'abs' if name == 'abs' else f'math.{name}'}({one.text})")
            return Code(self.dialect.function(name, one.text), one.axes)
        if all(plain):
            return Code(f"{name}({arguments[0].text}, {arguments[1].text})")
        if plain[0]:
            arguments.reverse()
        a, b = self._together(*arguments)
        return Code(self.dialect.extreme(name, a.text, b.text, number=any(plain)), a.axes)

    def _is_number(self, node: Node) -> bool:
        """Whether it is one number of Python: of numbers, settings and sizes."""
        names = {n.name for n in walk(node) if isinstance(n, Symbol)}
        return names <= self.formula.options and not any(isinstance(n, (Element, Reduction)) for n in walk(node))

    def _product(self, node: Binary) -> Code:
        a, b = self._together(self._part(node.left), self._part(node.right))
        return Code(f"{a.held(_PRODUCT)} {node.operator} {b.held(_POWER)}", a.axes, _PRODUCT)

    def _element(self, node: Element, outside: str = "0.0") -> Code:
        name, indices = node.name, node.indices
        if any(isinstance(i, Position) for i in indices):
            return self._unflattened(node)
        letters = [i.name for i in indices if isinstance(i, Symbol) and i.name in self._order]
        if len(letters) == len(indices) and len(set(letters)) == len(letters):
            return self._ordered(Code(name, tuple(letters)))
        return self._gathered(node, outside)

    def _gathered(self, node: Element, outside: str, *, ordered: bool = True) -> Code:
        """Elements whose indices are computed, axis by axis from the last."""
        if Symbol(ELLIPSIS) in node.indices[:-1]:
            at = node.indices.index(Symbol(ELLIPSIS))
            if any(not isinstance(i, Symbol) for i in node.indices[at:]):
                raise FormulaError(f"{text(node)} has ... before an index that is computed; write the indices out")
        if not self._apart(node):
            return self._picked(node)
        array, axes = node.name, list[tuple[str, ...]]()
        outer = "" if outside == "0.0" else f", {outside}"
        for axis in reversed(range(len(node.indices))):
            index = node.indices[axis]
            if isinstance(index, Symbol) and index.name in self._order:
                axes.insert(0, (index.name,))
                continue
            places = self._index(index)
            axes.insert(0, places.axes)
            array = self._named(Code(f"taken({array}, {axis}, {places.text}{outer})"))
        code = Code(array, tuple(i for own in axes for i in own))
        return self._ordered(code) if ordered else code

    def _apart(self, node: Element) -> bool:
        """Whether no index letter is in two of the indices."""
        letters = [i for index in node.indices for i in dict.fromkeys(_letters(index)) if i in self._order]
        return len(letters) == len(set(letters))

    def _picked(self, node: Element) -> Code:
        """Elements with the same letter in two indices, A[n,n] or s[n,y[n]]: picked all at once."""
        if Symbol(ELLIPSIS) in node.indices or any(not _whole(i) for i in node.indices):
            raise FormulaError(
                f"{text(node)} has the same index in two places, one of them computed; this has no NumPy code"
            )
        inner = self._sorted(i for index in node.indices for i in _letters(index) if i in self._order)
        places = ", ".join(self._aligned(self._index(i), inner) for i in node.indices)
        return Code(f"{node.name}[{places}]", inner)

    def _index(self, node: Node) -> Code:
        """An index expression as an array of whole numbers."""
        if node == Symbol(ELLIPSIS):
            return Code("", (ELLIPSIS,))
        if isinstance(node, Number):
            return Code(self.dialect.whole(str(int(node.value))))
        code = self._part(node)
        return code if code.axes else Code(self.dialect.whole(code.text))

    def _reduction(self, node: Reduction) -> Code:
        kind, letters = node.kind, node.indices
        if kind == "sum" and (product := self._matrices(node)) is not None:
            return product
        body = self._outside(node.body, "-math.inf") if kind in ("max", "argmax") else self._part(node.body)
        missing = [i for i in letters if i not in body.axes]
        within = [i for i in letters if i in body.axes]
        if kind == "argmax":
            return self._argmax(body, letters)
        result = self._over(kind, body, within)
        if kind == "sum":
            for letter in missing:
                result = Code(f"{result.held(_PRODUCT)} * {self._count(letter).held(_POWER)}", result.axes, _PRODUCT)
        return result

    def _outside(self, node: Node, outside: str) -> Code:
        """The body of a maximum: what lies outside its array is passed over."""
        if isinstance(node, Element):
            return self._element(node, outside)
        return self._part(node)

    def _over(self, kind: str, body: Code, letters: Sequence[str]) -> Code:
        if not letters:
            return body
        left = tuple(i for i in body.axes if i not in letters)
        if ELLIPSIS not in body.axes:
            axes = [body.axes.index(i) for i in letters]
            which = str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, sorted(axes)))})"
            all_of_them = len(axes) == len(body.axes)
            return Code(self.dialect.reduced(body.held(_ATOM), kind, "" if all_of_them else which), left)
        if len(letters) == len(body.axes):
            return Code(self.dialect.reduced(body.held(_ATOM), kind, ""), left)
        name = self._named(body)
        at = body.axes.index(ELLIPSIS)
        after = len(body.axes) - at - 1
        places: list[str] = []
        for letter in letters:
            place = body.axes.index(letter)
            if letter == ELLIPSIS:
                end = f"{name}.ndim - {after}" if after else f"{name}.ndim"
                places.append(f"*range({at}, {end})")
            else:
                places.append(str(place if place < at else place - len(body.axes)))
        return Code(self.dialect.reduced(name, kind, f"({', '.join(places)},)"), left)

    def _argmax(self, body: Code, letters: Sequence[str]) -> Code:
        if ELLIPSIS in body.axes and len(body.axes) > len(letters):
            raise FormulaError(
                f"the place of a maximum over some indices beside ... has no NumPy code: {self.formula.text!r}"
            )
        left = tuple(i for i in body.axes if i not in letters)
        if not left:
            return Code(self.dialect.reduced(body.held(_ATOM), "argmax", ""))
        if len(letters) == 1:
            return Code(self.dialect.reduced(body.held(_ATOM), "argmax", str(body.axes.index(letters[0]))), left)
        name = self._named(self._in_order(body, (*left, *letters)))
        flat = f"{name}.reshape(*{name}.shape[:{len(left)}], -1)"
        return Code(self.dialect.reduced(flat, "argmax", "-1"), left)

    def _matrices(self, node: Reduction) -> Code | None:
        """A sum of products of arrays as a product of matrices, or by einsum; None where it is neither."""
        factors = _factors(node.body)
        if factors is None or ELLIPSIS in node.indices:
            return None
        inside = [f for f in factors if depends(f, node.indices)]
        others = [f for f in factors if f not in inside]
        if len(inside) < 2 or not all(isinstance(f, Element) and self._apart(f) for f in inside):
            return None
        parts = [self._leaf(f) for f in inside if isinstance(f, Element)]
        if any(i not in {j for _, axes in parts for j in axes} for i in node.indices):
            return None
        left = self._sorted(i for _, axes in parts for i in axes if i not in node.indices)
        result = self._matmul(parts, node.indices, left) or self._einsum(parts, left)
        for factor in others:
            a, b = self._together(self._part(factor), result)
            result = Code(f"{a.held(_PRODUCT)} * {b.held(_POWER)}", a.axes, _PRODUCT)
        return result

    def _leaf(self, node: Element) -> tuple[str, tuple[str, ...]]:
        """A name and axes of an element, in the order in which they are there."""
        letters = tuple(i.name for i in node.indices if isinstance(i, Symbol) and i.name in self._order)
        if len(letters) == len(node.indices):
            return node.name, letters
        code = self._gathered(node, "0.0", ordered=False)
        return self._named(code), code.axes

    def _matmul(
        self, parts: Sequence[tuple[str, tuple[str, ...]]], over: tuple[str, ...], left: tuple[str, ...]
    ) -> Code | None:
        if len(parts) != 2 or len(over) != 1 or len(left) != 2 or ELLIPSIS in left:
            return None
        (a, first), (b, second) = parts
        if len(first) != 2 or len(second) != 2 or len({*first, *second}) != 3:
            return None
        if left[0] in second:
            a, first, b, second = b, second, a, first
        one = a if first == (left[0], over[0]) else f"{a}.T"
        two = b if second == (over[0], left[1]) else f"{b}.T"
        return Code(f"{one} @ {two}", left, _PRODUCT)

    def _einsum(self, parts: Sequence[tuple[str, tuple[str, ...]]], left: tuple[str, ...]) -> Code:
        short = {i: i for i in {j for _, axes in parts for j in axes} if len(i) == 1 or i == ELLIPSIS}
        spare = iter("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        for letter in sorted({j for _, axes in parts for j in axes} - short.keys()):
            short[letter] = next(spare)
        inputs = ",".join("".join(short[i] for i in axes) for _, axes in parts)
        arrays = ", ".join(name for name, _ in parts)
        letters = f"{inputs}->{''.join(short[i] for i in left)}"
        return Code(self.dialect.einsum(letters, arrays, many=len(parts) > 2), left)

    # -- sizes, ranges, dtypes -------------------------------------------------------------------------------------

    def _count(self, index: str) -> Code:
        if index in self.formula.bounds:
            return self._part(self.formula.bounds[index])
        for element in self.formula.elements:
            if Symbol(index) in element.indices and (element.name != self.formula.output or self.like):
                name = element.name if element.name != self.formula.output else str(self.like)
                at = element.indices.index(Symbol(index))
                if index == ELLIPSIS:
                    before, after = at, len(element.indices) - at - 1
                    end = f"{name}.ndim - {after}" if after else ""
                    return Code(f"math.prod({name}.shape[{before or ''}:{end}])")
                if Symbol(ELLIPSIS) in element.indices[:at]:
                    at -= len(element.indices)
                return Code(f"{name}.shape[{at}]")
        shifted = self._shifted(index)
        if shifted is None:
            raise FormulaError(
                f"nothing gives the range of {index} in {self.formula.text!r}; write it at the end: for {index}<..."
            )
        return shifted

    def _shifted(self, index: str) -> Code | None:
        """The range of an index by an array that has it at another time only: the t of h[n,t-1,v]."""
        for element in self.formula.elements:
            for axis, place in enumerate(element.indices):
                terms = affine(place) or {}
                if element.name != self.formula.output and terms.get(index) == 1 and set(terms) == {index, ""}:
                    return Code(f"{element.name}.shape[{axis}]")
        return None

    def _range(self, index: str) -> Code:
        if index == ELLIPSIS:
            raise FormulaError(f"... stands only in an index place: {self.formula.text!r}")
        return Code(self.dialect.counted(self._count(index).text), (index,))

    def _float(self) -> str:
        arrays = [e.name for e in self.formula.elements if e.name not in self.formula.ids | {self.formula.output}]
        return f"{arrays[0]}.dtype" if arrays else "float"

    def _further(self) -> str:
        """How many axes `...` has."""
        for element in self.formula.elements:
            if Symbol(ELLIPSIS) in element.indices and element.name != self.formula.output:
                count = len(element.indices) - 1
                return f"({element.name}.ndim - {count})" if count else f"{element.name}.ndim"
        raise FormulaError(f"no array has the further indices ... of {self.formula.text!r}")

    # -- axes ------------------------------------------------------------------------------------------------------

    def _sorted(self, letters: Any) -> tuple[str, ...]:
        found = set(letters)
        return tuple(i for i in self._order if i in found)

    def _ordered(self, code: Code) -> Code:
        """The array with its axes in the formula's order."""
        return self._in_order(code, self._sorted(code.axes))

    def _in_order(self, code: Code, order: tuple[str, ...]) -> Code:
        """The array with its axes in an order."""
        wanted = tuple(i for i in order if i in code.axes)
        if wanted == code.axes:
            return code
        if len(wanted) == 2 and ELLIPSIS not in wanted:
            return Code(f"{code.held(_ATOM)}.T", wanted)
        if ELLIPSIS in wanted:
            letters = {i: chr(97 + k) for k, i in enumerate(i for i in wanted if i != ELLIPSIS)} | {ELLIPSIS: ELLIPSIS}
            before, after = ("".join(letters[i] for i in axes) for axes in (code.axes, wanted))
            return Code(self.dialect.einsum(f"{before}->{after}", code.text, many=False), wanted)
        places = ", ".join(str(code.axes.index(i)) for i in wanted)
        return Code(self.dialect.permuted(code.held(_ATOM), places), wanted)

    def _together(self, left: Code, right: Code) -> tuple[Code, Code]:
        """Two arrays that broadcast, with the axes of both."""
        axes = self._sorted((*left.axes, *right.axes))
        first, second = (self._spread(code, axes) for code in (left, right))
        return first, second

    def _spread(self, code: Code, axes: tuple[str, ...]) -> Code:
        """The array with an axis of one element for each index that it lacks, so that it broadcasts."""
        if code.axes == axes or not code.axes:
            return Code(code.text, axes, code.level)
        spread = self._aligned(code, axes)
        return Code(spread, axes, code.level if spread == code.text else _ATOM)

    def _aligned(self, code: Code, axes: tuple[str, ...]) -> str:
        first = axes.index(code.axes[0]) if code.axes else 0
        wanted = axes[first:]  # axes before the first of its own come by themselves
        if wanted == code.axes or not code.axes:
            return code.text
        if ELLIPSIS in wanted and ELLIPSIS not in code.axes:
            own = [":" if i in code.axes else "None" for i in wanted[: wanted.index(ELLIPSIS)]]
            after = wanted[wanted.index(ELLIPSIS) + 1 :]
            if any(i in code.axes for i in after):
                raise FormulaError(f"an array has indices before and after ... but not ...: {self.formula.text!r}")
            name = self._named(code)
            shape = f"{name}.shape" if "None" not in own else f"{name}[{', '.join(own)}].shape"
            further = self._further() if not after else f"({self._further()} + {len(after)})"
            return f"{name}.reshape({shape} + (1,) * {further})"
        places = ["..." if i == ELLIPSIS else ":" if i in code.axes else "None" for i in wanted]
        return f"{code.held(_ATOM)}[{', '.join(places)}]"

    def _summed_out(self, value: Code, target: Collection[str]) -> Code:
        """What is left after summing the indices that the left side lacks, as += does."""
        extra = [i for i in value.axes if i not in target]
        return self._over("sum", value, extra)

    def _full(self, value: Code, target: tuple[str, ...]) -> str:
        """The output: with every axis of the left side at its full size, never an operand itself."""
        if value.axes != target and set(value.axes) != set(target):
            if self.like is not None:
                return self._of_shape(self._aligned(value, target), f"{self.like}.shape", value)
            if ELLIPSIS in target:
                raise FormulaError(f"nothing gives the output's shape in {self.formula.text!r}")
            sizes = ", ".join(self._count(i).text for i in target)
            one = "," if len(target) == 1 else ""
            return self._of_shape(self._aligned(value, target), f"({sizes}{one})", value)
        own = value.text in self.formula.arrays | self.formula.symbols
        return self.dialect.copied(value.text) if own else value.text

    def _of_shape(self, array: str, shape: str, value: Code) -> str:
        held = f"({array})" if value.level < _ATOM and array == value.text else array
        return self.dialect.spread(held, shape, copied=True)

    def _scattered(self, left: Element, value: Code) -> list[str]:
        """The left side's computed indices: values are added up where they fall, axis by axis from the last."""
        if Symbol(ELLIPSIS) in left.indices[:-1]:
            raise FormulaError(f"{text(left)} has ... before a computed index; write the indices out")
        if not self._apart(left):
            return self._placed(left, value)
        places = [self._index(i) for i in left.indices]
        axes = tuple(i for place in places for i in place.axes) if Symbol(ELLIPSIS) not in left.indices else ()
        if not axes:
            raise FormulaError(f"{text(left)} has ... beside a computed index; {self.formula.text!r} has no NumPy code")
        array = self._laid(value, axes)
        first = len(axes)
        for axis in reversed(range(len(places))):
            place = places[axis]
            first -= len(place.axes)
            if isinstance(left.indices[axis], Symbol) and place.axes:
                continue
            spots = place.text
            size = f"{self.like}.shape[{axis}]"
            if self.like is None:
                spots = self._named(place)
                size = f"int({spots}.max()) + 1"
            if not place.axes:
                array = self.dialect.lifted(array, first)
                spots = f"{self.dialect.module}.atleast_1d({spots})"
            array = self._named(Code(f"added({array}, {first}, {spots}, {size})"))
        return self._returned(array)

    def _placed(self, left: Element, value: Code) -> list[str]:
        """The left side with the same letter in two indices, dA[n,n] or ds[n,y[n]]."""
        if self.like is None or not all(map(_whole, left.indices)) or Symbol(ELLIPSIS) in left.indices:
            raise FormulaError(f"{text(left)} has an index in two places; {self.formula.text!r} has no such code")
        axes = self._sorted(i for index in left.indices for i in _letters(index) if i in self._order)
        places = ", ".join(self._aligned(self._index(i), axes) for i in left.indices)
        return self._returned(self._named(Code(f"placed({self._laid(value, axes)}, ({places},), {self.like}.shape)")))

    def _returned(self, name: str) -> list[str]:
        """The lines with the value that a name has just been given returned."""
        given, _, code = self.lines[-1].partition(" = ") if self.lines else ("", "", "")
        if given == name:
            self.lines[-1] = f"return {code}"
        else:
            self.lines.append(f"return {name}")
        return self.lines

    def _laid(self, value: Code, axes: tuple[str, ...]) -> str:
        """The value with exactly these axes, in this order, each of its full size."""
        value = self._in_order(value, axes)
        missing = [i for i in axes if i not in value.axes]
        if not missing:
            return self._named(value)
        places = ", ".join(":" if i in value.axes else "None" for i in axes)
        sizes = ", ".join(self._count(i).text for i in axes)
        spread = f"{value.held(_ATOM)}[{places}]" if value.axes else value.text
        return self._named(Code(self.dialect.spread(spread, f"({sizes},)", copied=False)))

    def _flattened(self, left: Element, value: Code, target: tuple[str, ...]) -> list[str]:
        """f[n,#...]: the further axes as one."""
        name = self._named(value)
        at = [isinstance(i, Position) for i in left.indices].index(True)
        if at != len(left.indices) - 1 or value.axes != (*target[:at], ELLIPSIS):
            raise FormulaError(f"#... stands last on the left: {self.formula.text!r}")
        lead = f"*{name}.shape[:{at}], " if at else ""
        self.lines.append(f"return {name}.reshape({lead}-1)")
        return self.lines

    def _unflattened(self, node: Element) -> Code:
        """df[n,#...]: one axis as the further ones."""
        if self.like is None or not isinstance(node.indices[-1], Position):
            raise FormulaError(f"#... in {text(node)} needs an array of the output's shape")
        letters = tuple(i.name for i in node.indices[:-1] if isinstance(i, Symbol))
        return Code(f"{node.name}.reshape({self.like}.shape)", (*letters, ELLIPSIS))

    def _named(self, code: Code) -> str:
        """A name for a piece of code, given by a statement of its own."""
        if code.text.isidentifier():
            return code.text
        taken = (
            names_in(self.formula.left) | names_in(self.formula.right) | {line.split(" =")[0] for line in self.lines}
        )
        name = next(f"part{k}" for k in range(self.first, self.first + 1000) if f"part{k}" not in taken)
        self.lines.append(f"{name} = {code.text}")
        return name


ZERO_AT_ZERO = {"sqrt", "tanh", "sin", "erf", "abs", "sign"}


def check_outside(formula: Formula) -> None:
    """Raises FormulaError where an element that may lie outside its array stands in what is not 0 for 0.

    A term with such an element is 0; code on whole arrays takes 0 for the element.
    """
    _check_outside(formula.right, formula, "")


def _check_outside(node: Node, formula: Formula, inside: str) -> None:
    match node:
        case Element(name=name, indices=indices):
            computed = [i for i in indices if not isinstance(i, (Symbol, Number, Element, Position))]
            if inside and computed:
                raise FormulaError(
                    f"{name}[...] in {formula.text!r} may lie outside of its array, and stands in {inside}, which is "
                    f"not 0 there; give {inside} a line of its own, without shifted indices"
                )
        case Reduction(body=body):
            _check_outside(body, formula, "")
        case Binary(operator="+" | "-", left=left, right=right):
            _check_outside(left, formula, inside)
            _check_outside(right, formula, inside)
        case Binary(operator=operator, left=left, right=right):
            _check_outside(left, formula, inside)
            _check_outside(
                right, formula, inside or ("a divisor" if operator == "/" else "" if operator == "*" else "an exponent")
            )
        case Function(name=name, arguments=arguments):
            zero = name in ZERO_AT_ZERO or (name in ("max", "min") and Number(0.0) in arguments)
            for argument in arguments:
                _check_outside(argument, formula, inside or ("" if zero else name))
        case Indicator(left=left, right=right):
            for side in (left, right):
                _check_outside(side, formula, inside or "a comparison")
        case Negative(body=body):
            _check_outside(body, formula, inside)
        case _:
            pass


def _number(value: float) -> Code:
    if value == math.pi:
        return Code("math.pi")
    written = str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return Code(written) if value >= 0 else Code(f"({written})")


def _letters(node: Node) -> list[str]:
    """The index letters in index places, of sums, and those that stand as numbers, in order."""
    found: dict[str, None] = {}
    for inner in walk(node):
        match inner:
            case Symbol(name=name):
                found[name] = None
            case Position():
                found[ELLIPSIS] = None
            case Reduction(indices=indices):
                found.update(dict.fromkeys(indices))
            case _:
                pass
    return list(found)


def _order(formula: Formula, target: tuple[str, ...]) -> tuple[str, ...]:
    """The indices in an order that each array has already, if there is one; else the left side's come first."""
    every = tuple(
        i for i in dict.fromkeys([*target, *_letters(formula.right), *formula.bounds]) if i in formula.indices
    )
    rows = [[i.name for i in e.indices if isinstance(i, Symbol) and i.name in every] for e in formula.elements]
    after = {i: {b for row in rows if i in row for b in row[row.index(i) + 1 :]} for i in every}
    order: list[str] = []
    left = list(every)
    while left:
        free = [i for i in left if not any(i in after[j] for j in left if j != i)]
        if not free:
            return every
        order.append(free[0])
        left.remove(free[0])
    return tuple(order)


def _whole(node: Node) -> bool:
    """Whether an index expression stays inside of its array: a letter, a number, an id."""
    return isinstance(node, (Symbol, Number, Element))


def _target(formula: Formula) -> tuple[str, ...]:
    left = formula.left
    letters = _letters(Element("", left.indices)) if isinstance(left, Element) else []
    return tuple(i for i in letters if i in formula.indices)


def _factors(node: Node) -> list[Node] | None:
    """The factors of a product; None where something is divided."""
    match node:
        case Binary(operator="*", left=left, right=right):
            first, second = _factors(left), _factors(right)
            return None if first is None or second is None else [*first, *second]
        case Binary(operator="/"):
            return None
        case _:
            return [node]


def function_text(formula: Formula, name: str, operands: Sequence[str], like: str | None = None) -> str:
    """The formula as the text of a Python function.

    Args:
        formula: the formula.
        name: the function's name.
        operands: its parameters, in order; its settings follow as keywords.
        like: the operand that lends the output its shape.

    Raises:
        FormulaError: where the formula has no such form.
    """
    code = ArrayCode(formula, like)
    lines = code.body()
    settings = [o for o in sorted(formula.options) if o in formula.symbols | _bound_names(formula)]
    parameters = ", ".join([*operands, *(["*", *settings] if settings else [])])
    body = "\n".join(f"    {line}" for line in lines)
    return f"def {name}({parameters}):\n{body}\n"


def _bound_names(formula: Formula) -> set[str]:
    return {n.name for bound in formula.bounds.values() for n in walk(bound) if isinstance(n, Symbol)}


def assigned(
    formula: Formula, name: str, like: str | None = None, dialect: Dialect = NUMPY, first: int = 1
) -> list[str]:
    """The statements that give a name the formula's value.

    Args:
        formula: the formula.
        name: the name.
        like: an array of the output's shape, where the formula may not give it.
        dialect: the array library.
        first: the number of the first part that gets a name.

    Raises:
        FormulaError: where the formula has no such form.
    """
    try:
        lines = ArrayCode(formula, None if formula.gives_shape else like, dialect, first).body()
    except FormulaError:
        if like is None:
            raise
        lines = ArrayCode(formula, like, dialect, first).body()
    *before, last = lines
    return [*before, f"{name} = {last.removeprefix('return ')}"]
