"""The derivative of the loss by a value, through all lines that the value goes into."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ..base.errors import FormulaError
from ..formula.formula import Formula
from ..formula.nodes import ELLIPSIS, Binary, Count, Element, Negative, Node, Position, Reduction, Symbol, walk
from ..formula.rewrite import at, rebuilt, renamed_letters, rewritten, spread
from ..formula.text import text
from .backward import Share, aligned, shares
from .names import derivative_name
from .simplify import Form, known_from, simplest
from .terms import names_in, new_letter


@dataclass(frozen=True, slots=True)
class Passing:
    """What comes back to a value through one of the places where a line reads it.

    Attributes:
        line: the forward line.
        share: what comes back.
    """

    line: Formula
    share: Share


@dataclass(frozen=True, slots=True)
class Derivative:
    """The derivative of the loss by a value.

    Attributes:
        of: the value.
        place: the indices of the value on the left.
        scattered: whether terms are added where they fall.
        passing: what comes back through each place.
        forms: the right side, from the sum of all that comes back to the shortest form.
        bounds: the ranges of indices that no array gives.
    """

    of: str
    place: tuple[Node, ...]
    scattered: bool
    passing: tuple[Passing, ...]
    forms: tuple[Form, ...]
    bounds: dict[str, Node]

    @property
    def right(self) -> Node:
        """The right side in its shortest form."""
        return self.forms[-1].node

    @property
    def left(self) -> Element | Symbol:
        """The left side."""
        return Element(derivative_name(self.of), self.place) if self.place else Symbol(derivative_name(self.of))

    @property
    def text(self) -> str:
        """The backward line as a formula."""
        given = {
            i.name
            for n in (self.left, *walk(self.right))
            if isinstance(n, Element)
            for i in n.indices
            if isinstance(i, Symbol)
        }
        needed = [i for i in self.bounds if i not in given and i in names_in(self.left) | names_in(self.right)]
        ranges = ", ".join(f"{i}<{text(self.bounds[i])}" for i in needed)
        line = f"{text(self.left)} {'+=' if self.scattered else '='} {text(inward(self.right))}"
        return f"{line} for {ranges}" if ranges else line


def derivative(lines: Sequence[Formula], of: str, through: Collection[str] | None = None) -> Derivative | None:
    """The derivative of the loss by a value, from those by the values that it goes into.

    Args:
        lines: the forward lines in order.
        of: the value.
        through: the values whose derivatives are there; None for all. Through those that are missing the way goes on
            to the values that they go into.

    Returns:
        None where nothing comes back: no line reads it, or only what is flat, as a comparison.

    Raises:
        FormulaError: where what comes back through two places cannot be one line.
    """
    passing: list[Passing] = []
    bodies: list[tuple[Share, Node]] = []
    bounds: dict[str, Node] = {}
    for number, line in enumerate(lines):
        for share in shares(line, of):
            body = share.body
            if through is not None and line.output not in through and line.output != of:
                inner = derivative(lines[number:], line.output, through)
                if inner is None:
                    continue
                body = _put(body, inner)
                bounds.update(inner.bounds)
            passing.append(Passing(line, share))
            bodies.append((share, body))
            bounds.update(share.bounds)
    if not bodies:
        return None
    place = next((s.place for s, _ in bodies if not s.scattered), bodies[0][0].place)
    total: Node | None = None
    for share, body in bodies:
        own = aligned(share, body, place)
        if own is None:
            raise FormulaError(
                f"{of} stands at {_at(of, place)} and at {_at(of, share.place)}; "
                "what comes back to these is not one line: name one of them by a line of its own"
            )
        total = own if total is None else Binary("+", total, own)
    assert total is not None
    scattered = any(s.scattered for s, _ in bodies)
    total = rewritten(total, lambda n: bounds[n.index] if isinstance(n, Count) and n.index in bounds else n)
    forms = simplest(total, known_from(lines))
    return Derivative(of, place, scattered, tuple(passing), tuple(forms), bounds)


def with_outside(one: Derivative, ending: str) -> Derivative:
    """The derivative by the output of lines that read it themselves, with what comes back from outside."""
    left = one.left
    indices = left.indices if isinstance(left, Element) else ()
    outside = Element(left.name + ending, indices) if indices else Symbol(left.name + ending)
    form = Form(Binary("+", outside, one.right), "and what comes back from outside")
    return replace(one, forms=(*one.forms, form))


def _at(name: str, place: Sequence[Node]) -> str:
    return f"{name}[{','.join(map(text, place))}]"


def _put(body: Node, inner: Derivative) -> Node:
    """The tree with a derivative's right side in every place of it."""
    if inner.scattered:
        raise FormulaError(f"{text(inner.left)} is added where it falls; it needs a line of its own")

    def change(node: Node) -> Node:
        if isinstance(node, (Element, Symbol)) and node.name == derivative_name(inner.of):
            return _instance(inner, node.indices if isinstance(node, Element) else (), names_in(body))
        return rebuilt(node, change)

    return change(body)


