"""Statements as plain loops over their indices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce

from ....formula import Size
from ....formula.affine import affine
from ....formula.nodes import Binary, Element, Indicator, Node, Reduction, Symbol, children, walk
from ....program.statement import Statement, reduces
from ...room import BEYOND
from ..schedule.fusing import is_factor
from ..schedule.layouts import compact_strides, multiple
from ..schedule.plan import Plan
from ..schedule.times import TIME
from .ir import (
    NOTHING,
    ZERO,
    Assign,
    Cell,
    Choice,
    Code,
    Comment,
    Compared,
    Copy,
    Declare,
    DeclareArrays,
    DrawMask,
    If,
    Index,
    Linear,
    Load,
    Loop,
    Sum,
    Times,
    Variable,
    added,
    whole,
)
from .memory import Memory
from .nests import Nest, Rows, nested, rows_of
from .reductions import SMALL, Reductions

AS_WIDE = 1.6
"""The largest length of a row of whole vectors, relative to the row."""


class Loops(Reductions):
    """The loops of one phase's statements.

    Args:
        plan: the plan.
        memory: the places of values.
    """

    def __init__(self, plan: Plan, memory: Memory) -> None:
        super().__init__(plan, memory)
        self._loads: list[str] = []

    def plain(self, statements: Sequence[Statement]) -> Code:
        """Statements as loops over their indices but the samples', which somebody else goes through."""
        nests: list[Nest | Rows] = []
        for statement in statements:
            if statement.step.rule.formula is None:
                nests.append(Nest((), tuple(self.drawn(statement)), (), False, None))
                continue
            last = nests[-1].statement if nests else None
            self.sharing = last is not None and last.loops == statement.loops
            nest = self.nest(statement)
            union = nests[-1].followed_by(nest) if nests else None
            if union is None and nests and isinstance(nests[-1], Nest):
                union = rows_of(nests[-1], nest)
            if union is not None:
                nests[-1] = union
            else:
                nests.append(nest)
        return [instruction for nest in nests for instruction in nest.code()]

    def nest(self, statement: Statement) -> Nest:
        """One statement's loops."""
        fixed = (statement.sample, TIME) if statement.output in self.plan.loops else (statement.sample,)
        loops = [i for i in statement.loops if i not in fixed]
        sizes: dict[str, Size] = dict(statement.sizes)
        flat = self._flat(statement, loops)
        if statement.output in self.plan.channels and flat is None:
            channel = statement.place[1]
            assert isinstance(channel, Symbol)
            loops = [*(i for i in loops if i != channel.name), channel.name]
        if (sums := self._by_channel(statement, loops)) is not None:
            return sums
        wide = None if flat is not None else self._wide(statement, loops)
        row_end = self._pooled(statement, loops)
        if flat is not None:
            self.flat = tuple(map(Symbol, loops))
            loops, sizes["k"] = ["k"], flat
        is_sum = statement.output in self.plan.totals
        overlapping = statement.adds and not is_sum and statement.overlaps
        before: Code = [Comment(statement.text), *(self._zeroed(statement) if overlapping else [])]
        self.before = []
        loads = self._loaded(statement)
        if statement.adds and row_end is not None:
            row_end = self._ending(statement, row_end, sizes)
        conditions: tuple[Node, ...] = ()
        if statement.adds and not is_sum:
            conditions = self.inside(Element(statement.output, statement.place), statement.sizes, edges=True)
        self.known = conditions
        self.inner = () if flat is not None or self.over_parts or statement.adds else tuple(loops[-1:])
        value = self.number(statement.body, statement.sizes)
        opening, self.hoisted = self.hoisted, []
        self.known, self.inner = (), ()
        for name in self._loads:
            self.local.pop(name, None)
        self.used[self.memory.root(statement.output)] = None
        target = Cell(self.memory.name(statement.output), ZERO)
        if statement.place:
            target = self.cell(Element(statement.output, statement.place))
        closing: Code = []
        if row_end is not None and not statement.adds:  # whole vectors, of which what is there is kept
            row, (last, end) = f"{self.memory.name(statement.output)}_row", row_end
            first = self.memory.cell(Element(statement.output, statement.place), {**self.put, last: ZERO}, self.lanes)
            opening = [*opening, DeclareArrays("real", ((row, (end,)),))]
            closing = [Copy(first, row, int(sizes[last]))]
            target, sizes[last] = Cell(row, Index(last)), end
        elif wide is not None:
            value = Choice((_below(loops[-1], sizes),), value, NOTHING)
            sizes[loops[-1]] = wide
        body: Code = [*self.before, Assign(target, value, "+=" if is_sum or overlapping else "=")]
        if conditions:
            body = [If(conditions, body)]
        small = all(
            math.prod(int(statement.sizes[i]) for i in r.indices) <= SMALL
            for r in walk(statement.body)
            if isinstance(r, Reduction)
        )
        self.before, self.flat = [], ()
        if statement.adds and not is_sum:
            offsets = _offsets(statement)
            loops = [i for i in loops if i not in offsets]
            if overlapping:  # for one offset no two terms meet
                loops = [*offsets, *loops]
            else:
                for index in reversed(offsets):
                    body = [Loop(index, whole(int(sizes[index])), body, unrolled=True)]
        body = [*loads, *body]
        ranges = tuple((i, int(sizes[i])) for i in loops)
        alone = is_sum or statement.adds or flat is not None or not statement.place
        vectors = small and not self.over_parts and not self._turns(statement, loops) and not _meets(statement, loops)
        around = tuple(opening), tuple(closing)
        return Nest(ranges, tuple(body), tuple(before), vectors, None if alone else statement, around=around)

    def _by_channel(self, statement: Statement, loops: Sequence[str]) -> Nest | None:
        """Sums over an image, one for every channel, where the channels lie side by side: vectors of sums."""
        body = statement.body
        if not isinstance(body, Reduction) or body.kind != "sum" or len(loops) != 1:
            return None
        channel = loops[0]
        images = [e for e in statement.elements if e.name in self.plan.channels]
        if (
            math.prod(int(statement.sizes[i]) for i in body.indices) <= SMALL
            or not images
            or reduces(body.body)
            or self.over_parts
        ):
            return None
        if any(e.indices[1] != Symbol(channel) for e in images) or self.guards(body.body, statement.sizes, edges=False):
            return None
        size, last = int(statement.sizes[channel]), body.indices[-1]
        side = next(k for k in (4, 2, 1) if int(statement.sizes[last]) % k == 0)
        sums = self.new()
        self.put[last] = Linear(((Index(last), 1), (Index("side"), 1)))
        value = self.number(body.body, statement.sizes)
        del self.put[last]
        own = Cell(sums, Linear(((Index("side"), size), (Index(channel), 1))))
        code = nested([channel], statement.sizes, [Assign(own, value, "+=")], True)
        sides: Code = [Loop("side", whole(side), code, unrolled=True)]
        steps: Code = [Loop(last, whole(int(statement.sizes[last])), sides, step=side)]
        code = nested(body.indices[:-1], statement.sizes, steps, False)
        each = [Load(Cell(sums, added([*([whole(k * size)] if k else []), Index(channel)]))) for k in range(side)]
        total = reduce(lambda left, right: Binary("+", left, right), each[1:], each[0])
        self.used[self.memory.root(statement.output)] = None
        target = self.memory.cell(Element(statement.output, statement.place), self.put, self.lanes)
        adds = "+=" if statement.output in self.plan.totals else "="
        code = [
            Comment(statement.text),
            DeclareArrays("real", ((sums, (side * size,)),), zeros=True),
            *code,
            *nested([channel], statement.sizes, [Assign(target, total, adds)], True),
        ]
        return Nest((), tuple(code), (), False, None)

    def _loaded(self, statement: Statement) -> Code:
        """The loads of elements before they are used under a condition: loads without one can be vectorised."""
        self._loads = []
        offsets = set(_offsets(statement))
        if reduces(statement.body):
            return []
        elements = list(dict.fromkeys(statement.elements))
        if not any(isinstance(n, Indicator) for n in walk(statement.body)) or self.guards(
            statement.body, statement.sizes, edges=True
        ):
            return []
        code: Code = []
        for element in elements:
            others = [e for e in elements if e.name == element.name]
            moving = {i for place in element.indices for i in (affine(place) or {})} & offsets
            if len(others) > 1 or moving or element.name in self.local or self.over_parts:
                continue
            name = f"{self.memory.name(element.name)}_here"
            code.append(Declare("real", name, self.element(element), fixed=True))
            self.local[element.name] = Variable(name)
            self._loads.append(element.name)
        return code

    def _wide(self, statement: Statement, loops: Sequence[str]) -> int | None:
        """How far the innermost loop may go, so that it does whole vectors; after the last it stores zeros."""
        frame = self.plan.frames.get(self.memory.root(statement.output))
        if frame is None or not loops or statement.adds or not statement.pointwise or not statement.by_sample:
            return None
        if statement.output in self.plan.aliases or frame.row <= int(statement.sizes[loops[-1]]):
            return None
        for element in walk(statement.body):
            if isinstance(element, Element) and element.indices and element.indices[-1] == statement.place[-1]:
                value = self.plan.values[self.memory.root(element.name)]
                if value.home == "given" or element.name in self.plan.aliases:
                    return None
        return frame.row

    def _pooled(self, statement: Statement, loops: Sequence[str]) -> tuple[str, int] | None:
        """The innermost loop of a pool, or of its gradient, and how far it may go, so that it does whole vectors.

        What it reads after a row is not used, and lies in the thread's own memory; what a gradient sets after a row
        is zero and stays so.
        """
        inner = [i for i in loops if not statement.adds or i not in _offsets(statement)]
        if (
            not inner
            or not statement.by_sample
            or self.memory.local
            or self.over_parts
            or statement.output in self.plan.totals
        ):
            return None
        if statement.output in self.plan.channels:
            return None
        place, last, size = statement.place[-1], inner[-1], int(statement.sizes[inner[-1]])
        body, layout = statement.body, self.plan.layouts[statement.output]
        looks = isinstance(body, Reduction) and body.kind in ("max", "argmax") and place == Symbol(last)
        falls = statement.adds and len(layout.shape) > 1 and not statement.overlaps and not reduces(body)
        lanes = self.plan.machine.lanes
        wide = multiple(size, lanes) if size >= lanes else 1 << (size - 1).bit_length()
        if not (looks or falls) or wide == size or wide > AS_WIDE * size:
            return None
        own = Element(statement.output, statement.place)
        for element in (own, *statement.elements):
            value, axes = self.plan.values[self.memory.root(element.name)], self.plan.layouts[element.name].strides
            factors = [(affine(i) or {}).get(last, 0) * a for i, a in zip(element.indices[1:], axes, strict=True)]
            if value.home != "chunk" or sum(map(abs, factors)) * (wide - size) > BEYOND:
                return None
        if self.inside(own, statement.sizes, edges=True) or self.guards(body, statement.sizes, edges=True):
            return None
        if falls and (affine(place) or {}).get(last, 0) * wide > layout.strides[-2]:
            return None
        return last, wide

    def _ending(self, statement: Statement, row_end: tuple[str, int], sizes: dict[str, Size]) -> tuple[str, int] | None:
        """Lets a factor of what is added, which was loaded before, be zero after the row, and the loop go so far."""
        last, wide = row_end
        factor = next((name for name in self._loads if is_factor(statement.body, name)), None)
        if factor is None:
            return None
        self.local[factor] = Choice((_below(last, sizes),), self.local[factor], NOTHING)
        sizes[last] = wide
        return row_end

    def _turns(self, statement: Statement, loops: Sequence[str]) -> bool:
        """Whether a statement copies what lies apart: collecting it into vectors takes longer than one by one."""
        if not isinstance(statement.body, Element) or statement.body.name in self.plan.totals or not loops:
            return False
        sampled = self.plan.values[self.memory.root(statement.body.name)].sampled
        strides = self.plan.layouts[statement.body.name].strides
        factors = [(affine(i) or {}).get(loops[-1], 0) for i in statement.body.indices[sampled:]]
        return sum(f * s for f, s in zip(factors, strides, strict=True)) > 1

    def _flat(self, statement: Statement, loops: Sequence[str]) -> int | None:
        """The number of elements, where the loops run over whole values row by row and one loop does for all."""
        symbols = tuple(map(Symbol, loops))
        if len(loops) < 2 or statement.adds or statement.place[len(statement.place) - len(loops) :] != symbols:
            return None
        if reduces(statement.body):
            return None
        elements = [Element(statement.output, statement.place), *statement.elements]
        strides = self.plan.layouts[statement.output].strides
        for element in elements:
            indices = {i for place in element.indices for i in (affine(place) or {})} & set(loops)
            if not indices:
                continue
            layout = self.plan.layouts[element.name]
            if element.indices[len(element.indices) - len(loops) :] != symbols:
                return None
            if layout.block or layout.offset or layout.strides[-len(loops) :] != strides[-len(loops) :]:
                return None
            dense = sorted(zip(layout.strides, layout.shape, strict=True), reverse=True)
            if [stride for stride, _ in dense] != list(compact_strides([size for _, size in dense])):
                return None
        if any(isinstance(n, Symbol) and n.name in loops for n in _bare(statement.body)):
            return None
        return math.prod(int(statement.sizes[i]) for i in loops)

    def _zeroed(self, statement: Statement) -> Code:
        """Loops that set a value to zero before terms are added to it."""
        shape = self.plan.layouts[statement.output].shape
        letters = [f"k{axis}" for axis in range(len(shape))]
        place = (statement.place[0], *map(Symbol, letters))
        target = self.memory.cell(Element(statement.output, place), self.put, {})
        if statement.output in self.plan.channels:
            letters, shape = [*letters[1:], letters[0]], (*shape[1:], shape[0])
        return nested(letters, dict(zip(letters, shape, strict=True)), [Assign(target, ZERO)], True)

    def drawn(self, statement: Statement) -> Code:
        """A dropout mask, drawn by the counter-based generator."""
        self.used[statement.output] = None
        options, layout = statement.step.options, self.plan.layouts[statement.output]
        size = math.prod(layout.shape)
        threshold = round(options["rate"] * 2**32)
        row = self.memory.cell(Element(statement.output, statement.place), dict.fromkeys(statement.loops[1:], ZERO), {})
        return [Comment(statement.text), DrawMask(row, size, options["seed"], options["layer"], threshold)]

    # -- updates -----------------------------------------------------------------------------------------------

    def chain(self, statements: Sequence[Statement]) -> Code:
        """Statements that set the same place of several values, in one loop from `first` to `last`."""
        body, stores = self.chained(statements, flat=True)
        parts = [n for s in statements for n in sorted(s.reads) if n in self.plan.totals]
        totals: Code = []
        for name in dict.fromkeys(parts):
            self.used[name] = None
            own = self.memory.name(name)
            other = Load(Cell(own, Sum((Times("at", "PART_SIZE"), Index("k")))))
            add = _from_first_to_last([Assign(Cell(own, Index("k")), other, "+=")])
            totals.append(Loop("at", Index("PARTS"), [add], begin=whole(1)))
        return [*(Comment(s.text) for s in statements), *totals, _from_first_to_last([*body, *stores])]

    def chained(self, statements: Sequence[Statement], flat: bool) -> tuple[Code, Code]:
        """The instructions that compute a chain's values, and those that store what is kept."""
        body: Code = []
        stores: Code = []
        for statement in statements:
            self.flat = statement.place if flat else ()
            value = self.number(statement.body, statement.sizes)
            name = self.variable(statement.output)
            body.append(Declare("real", name, value, fixed=True))
            root = self.memory.root(statement.output)
            if root in self.plan.values and self.plan.values[root].home == "carried":
                self.used[root] = None
                target = self.memory.cell(Element(statement.output, statement.place), self.put, self.lanes, self.flat)
                stores.append(Assign(target, Variable(name)))
            self.local[statement.output] = Variable(name)
        for statement in statements:
            self.local.pop(statement.output)
        self.flat = ()
        return body, stores

    def variable(self, output: str) -> str:
        """The variable in which a chain's value is computed."""
        name = self.memory.name(output)
        return name if output in self.plan.updated else f"{name}_"


def _from_first_to_last(body: Code) -> Loop:
    return Loop("k", Index("last"), body, begin=Index("first"), vector=True)


def _below(index: str, sizes: Mapping[str, Size]) -> Compared:
    return Compared(Index(index), "<", whole(int(sizes[index])))


def _meets(statement: Statement, loops: Sequence[str]) -> bool:
    """Whether terms of the innermost loop may fall on the same place, as ids say."""
    nodes = [n for place in statement.place if isinstance(place, Element) for n in walk(place)]
    return bool(loops) and Symbol(loops[-1]) in nodes


def _offsets(statement: Statement) -> list[str]:
    """Of every two indices that make up a place on the left, the one that goes less far."""
    offsets: list[str] = []
    for place in statement.place:
        terms = {i: c for i, c in (affine(place) or {}).items() if i}
        if len(terms) > 1:
            offsets.append(min(terms, key=lambda i: (abs(terms[i]), int(statement.sizes[i]))))
    return offsets


def _bare(node: Node) -> list[Node]:
    """The symbols of a tree that stand outside of elements."""
    if isinstance(node, Element):
        return []
    return [node, *(n for c in children(node) for n in _bare(c))]
