"""Right sides of statements: elements, numbers, and sums and maxima as loops before them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ....formula import Size
from ....formula.affine import affine, span
from ....formula.nodes import Binary, Element, Function, Node, Number, Reduction, Symbol, children, walk
from ....program.statement import SAMPLES, names_in, reduces
from ..schedule.plan import Plan
from .expressions import Constants, Lowering
from .ir import (
    NOTHING,
    ZERO,
    Assign,
    Cell,
    Choice,
    Code,
    Compared,
    Counted,
    Declare,
    DeclareArrays,
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
    Sum,
    Times,
    Unordered,
    Variable,
    linear,
    whole,
)
from .memory import Memory

SMALL = 32
"""Sums of at most so many terms are written out inside a loop that is vectorised."""
LONG = 8
"""Sums over several indices of so many terms are made in parts, as each addition waits for the one before."""
SINGLE = (SAMPLES, "lr", "t", "clock")
"""The names of single numbers for a whole step."""


class Reductions:
    """The lowering of the right sides of one phase's statements.

    Args:
        plan: the plan.
        memory: the places of values.

    Attributes:
        constants: the numbers that are computed before the loops.
        used: the values whose pointers are needed, in the order of their use.
        local: the node for a value.
        put: the whole number for an index.
        lanes: the whole number added to an index for one of several vectors side by side.
        flat: indices that the single index k runs over.
        before: instructions that have to stand before the one that is made.
        known: conditions that hold here: elements lie inside.
        over_parts: whether sums over the samples are put together from the parts' sums here.
        sharing: whether the statement before has the same loops, so that what it found can be used.
        inner: the indices of the loop that is innermost here.
        hoisted: instructions that stand before that loop.
    """

    def __init__(self, plan: Plan, memory: Memory) -> None:
        self.plan = plan
        self.memory = memory
        self.constants = Constants(SINGLE)
        self.used: dict[str, None] = {}
        self.local: dict[str, Node] = {}
        self.flat: tuple[Node, ...] = ()
        self.put: dict[str, Integer] = {}
        self.lanes: dict[str, Integer] = {}
        self.before: Code = []
        self.known: tuple[Node, ...] = ()
        self.over_parts = False
        self.sharing = False
        self.inner: tuple[str, ...] = ()
        self.hoisted: Code = []
        self._numbered = 0
        self._largest_of: dict[tuple[tuple[str, ...], Node], str] = {}

    def element(self, element: Element) -> Node:
        """The node for an element; instructions that it needs are put into `before`."""
        if element.name in self.local:
            return self.local[element.name]
        if self.over_parts and element.name in self.plan.totals:
            begin = whole(self.memory.places[element.name])
            inside = self.memory.cell(element, self.put, self.lanes, self.flat).place
            place = Sum((Times("at", "PART_SIZE"), begin, inside))
            return Variable(self._total("real", Cell("part", place, of_state=True)))
        return Load(self.cell(element))

    def cell(self, element: Element) -> Cell:
        """The place of an element, whose value is then used, and so are those of ids among its indices."""
        for node in walk(element):
            if isinstance(node, Element):
                self.used[self.memory.root(node.name)] = None
        return self.memory.cell(element, self.put, self.lanes, self.flat)

    def symbol(self, name: str) -> Node:
        """The node for a number: an index, or a value that is one number."""
        if name not in self.plan.values:
            return Counted(self.put.get(name) or Index(name))
        if name in self.plan.totals:
            place = Sum((Times("at", "NUMBERS"), whole(self.memory.places[name])))
            return Double(Found(self._total("double", Cell("part_numbers", place, of_state=True))))
        self.used[name] = None
        return Double(Load(Cell(self.memory.name(name), ZERO)))

    def _total(self, kind: str, cell: Cell) -> str:
        name = self.new()
        add = Assign(Variable(name), Load(cell), "+=")
        self.before += [Declare(kind, name, ZERO), Loop("at", Index("PARTS"), [add], layout="beside")]
        return name

    def new(self) -> str:
        """A name that is not yet used."""
        self._numbered += 1
        return f"t{self._numbered}"

    def number(self, node: Node, inside: Mapping[str, Size]) -> Node:
        """A tree as a number, 0 where it lies outside; sums inside become loops before it."""

        def conditions(term: Node) -> tuple[Node, ...]:
            return tuple(c for c in self._needed(term, inside, edges=False) if c not in self.known)

        self.constants.indices = inside
        lowering = Lowering(
            self.constants, self.element, self.symbol, lambda r: self.reduction(r, inside), conditions, self._hoisted
        )
        number, outside = lowering.lower(node), conditions(node)
        return Choice(outside, number, NOTHING) if outside and not _adds(node) else number

    def _hoisted(self, node: Node) -> Node | None:
        """A number that all of a sample's row has in common, computed before the loop over the row."""
        elements = [n for n in walk(node) if isinstance(n, Element)]
        of_a_row = any(len(e.indices) > 1 and self.plan.values[self.memory.root(e.name)].sampled for e in elements)
        if not (self.inner and of_a_row) or reduces(node) or not names_in(node).isdisjoint(self.inner):
            return None
        if any(e.name in self.local for e in elements):
            return None
        inner, self.inner = self.inner, ()
        match node:
            case Binary(operator="/", left=left, right=right):
                value: Node = Binary("/", left, self.number(right, self.constants.indices))
            case _:
                value = self.number(node, self.constants.indices)
        self.inner = inner
        name = self.new()
        self.hoisted.append(Declare("real", name, value, fixed=True))
        return Variable(name)

    def reduction(self, node: Reduction, sizes: Mapping[str, Size]) -> Node:
        """The node for a sum, mean or maximum, whose loops are put into `before`."""
        if (plane := self._plane(node, sizes)) is not None:
            return plane
        if node.kind in ("sum", "mean"):  # neighbours in memory innermost
            images = [e for e in walk(node.body) if isinstance(e, Element) and e.name in self.plan.channels]
            near = [i for i in node.indices if any(e.indices[1] == Symbol(i) for e in images)]
            node = Reduction(node.kind, (*(i for i in node.indices if i not in near), *near), node.body)
        outside, self.before = self.before, []
        count = math.prod(int(sizes[i]) for i in node.indices)
        guards, conditions = self._needed(node.body, sizes, edges=node.kind in ("max", "argmax")), self.known
        self.known = (*conditions, *guards)
        around, self.inner, self.hoisted = (self.inner, self.hoisted), node.indices, []
        value = self.number(node.body, sizes)
        self.known = conditions
        inner, self.before = self.before, [*outside, *self.hoisted]
        self.inner, self.hoisted = around
        if node.kind == "max" and (node.indices, node.body) in self._largest_of and self.sharing:
            return Found(self._largest_of[node.indices, node.body])
        name = self.new()
        if node.kind in ("max", "argmax"):
            if 1 < count <= SMALL:
                return self._largest_of_few(node, sizes, guards, value, inner)
            if node.kind == "max" and not guards and not inner:
                return self._largest_of_many(node, sizes, name, value)
            return self._largest(node, sizes, guards, name, value, inner)
        small = count <= SMALL
        several = [i for i in node.indices if int(sizes[i]) > 1]
        part = self.new() if small and len(several) > 1 and count >= LONG else ""
        body: Code = [*inner, Assign(Variable(part or name), value, "+=")]
        if guards:
            body = [If(guards, body)]
        for depth, index in enumerate(reversed(node.indices)):
            size = int(sizes[index])
            if part and index == several[0]:
                body = [Declare("real", part, ZERO), *body, Assign(Variable(name), Variable(part), "+=")]
            total = name if depth == 0 and not small and size >= 8 and not inner else ""
            body = [Loop(index, whole(size), body, unrolled=small, reduced=total)]
        self.before += [Declare("real", name, ZERO), *body]
        if node.kind == "mean":
            return Binary("*", Found(name), self.constants.number(Number(1 / count)))
        return Found(name)

    def _largest(
        self,
        node: Reduction,
        sizes: Mapping[str, Size],
        guards: tuple[Node, ...],
        name: str,
        value: Node,
        inner: Sequence[Instruction],
    ) -> Node:
        """The largest of many terms, or where it stands, term by term."""
        best, candidate = Variable(name), Variable(self.new())
        body: Code = [*inner, Declare("real", candidate.name, value, fixed=True)]
        start: Code = [Declare("real", name, Number(-math.inf))]
        result = name
        if node.kind == "argmax":
            self._largest_of[node.indices, node.body] = name
            result = self.new()
            at = Counted(_counted(node.indices, sizes))
            larger = Compared(candidate, ">", best)
            body.append(Assign(Variable(result), Choice((larger,), at, Variable(result))))
            start.append(Declare("real", result, ZERO))
        body.append(Assign(best, Choice((Larger(candidate, best),), candidate, best)))
        if guards:
            body = [If(guards, body)]
        small = math.prod(int(sizes[i]) for i in node.indices) <= SMALL
        for index in reversed(node.indices):
            body = [Loop(index, whole(int(sizes[index])), body, unrolled=small)]
        self.before += [*start, *body]
        return Found(result)

    def _largest_of_many(self, node: Reduction, sizes: Mapping[str, Size], name: str, value: Node) -> Node:
        """The largest of many terms, side by side; whether one is no number is looked for apart."""
        best, unordered = Variable(name), Variable(self.new())

        def over(body: Code, reduced: str, by: str) -> Code:
            for depth, index in enumerate(reversed(node.indices)):
                body = [Loop(index, whole(int(sizes[index])), body, reduced="" if depth else reduced, by=by)]
            return body

        self.before += [
            Declare("real", best.name, Number(-math.inf)),
            *over([Assign(best, Function("max", (best, value)))], best.name, "max"),
            Declare("int", unordered.name, ZERO),
            *over([Assign(unordered, Unordered(value, value), "|=")], unordered.name, "|"),
            Assign(best, Choice((unordered,), Number(math.nan), best)),
        ]
        return Found(best.name)

    def _largest_of_few(
        self,
        node: Reduction,
        sizes: Mapping[str, Size],
        guards: tuple[Node, ...],
        value: Node,
        inner: Sequence[Instruction],
    ) -> Node:
        """The largest of few terms and where it stands, without a comparison that waits for the one before."""
        terms, best = self.new(), Variable(self.new())
        count = math.prod(int(sizes[i]) for i in node.indices)

        def term(at: Integer) -> Load:
            return Load(Cell(terms, at))

        if guards:
            value = Choice(guards, value, Number(-math.inf))
        body: Code = [*inner, Assign(Cell(terms, _counted(node.indices, sizes)), value)]
        for index in reversed(node.indices):
            body = [Loop(index, whole(int(sizes[index])), body, unrolled=True)]
        unordered = Variable(self.new())
        last = count - 1
        ahead = Linear(((Index("k"), 1),), 1)
        larger = Assign(best, Function("max", (best, term(ahead))))
        either = Assign(unordered, Unordered(term(Index("k")), term(ahead)), "|=")
        self.before += [
            DeclareArrays("real", ((terms, (count,)),)),
            *body,
            Declare("real", best.name, term(ZERO)),
            Loop("k", whole(last), [larger], unrolled=True, layout="beside"),
            Declare("int", unordered.name, ZERO),
            Loop("k", whole(last), [either], unrolled=True, layout="beside"),
            Assign(best, Choice((unordered,), Number(math.nan), best)),
        ]
        self._largest_of[node.indices, node.body] = best.name
        if node.kind == "max":
            return Found(best.name)
        place = Variable(self.new())
        back = Linear(((Index("k"), -1),), last - 1)
        first = Choice((Compared(term(back), "=", best),), Counted(back), place)
        self.before += [
            Declare("real", place.name, whole(last), comment="the first of equals"),
            Loop("k", whole(last), [Assign(place, first)], unrolled=True, layout="beside"),
        ]
        return Found(place.name)

    def _plane(self, node: Reduction, sizes: Mapping[str, Size]) -> Node | None:
        """The sum over whole rows of a value that stands among zeros, as one long loop."""
        element = node.body
        if node.kind != "sum" or not isinstance(element, Element) or len(node.indices) < 2:
            return None
        if element.name in self.plan.channels:
            return None
        root, frame = self.memory.root(element.name), self.plan.frames.get(element.name)
        tail = tuple(map(Symbol, node.indices))
        if frame is None or root != element.name or element.indices[len(element.indices) - len(tail) :] != tail:
            return None
        layout = self.plan.layouts[element.name]
        axis = len(layout.shape) - len(tail)
        if layout.shape[axis:] != tuple(int(sizes[i]) for i in node.indices):
            return None
        length = (layout.shape[axis] - 1) * layout.strides[axis] + sum(
            (n - 1) * s for n, s in zip(layout.shape[axis + 1 :], layout.strides[axis + 1 :], strict=True)
        )
        name = self.new()
        self.used[root] = None
        put = {**self.put, **dict.fromkeys(node.indices, ZERO)}
        first = self.memory.cell(element, put, self.lanes)
        add = Assign(Variable(name), Load(replace(first, ahead=Index("k"))), "+=")
        self.before += [
            Declare("real", name, ZERO, comment="what stands between the rows is zero"),
            Loop("k", whole(length + 1), [add], reduced=name, layout="beside"),
        ]
        return Found(name)

    def guards(self, node: Node, sizes: Mapping[str, Size], edges: bool) -> tuple[Node, ...]:
        """Conditions under which the elements of a tree lie inside; `edges`: a frame does not count."""
        conditions: dict[Node, None] = {}
        for element in walk(node):
            if isinstance(element, Element) and element.name not in self.local:
                conditions.update(dict.fromkeys(self.inside(element, sizes, edges)))
        return tuple(conditions)

    def _needed(self, node: Node, sizes: Mapping[str, Size], edges: bool) -> tuple[Node, ...]:
        """Conditions without which a tree is nothing: of a sum, those of all of its terms; a reduction has its own."""
        match node:
            case Element(name=name):
                return () if name in self.local else self.inside(node, sizes, edges)
            case Reduction():
                return ()
            case Binary(operator=("+" | "-"), left=left, right=right):
                others = self._needed(right, sizes, edges)
                return tuple(c for c in self._needed(left, sizes, edges) if c in others)
            case _:
                return tuple(dict.fromkeys(c for child in children(node) for c in self._needed(child, sizes, edges)))

    def inside(self, element: Element, sizes: Mapping[str, Size], edges: bool) -> tuple[Node, ...]:
        """Conditions under which one element lies inside."""
        value = self.plan.values.get(self.memory.root(element.name))
        sampled = value is not None and value.sampled
        shape = self.plan.layouts[element.name].shape
        frame = self.plan.frames.get(element.name)
        conditions: list[Node] = []
        for axis, (place, size) in enumerate(zip(element.indices[sampled:], shape, strict=True)):
            if isinstance(place, Number):
                continue
            before, after = (0, 0) if frame is None or edges else (frame.before[axis], frame.after[axis])
            low, high = (0, int(sizes[place.name]) - 1) if isinstance(place, Symbol) else span(place, sizes)
            if low >= -before and high <= size - 1 + after:
                continue
            position = linear(affine(place) or {}, {})
            if low < -before:
                conditions.append(Compared(position, ">=", ZERO))
            if high > size - 1 + after:
                conditions.append(Compared(position, "<", whole(size)))
        return tuple(conditions)


def _adds(node: Node) -> bool:
    """Whether a tree is a sum of terms, each of which has its own conditions."""
    return isinstance(node, Binary) and node.operator in "+-"


def _counted(indices: Sequence[str], sizes: Mapping[str, Size]) -> Integer:
    """Several indices as one, row by row."""
    first, *others = indices
    at: Integer = Index(first)
    for index in others:
        at = Linear(((at, int(sizes[index])), (Index(index), 1)))
    return at