def _instance(inner: Derivative, indices: Sequence[Node], taken: Collection[str]) -> Node:
    """The right side of a derivative at other indices; what it sums over has letters that are not taken."""
    node = inner.right
    own = {i for n in walk(node) if isinstance(n, Reduction) for i in n.indices if i != ELLIPSIS}
    names = set(taken) | names_in(node) | names_in(inner.left)
    other: dict[str, str] = {}
    for letter in sorted(own & set(taken)):
        other[letter] = new_letter(names)
        names.add(other[letter])

    def apart(part: Node) -> Node:
        if isinstance(part, Reduction) and set(part.indices) & other.keys():
            part = renamed_letters(part, {i: other[i] for i in part.indices if i in other})
        return rebuilt(part, apart)

    node = apart(node)
    pairs = {a.name: b for a, b in zip(inner.place, indices, strict=True) if isinstance(a, Symbol) and a != b}
    plain = {a: b.name for a, b in pairs.items() if isinstance(b, Symbol)}
    return renamed_letters(node, plain) if len(plain) == len(pairs) else at(node, pairs)


def alike(lines: Sequence[Formula]) -> list[Formula]:
    """The lines with letters for `...` where another line writes them out: h[...] is h[n,t,u] beside h[n,t-1,u]."""
    written: dict[str, tuple[str, ...]] = {}

    def note(line: Formula) -> None:
        for element in line.elements:
            letters = tuple(i.name for i in element.indices if isinstance(i, Symbol))
            if len(letters) == len(element.indices) and len(letters) > len(written.get(element.name, ())):
                written[element.name] = letters

    for line in lines:
        note(line)
    result: list[Formula] = []
    for line in lines:
        letters = _letters_for(line, written)
        if letters is not None:
            line = line.changed(lambda side, letters=letters: spread(side, ELLIPSIS, letters))
            note(line)
        result.append(line)
    return result


def _letters_for(line: Formula, written: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The indices that `...` stands for in a line, by an element that another line writes out further."""
    if ELLIPSIS not in line.indices or any(isinstance(n, Position) for n in line.nodes):
        return None
    for element in line.elements:
        places = written.get(element.name, ())
        if Symbol(ELLIPSIS) not in element.indices:
            continue
        first = element.indices.index(Symbol(ELLIPSIS))
        letters = places[first : len(places) - (len(element.indices) - 1 - first)]
        if letters and letters != (ELLIPSIS,) and not set(letters) & (line.indices - {ELLIPSIS}):
            return letters
    return None


def inward(node: Node) -> Node:
    """The tree with a minus at the first factor of a product, as it is read: -a * b for -(a * b)."""

    def change(inner: Node) -> Node:
        match inner:
            case Negative(body=Binary(operator="*" | "/" as operator, left=left, right=right)):
                return Binary(operator, change(Negative(left)), right)
            case _:
                return inner

    return rewritten(node, change)
