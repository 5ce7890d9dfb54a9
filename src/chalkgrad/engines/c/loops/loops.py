"""Statements printed as C: plain loops over their indices."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ....formula import Size
from ....formula.affine import affine
from ....formula.nodes import Element, Indicator, Node, Reduction, Symbol, children, walk
from ....program.statement import Statement, reduces
from ..schedule.fusing import is_factor
from ..schedule.layouts import compact_strides, multiple
from ..schedule.plan import Plan
from .memory import BEYOND, Memory
from .nests import Lines, Nest, braced, nested
from .reductions import SMALL, Reductions

AS_WIDE = 1.6
"""How much longer a row may be made, so that it is whole vectors."""


class Loops(Reductions):
    """Prints the statements of one phase.

    Args:
        plan: the plan.
        memory: where values lie.
    """

    def __init__(self, plan: Plan, memory: Memory) -> None:
        super().__init__(plan, memory)
        self._loads: list[str] = []

    def plain(self, statements: Sequence[Statement]) -> Lines:
        """Statements as loops over their indices but the samples', which somebody else goes through."""
        lines: Lines = []
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
        for nest in nests:
            lines += nest.lines()
        return lines

    def nest(self, made: Statement) -> Nest:
        """One statement's loops."""
        loops = [i for i in made.loops if i != made.sample]
        sizes: dict[str, Size] = dict(made.sizes)
        whole = self._flat(made, loops)
        if made.output in self.plan.channels and whole is None:
            channel = made.place[1]
            assert isinstance(channel, Symbol)
            loops = [*(i for i in loops if i != channel.name), channel.name]
        if (sums := self._by_channel(made, loops)) is not None:
            return sums
        wide = None if whole is not None else self._wide(made, loops)
        pooled = self._pooled(made, loops)
        if whole is not None:
            self.flat = tuple(map(Symbol, loops))
            loops, sizes["k"] = ["k"], whole
        summed = made.output in self.plan.totals
        overlapping = made.adds and not summed and made.overlaps
        before = [f"/* {made.text} */", *(self._zeroed(made) if overlapping else [])]
        self.before = []
        loaded = self._loaded(made)
        if made.adds and pooled is not None:
            pooled = self._ending(made, pooled, sizes)
        value = self.text(made.body, made.sizes)
        for name in self._loads:
            self.local.pop(name, None)
        self.used[self.memory.root(made.output)] = None
        if made.place:
            target = self.memory.element(Element(made.output, made.place), self.put, self.lanes, self.flat)
        else:
            target = f"{self.memory.name(made.output)}[0]"
        opening: Lines = []
        closing: Lines = []
        if pooled is not None and not made.adds:  # whole vectors, of which what is there is kept
            row, (last, end) = f"{self.memory.name(made.output)}_row", pooled
            first = self.memory.element(Element(made.output, made.place), {**self.put, last: "0"}, self.lanes)
            opening = [f"real {row}[{end}];"]
            closing = [f"memcpy(&{first}, {row}, {sizes[last]} * sizeof *{row});"]
            target, sizes[last] = f"{row}[{last}]", end
        elif wide is not None:
            value = f"{loops[-1]} < {sizes[loops[-1]]} ? {value} : (real)0"
            sizes[loops[-1]] = wide
        body = [*self.before, f"{target} {'+=' if summed or overlapping else '='} {value};"]
        conditions = self.inside(Element(made.output, made.place), made.sizes, edges=True) if made.adds else []
        if conditions and not summed:
            body = braced(f"if ({' && '.join(conditions)})", body)
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
                    body = braced(f"EACH({index}, {sizes[index]})", body)
        body = [*loaded, *body]
        ranges = tuple((i, int(sizes[i])) for i in loops)
        alone = summed or made.adds or whole is not None or not made.place
        vectors = small and not self.over_parts and not self._turns(made, loops)
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
        self.put[last] = f"{last} + side"
        value = self.text(body.body, made.sizes)
        del self.put[last]
        lines = nested([channel], made.sizes, [f"{sums}[side * {size} + {channel}] += {value};"], True)
        lines = braced(f"EACH(side, {side})", lines)
        lines = braced(f"for (int {last} = 0; {last} < {made.sizes[last]}; {last} += {side})", lines)
        lines = nested(body.indices[:-1], made.sizes, lines, False)
        total = " + ".join(f"{sums}[{f'{k * size} + ' if k else ''}{channel}]" for k in range(side))
        self.used[self.memory.root(made.output)] = None
        target = self.memory.element(Element(made.output, made.place), self.put, self.lanes)
        adds = "+=" if made.output in self.plan.totals else "="
        lines = [
            f"/* {made.text} */",
            f"real {sums}[{side * size}] = {{0}};",
            *lines,
            *nested([channel], made.sizes, [f"{target} {adds} {total};"], True),
        ]
        return Nest((), tuple(lines), (), False, None)

    def _loaded(self, made: Statement) -> Lines:
        """Loads elements before they are used under a condition: loads without one can be vectorised."""
        self._loads = []
        offsets = set(_offsets(made))
        if reduces(made.body):
            return []
        read = list(dict.fromkeys(made.elements))
        if not any(isinstance(n, Indicator) for n in walk(made.body)) or self.guards(made.body, made.sizes, edges=True):
            return []
        lines: Lines = []
        for element in read:
            again = [e for e in read if e.name == element.name]
            moving = {i for place in element.indices for i in (affine(place) or {})} & offsets
            if len(again) > 1 or moving or element.name in self.local or self.over_parts:
                continue
            own = f"{self.memory.name(element.name)}_here"
            lines.append(f"const real {own} = {self.element(element)};")
            self.local[element.name] = own
            self._loads.append(element.name)
        return lines

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
        self.local[factor] = f"({last} < {sizes[last]} ? {self.local[factor]} : (real)0)"
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

    def _zeroed(self, made: Statement) -> Lines:
        """Loops that set a value to zero before terms are added to it."""
        shape = self.plan.layouts[made.output].shape
        letters = [f"k{axis}" for axis in range(len(shape))]
        place = (made.place[0], *map(Symbol, letters))
        target = self.memory.element(Element(made.output, place), self.put, {})
        if made.output in self.plan.channels:
            letters, shape = [*letters[1:], letters[0]], (*shape[1:], shape[0])
        return nested(letters, dict(zip(letters, shape, strict=True)), [f"{target} = 0;"], True)

    def drawn(self, made: Statement) -> Lines:
        """A dropout mask, drawn by the counter-based generator."""
        self.used[made.output] = None
        options, layout = made.step.options, self.plan.layouts[made.output]
        size = math.prod(layout.shape)
        threshold = round(options["rate"] * 2**32)
        row = self.memory.element(Element(made.output, made.place), dict.fromkeys(made.loops[1:], "0"), {})
        return [
            f"/* {made.text} */",
            f"draw_mask(&{row}, {size}, (begin + n) * (int64_t){size}, {options['seed']}u, {options['layer']}u, "
            f"(uint64_t)T->clock, {threshold}u);",
        ]

    # -- updates -----------------------------------------------------------------------------------------------

    def chain(self, statements: Sequence[Statement]) -> Lines:
        """Statements that set the same place of several values, in one loop from `first` to `last`."""
        lines = [f"/* {s.text} */" for s in statements]
        body, stores = self.chained(statements, flat=True)
        parts = [n for s in statements for n in sorted(s.reads) if n in self.plan.totals]
        added: Lines = []
        for name in dict.fromkeys(parts):
            self.used[name] = None
            own = self.memory.name(name)
            added += braced(
                "for (int at = 1; at < PARTS; at++)",
                ["SIMD", *braced("for (int k = first; k < last; k++)", [f"{own}[k] += {own}[at * PART_SIZE + k];"])],
            )
        return [
            *lines,
            *added,
            "SIMD",
            *braced("for (int k = first; k < last; k++)", [*body, *stores]),
        ]

    def chained(self, statements: Sequence[Statement], flat: bool) -> tuple[Lines, Lines]:
        """The lines that compute a chain's values, and those that store what is kept."""
        body: Lines = []
        stores: Lines = []
        for made in statements:
            self.flat = made.place if flat else ()
            value = self.text(made.body, made.sizes)
            name = f"{self.memory.name(made.output)}"
            name = name if made.output in self.plan.updated else f"{name}_"
            body.append(f"const real {name} = {value};")
            root = self.memory.root(made.output)
            if root in self.plan.values and self.plan.values[root].home == "carried":
                self.used[root] = None
                target = self.memory.element(Element(made.output, made.place), self.put, self.lanes, self.flat)
                stores.append(f"{target} = {name};")
            self.local[made.output] = name
        for made in statements:
            self.local.pop(made.output)
        self.flat = ()
        return body, stores


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
