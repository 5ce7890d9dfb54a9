"""Statements as plain loops over their indices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce

from ....formula import Size
from ....formula.affine import affine
from ....formula.nodes import Binary, Element, Indicator, Node, Reduction, Symbol, children, walk
from ....program.statement import Statement, reduces
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
from .memory import BEYOND, Memory
from .nests import Nest, nested
from .reductions import SMALL, Reductions

AS_WIDE = 1.6
"""How much longer a row may be made, so that it is whole vectors."""


class Loops(Reductions):
    """Makes loops of the statements of one phase.

    Args:
        plan: the plan.
        memory: where values lie.
    """

    def __init__(self, plan: Plan, memory: Memory) -> None:
        super().__init__(plan, memory)
        self._loads: list[str] = []

    def plain(self, statements: Sequence[Statement]) -> Code:
        """Statements as loops over their indices but the samples', which somebody else goes through."""
        nests: list[Nest] = []
        for made in statements:
            if made.step.rule.formula is None:
                nests.append(Nest((), tuple(self.drawn(made)), (), False, None))
                continue
            self.sharing = bool(nests) and nests[-1].made is not None and nests[-1].made.loops == made.loops
            nest = self.nest(made)
            if nests and (joined := nests[-1].with_behind(nest)) is not None:
                nests[-1] = joined
            else:
                nests.append(nest)
        return [instruction for nest in nests for instruction in nest.code()]

    def nest(self, made: Statement) -> Nest:
        """One statement's loops."""
        fixed = (made.sample, TIME) if made.output in self.plan.loops else (made.sample,)
        loops = [i for i in made.loops if i not in fixed]
        sizes: dict[str, Size] = dict(made.sizes)
        flat = self._flat(made, loops)
        if made.output in self.plan.channels and flat is None:
            channel = made.place[1]
            assert isinstance(channel, Symbol)
            loops = [*(i for i in loops if i != channel.name), channel.name]
        if (sums := self._by_channel(made, loops)) is not None:
            return sums
        wide = None if flat is not None else self._wide(made, loops)
        pooled = self._pooled(made, loops)
        if flat is not None:
            self.flat = tuple(map(Symbol, loops))
            loops, sizes["k"] = ["k"], flat
        summed = made.output in self.plan.totals
        overlapping = made.adds and not summed and made.overlaps
        before: Code = [Comment(made.text), *(self._zeroed(made) if overlapping else [])]
        self.before = []
        loaded = self._loaded(made)
        if made.adds and pooled is not None:
            pooled = self._ending(made, pooled, sizes)
        conditions: tuple[Node, ...] = ()
        if made.adds and not summed:
            conditions = self.inside(Element(made.output, made.place), made.sizes, edges=True)
        self.known = conditions
        value = self.number(made.body, made.sizes)
        self.known = ()
        for name in self._loads:
            self.local.pop(name, None)
        self.used[self.memory.root(made.output)] = None
        target = Cell(self.memory.name(made.output), ZERO)
        if made.place:
            target = self.memory.cell(Element(made.output, made.place), self.put, self.lanes, self.flat)
        opening: Code = []
        closing: Code = []
        if pooled is not None and not made.adds:  # whole vectors, of which what is there is kept
            row, (last, end) = f"{self.memory.name(made.output)}_row", pooled
            first = self.memory.cell(Element(made.output, made.place), {**self.put, last: ZERO}, self.lanes)
            opening = [DeclareArrays("real", ((row, (end,)),))]
            closing = [Copy(first, row, int(sizes[last]))]
            target, sizes[last] = Cell(row, Index(last)), end
        elif wide is not None:
            value = Choice((_below(loops[-1], sizes),), value, NOTHING)
            sizes[loops[-1]] = wide
        body: Code = [*self.before, Assign(target, value, "+=" if summed or overlapping else "=")]
        if conditions:
            body = [If(conditions, body)]
        small = all(
            math.prod(int(made.sizes[i]) for i in r.indices) <= SMALL
            for r in walk(made.body)
            if isinstance(r, Reduction)
        )
        self.before, self.flat = [], ()
        if made.adds and not summed:
            offsets = _offsets(made)
            loops = [i for i in loops if i not in offsets]
            if overlapping:  # for one offset no two terms meet
                loops = [*offsets, *loops]
            else:
                for index in reversed(offsets):
                    body = [Loop(index, whole(int(sizes[index])), body, unrolled=True)]
        body = [*loaded, *body]
        ranges = tuple((i, int(sizes[i])) for i in loops)
        alone = summed or made.adds or flat is not None or not made.place
        vectors = small and not self.over_parts and not self._turns(made, loops) and not _meets(made, loops)
        around = tuple(opening), tuple(closing)
        return Nest(ranges, tuple(body), tuple(before), vectors, None if alone else made, around=around)

    def _by_channel(self, made: Statement, loops: Sequence[str]) -> Nest | None:
        """Sums over an image, one for every channel, where the channels lie side by side: vectors of sums."""
        body = made.body
        if not isinstance(body, Reduction) or body.kind != "sum" or len(loops) != 1:
            return None
        channel = loops[0]
        images = [e for e in made.elements if e.name in self.plan.channels]
        if (
            math.prod(int(made.sizes[i]) for i in body.indices) <= SMALL
            or not images
            or reduces(body.body)
            or self.over_parts
        ):
            return None
        if any(e.indices[1] != Symbol(channel) for e in images) or self.guards(body.body, made.sizes, edges=False):
            return None
        size, last = int(made.sizes[channel]), body.indices[-1]
        side = next(k for k in (4, 2, 1) if int(made.sizes[last]) % k == 0)
        sums = self.new()
        self.put[last] = Linear(((Index(last), 1), (Index("side"), 1)))
        value = self.number(body.body, made.sizes)
        del self.put[last]
        own = Cell(sums, Linear(((Index("side"), size), (Index(channel), 1))))
        code = nested([channel], made.sizes, [Assign(own, value, "+=")], True)
        sides: Code = [Loop("side", whole(side), code, unrolled=True)]
        steps: Code = [Loop(last, whole(int(made.sizes[last])), sides, step=side)]
        code = nested(body.indices[:-1], made.sizes, steps, False)
        each = [Load(Cell(sums, added([*([whole(k * size)] if k else []), Index(channel)]))) for k in range(side)]
        total = reduce(lambda left, right: Binary("+", left, right), each[1:], each[0])
        self.used[self.memory.root(made.output)] = None
        target = self.memory.cell(Element(made.output, made.place), self.put, self.lanes)
        adds = "+=" if made.output in self.plan.totals else "="
        code = [
            Comment(made.text),
            DeclareArrays("real", ((sums, (side * size,)),), zeros=True),
            *code,
            *nested([channel], made.sizes, [Assign(target, total, adds)], True),
        ]
        return Nest((), tuple(code), (), False, None)

    def _loaded(self, made: Statement) -> Code:
        """Loads elements before they are used under a condition: loads without one can be vectorised."""
        self._loads = []
        offsets = set(_offsets(made))
        if reduces(made.body):
            return []
        read = list(dict.fromkeys(made.elements))
        if not any(isinstance(n, Indicator) for n in walk(made.body)) or self.guards(made.body, made.sizes, edges=True):
            return []
        code: Code = []
        for element in read:
            again = [e for e in read if e.name == element.name]
            moving = {i for place in element.indices for i in (affine(place) or {})} & offsets
            if len(again) > 1 or moving or element.name in self.local or self.over_parts:
                continue
            own = f"{self.memory.name(element.name)}_here"
            code.append(Declare("real", own, self.element(element), fixed=True))
            self.local[element.name] = Variable(own)
            self._loads.append(element.name)
        return code

    def _wide(self, made: Statement, loops: Sequence[str]) -> int | None:
        """How far the innermost loop may go, so that it does whole vectors; behind the last it stores zeros."""
        frame = self.plan.frames.get(self.memory.root(made.output))
        if frame is None or not loops or made.adds or not made.pointwise or not made.by_sample:
            return None
        if made.output in self.plan.aliases or frame.row <= int(made.sizes[loops[-1]]):
            return None
        for element in walk(made.body):
            if isinstance(element, Element) and element.indices and element.indices[-1] == made.place[-1]:
                value = self.plan.values[self.memory.root(element.name)]
                if value.home == "given" or element.name in self.plan.aliases:
                    return None
        return frame.row

    def _pooled(self, made: Statement, loops: Sequence[str]) -> tuple[str, int] | None:
        """The innermost loop of a pool, or of its gradient, and how far it may go, so that it does whole vectors.

        What it reads behind a row is not used, and lies in the thread's own memory; what a gradient sets behind a row
        is zero and stays so.
        """
        inner = [i for i in loops if not made.adds or i not in _offsets(made)]
        if not inner or not made.by_sample or self.memory.local or self.over_parts or made.output in self.plan.totals:
            return None
        if made.output in self.plan.channels:
            return None
        place, last, size = made.place[-1], inner[-1], int(made.sizes[inner[-1]])
        body, layout = made.body, self.plan.layouts[made.output]
        looks = isinstance(body, Reduction) and body.kind in ("max", "argmax") and place == Symbol(last)
        falls = made.adds and len(layout.shape) > 1 and not made.overlaps and not reduces(body)
        lanes = self.plan.machine.lanes
        wide = multiple(size, lanes) if size >= lanes else 1 << (size - 1).bit_length()
        if not (looks or falls) or wide == size or wide > AS_WIDE * size:
            return None
        own = Element(made.output, made.place)
        for element in (own, *made.elements):
            value, axes = self.plan.values[self.memory.root(element.name)], self.plan.layouts[element.name].strides
            factors = [(affine(i) or {}).get(last, 0) * a for i, a in zip(element.indices[1:], axes, strict=True)]
            if value.home != "chunk" or sum(map(abs, factors)) * (wide - size) > BEYOND:
                return None
        if self.inside(own, made.sizes, edges=True) or self.guards(body, made.sizes, edges=True):
            return None
        if falls and (affine(place) or {}).get(last, 0) * wide > layout.strides[-2]:
            return None
        return last, wide

    def _ending(self, made: Statement, pooled: tuple[str, int], sizes: dict[str, Size]) -> tuple[str, int] | None:
        """Lets a factor of what is added, which was loaded before, be zero behind the row, and the loop go so far."""
        last, wide = pooled
        factor = next((name for name in self._loads if is_factor(made.body, name)), None)
        if factor is None:
            return None
        self.local[factor] = Choice((_below(last, sizes),), self.local[factor], NOTHING)
        sizes[last] = wide
        return pooled

    def _turns(self, made: Statement, loops: Sequence[str]) -> bool:
        """Whether a statement copies what lies apart: collecting it into vectors takes longer than one by one."""
        if not isinstance(made.body, Element) or made.body.name in self.plan.totals or not loops:
            return False
        sampled = self.plan.values[self.memory.root(made.body.name)].sampled
        strides = self.plan.layouts[made.body.name].strides
        factors = [(affine(i) or {}).get(loops[-1], 0) for i in made.body.indices[sampled:]]
        return sum(f * s for f, s in zip(factors, strides, strict=True)) > 1

    def _flat(self, made: Statement, loops: Sequence[str]) -> int | None:
        """How many elements there are, where the loops run over whole values row by row and one loop does for all."""
        symbols = tuple(map(Symbol, loops))
        if len(loops) < 2 or made.adds or made.place[len(made.place) - len(loops) :] != symbols:
            return None
        if reduces(made.body):
            return None
        touched = [Element(made.output, made.place), *made.elements]
        strides = self.plan.layouts[made.output].strides
        for element in touched:
            used = {i for place in element.indices for i in (affine(place) or {})} & set(loops)
            if not used:
                continue
            layout = self.plan.layouts[element.name]
            if element.indices[len(element.indices) - len(loops) :] != symbols:
                return None
            if layout.block or layout.offset or layout.strides[-len(loops) :] != strides[-len(loops) :]:
                return None
            dense = sorted(zip(layout.strides, layout.shape, strict=True), reverse=True)
            if [stride for stride, _ in dense] != list(compact_strides([size for _, size in dense])):
                return None
        if any(isinstance(n, Symbol) and n.name in loops for n in _bare(made.body)):
            return None
        return math.prod(int(made.sizes[i]) for i in loops)

    def _zeroed(self, made: Statement) -> Code:
        """Loops that set a value to zero before terms are added to it."""
        shape = self.plan.layouts[made.output].shape
        letters = [f"k{axis}" for axis in range(len(shape))]
        place = (made.place[0], *map(Symbol, letters))
        target = self.memory.cell(Element(made.output, place), self.put, {})
        if made.output in self.plan.channels:
            letters, shape = [*letters[1:], letters[0]], (*shape[1:], shape[0])
        return nested(letters, dict(zip(letters, shape, strict=True)), [Assign(target, ZERO)], True)

    def drawn(self, made: Statement) -> Code:
        """A dropout mask, drawn by the counter-based generator."""
        self.used[made.output] = None
        options, layout = made.step.options, self.plan.layouts[made.output]
        size = math.prod(layout.shape)
        threshold = round(options["rate"] * 2**32)
        row = self.memory.cell(Element(made.output, made.place), dict.fromkeys(made.loops[1:], ZERO), {})
        return [Comment(made.text), DrawMask(row, size, options["seed"], options["layer"], threshold)]

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
        for made in statements:
            self.flat = made.place if flat else ()
            value = self.number(made.body, made.sizes)
            name = self.variable(made.output)
            body.append(Declare("real", name, value, fixed=True))
            root = self.memory.root(made.output)
            if root in self.plan.values and self.plan.values[root].home == "carried":
                self.used[root] = None
                target = self.memory.cell(Element(made.output, made.place), self.put, self.lanes, self.flat)
                stores.append(Assign(target, Variable(name)))
            self.local[made.output] = Variable(name)
        for made in statements:
            self.local.pop(made.output)
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


def _meets(made: Statement, loops: Sequence[str]) -> bool:
    """Whether terms of the innermost loop may fall on the same place, as ids say."""
    chosen = [n for place in made.place if isinstance(place, Element) for n in walk(place)]
    return bool(loops) and Symbol(loops[-1]) in chosen


def _offsets(made: Statement) -> list[str]:
    """Of every two indices that make up a place on the left, the one that goes less far."""
    found: list[str] = []
    for place in made.place:
        terms = {i: c for i, c in (affine(place) or {}).items() if i}
        if len(terms) > 1:
            found.append(min(terms, key=lambda i: (abs(terms[i]), int(made.sizes[i]))))
    return found


def _bare(node: Node) -> list[Node]:
    """The symbols of a tree that stand outside of elements."""
    if isinstance(node, Element):
        return []
    return [node, *(n for c in children(node) for n in _bare(c))]
