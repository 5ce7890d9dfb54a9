"""Statements printed as C: plain loops over their indices, and tiles for sums of products."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...formula import Size
from ...formula.nodes import Element, Indicator, Node, Number, Reduction, Symbol, children, walk
from .expressions import Constants, Printer
from .fusing import is_factor
from .layouts import compact_strides, multiple
from .memory import BEYOND, Memory, linear
from .plan import Plan
from .statements import SAMPLES, Statement, affine, elements, overlaps, pointwise, reduces, span

Lines = list[str]
SMALL = 32
"""Sums of at most so many terms are written out inside a loop that is vectorised."""
LONG = 8
"""Sums over several indices of so many terms are made in parts, as each addition waits for the one before."""
AS_WIDE = 1.6
"""How much longer a row may be made, so that it is whole vectors."""
SINGLE = {SAMPLES: "N", "lr": "T->rate", "t": "(double)T->t", "clock": "(double)T->clock"}
"""What is one number for a whole step."""


def indented(lines: Sequence[str]) -> Lines:
    """The lines one step to the right."""
    return [f"    {line}" if line else line for line in lines]


def braced(head: str, body: Sequence[str]) -> Lines:
    """A loop or function with its body."""
    if len(body) == 1 and len(head) + len(body[0]) < 118 and not body[0].startswith(("/*", "SIMD", "const", "real")):
        return [f"{head} {body[0]}"]
    return [f"{head} {{", *indented(body), "}"]


class Loops:
    """Prints the statements of one phase.

    Args:
        plan: the plan.
        memory: where values lie.

    Attributes:
        constants: what is computed before the loops.
        used: the values whose pointers are needed, in the order of their use.
    """

    def __init__(self, plan: Plan, memory: Memory) -> None:
        self.plan = plan
        self.memory = memory
        self.constants = Constants(dict(SINGLE))
        self.used: dict[str, None] = {}
        self.local: dict[str, str] = {}
        self.flat: tuple[Node, ...] = ()
        self.put: dict[str, str] = {}
        self.lanes: dict[str, str] = {}
        self.before: Lines = []
        self.over_parts = False
        self.numbered = 0
        self.largest: dict[tuple[tuple[str, ...], Node], str] = {}
        self.sharing = False
        self.loads: list[str] = []

    # -- expressions -------------------------------------------------------------------------------------------

    def element(self, element: Element) -> str:
        """The C text of an element; what it needs before is put into `before`."""
        if element.name in self.local:
            return self.local[element.name]
        text = self.memory.element(element, self.put, self.lanes, self.flat)
        if self.over_parts and element.name in self.plan.totals:
            name = self.memory.name(element.name)
            at = text[len(name) + 1 : -1]
            return self._total("real", f"T->part[at * PART_SIZE + {self.memory.places[element.name]} + {at}]")
        self.used[self.memory.root(element.name)] = None
        return text

    def symbol(self, name: str) -> str:
        """The C text of a number: an index, or a value that is one number."""
        if name not in self.plan.values:
            return f"(real){self.put.get(name, name)}" if " " not in self.put.get(name, name) else self.put[name]
        if name in self.plan.totals:
            place = self.memory.places[name]
            return f"(real){self._total('double', f'T->part_numbers[at * NUMBERS + {place}]')}"
        self.used[name] = None
        return f"(real){self.memory.name(name)}[0]"

    def _total(self, kind: str, element: str) -> str:
        name = self.new()
        self.before += [f"{kind} {name} = 0;", f"for (int at = 0; at < PARTS; at++) {name} += {element};"]
        return name

    def new(self) -> str:
        """A name that is not yet used."""
        self.numbered += 1
        return f"t{self.numbered}"

    def text(self, node: Node, inside: Mapping[str, Size]) -> str:
        """A tree as C; sums inside become loops before it."""
        printer = Printer(self.element, self.constants, self.symbol, lambda r: self.reduction(r, inside))
        return printer.text(node)

    def reduction(self, node: Reduction, sizes: Mapping[str, Size]) -> str:
        """Puts the loops of a sum, mean or maximum into `before`, and returns the name of what they find."""
        if (plane := self._plane(node, sizes)) is not None:
            return plane
        if node.kind in ("sum", "mean"):  # neighbours in memory innermost
            images = [e for e in walk(node.body) if isinstance(e, Element) and e.name in self.plan.channels]
            inner = [i for i in node.indices if any(e.indices[1] == Symbol(i) for e in images)]
            node = Reduction(node.kind, (*(i for i in node.indices if i not in inner), *inner), node.body)
        outside, self.before = self.before, []
        count = math.prod(int(sizes[i]) for i in node.indices)
        value = self.text(node.body, sizes)
        inner, self.before = self.before, outside
        if node.kind == "max" and (node.indices, node.body) in self.largest and self.sharing:
            self.before = outside
            return self.largest[node.indices, node.body]
        name, place = self.new(), ""
        if node.kind in ("max", "argmax") and 1 < count <= SMALL:
            return self._largest(node, sizes, value, inner)
        if node.kind == "argmax":
            self.largest[node.indices, node.body] = name
        guards = self.guards(node.body, sizes, edges=node.kind in ("max", "argmax"))
        small, summing = count <= SMALL, node.kind in ("sum", "mean")
        several = [i for i in node.indices if int(sizes[i]) > 1]
        part = self.new() if small and summing and len(several) > 1 and count >= LONG else ""
        if summing:
            body = [*inner, f"{part or name} += {value};"]
            start = [f"real {name} = 0;"]
        else:
            candidate = self.new()
            better = f"{candidate} > {name} || {candidate} != {candidate}"
            body = [*inner, f"const real {candidate} = {value};"]
            start = [f"real {name} = -INFINITY;"]
            if node.kind == "argmax":
                place = self.new()
                at = _counted(node.indices, sizes)
                body.append(f"{place} = {candidate} > {name} ? (real)({at}) : {place};")
                start.append(f"real {place} = 0;")
            body.append(f"{name} = {better} ? {candidate} : {name};")
        if guards:
            body = braced(f"if ({' && '.join(guards)})", body)
        for depth, index in enumerate(reversed(node.indices)):
            size = int(sizes[index])
            if part and index == several[0]:
                body = [f"real {part} = 0;", *body, f"{name} += {part};"]
            head = f"EACH({index}, {size})" if small else f"for (int {index} = 0; {index} < {size}; {index}++)"
            body = braced(head, body)
            if depth == 0 and not small and size >= 8 and summing and not inner:
                body = [f'_Pragma("omp simd reduction(+:{name})")', *body]
        self.before += [*start, *body]
        if node.kind == "mean":
            return f"{name} * {self.constants.name(Number(1 / count))}"
        return place or name

    def _largest(self, node: Reduction, sizes: Mapping[str, Size], value: str, inner: Sequence[str]) -> str:
        """The largest of few terms and where it stands, without a comparison that waits for the one before."""
        terms, name = self.new(), self.new()
        count = math.prod(int(sizes[i]) for i in node.indices)
        at = _counted(node.indices, sizes)
        guards = self.guards(node.body, sizes, edges=True)
        if guards:
            value = f"{' && '.join(guards)} ? {value} : -INFINITY"
        body = [*inner, f"{terms}[{at}] = {value};"]
        for index in reversed(node.indices):
            body = braced(f"EACH({index}, {int(sizes[index])})", body)
        unordered = self.new()
        self.before += [
            f"real {terms}[{count}];",
            *body,
            f"real {name} = {terms}[0];",
            f"EACH(k, {count - 1}) {name} = real_max({name}, {terms}[k + 1]);",
            f"int {unordered} = 0;",
            f"EACH(k, {count - 1}) {unordered} |= __builtin_isunordered({terms}[k], {terms}[k + 1]);",
            f"{name} = {unordered} ? (real)NAN : {name};",
        ]
        self.largest[node.indices, node.body] = name
        if node.kind == "max":
            return name
        place = self.new()
        last = count - 1
        self.before += [
            f"real {place} = {last}; /* the first of equals */",
            f"EACH(k, {last}) {place} = {terms}[{last - 1} - k] == {name} ? (real)({last - 1} - k) : {place};",
        ]
        return place

    def _plane(self, node: Reduction, sizes: Mapping[str, Size]) -> str | None:
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
        put = {**self.put, **dict.fromkeys(node.indices, "0")}
        first = self.memory.element(element, put, self.lanes, ())
        self.before += [
            f"real {name} = 0; /* what stands between the rows is zero */",
            f'_Pragma("omp simd reduction(+:{name})")',
            f"for (int k = 0; k < {length + 1}; k++) {name} += (&{first})[k];",
        ]
        return name

    def _by_channel(self, made: Statement, loops: Sequence[str]) -> Nest | None:
        """Sums over an image, one for every channel, where the channels lie side by side: vectors of sums."""
        body = made.body
        if not isinstance(body, Reduction) or body.kind not in ("sum", "mean") or len(loops) != 1:
            return None
        channel, count = loops[0], math.prod(int(made.sizes[i]) for i in body.indices)
        images = [e for e in elements(made) if e.name in self.plan.channels]
        if count <= SMALL or not images or reduces(body.body) or self.over_parts:
            return None
        if any(e.indices[1] != Symbol(channel) for e in images) or self.guards(body.body, made.sizes, edges=False):
            return None
        size, last = int(made.sizes[channel]), body.indices[-1]
        side = next(k for k in (4, 2, 1) if int(made.sizes[last]) % k == 0)
        sums = self.new()
        self.put[last] = f"{last} + side" if side > 1 else last
        value = self.text(body.body, made.sizes)
        del self.put[last]
        if self.before:
            raise AssertionError(made.text)
        lane = f"side * {size} + {channel}" if side > 1 else channel
        inner = [
            "SIMD",
            *braced(f"for (int {channel} = 0; {channel} < {size}; {channel}++)", [f"{sums}[{lane}] += {value};"]),
        ]
        lines = braced(f"EACH(side, {side})", inner) if side > 1 else inner
        lines = braced(f"for (int {last} = 0; {last} < {made.sizes[last]}; {last} += {side})", lines)
        for index in reversed(body.indices[:-1]):
            lines = braced(f"for (int {index} = 0; {index} < {made.sizes[index]}; {index}++)", lines)
        total = " + ".join(f"{sums}[{f'{k * size} + ' if k else ''}{channel}]" for k in range(side))
        if body.kind == "mean":
            total = f"({total}) * {self.constants.name(Number(1 / count))}"
        self.used[self.memory.root(made.output)] = None
        target = self.memory.element(Element(made.output, made.place), self.put, self.lanes)
        summed = made.output in self.plan.totals
        store = f"{target} {'+=' if summed else '='} {total};"
        lines = [
            f"/* {made.text} */",
            f"real {sums}[{side * size}] = {{0}};",
            *lines,
            "SIMD",
            *braced(f"for (int {channel} = 0; {channel} < {size}; {channel}++)", [store]),
        ]
        return Nest((), tuple(lines), (), False, None)

    def guards(self, node: Node, sizes: Mapping[str, Size], edges: bool) -> list[str]:
        """Conditions under which the elements of a tree lie inside; `edges`: a frame does not count."""
        found: dict[str, None] = {}
        for element in walk(node):
            if isinstance(element, Element) and element.name not in self.local:
                found.update(dict.fromkeys(self.inside(element, sizes, edges)))
        return list(found)

    def inside(self, element: Element, sizes: Mapping[str, Size], edges: bool) -> list[str]:
        """Conditions under which one element lies inside."""
        value = self.plan.values.get(self.memory.root(element.name))
        sampled = value is not None and value.sampled
        shape = self.plan.layouts[element.name].shape
        frame = self.plan.frames.get(element.name)
        conditions: list[str] = []
        for axis, (place, size) in enumerate(zip(element.indices[sampled:], shape, strict=True)):
            if isinstance(place, (Symbol, Number)):
                continue
            low, high = span(place, sizes)
            before, behind = (0, 0) if frame is None or edges else (frame.before[axis], frame.behind[axis])
            text = linear(affine(place) or {}, {})
            if low < -before:
                conditions.append(f"{text} >= 0")
            if high > size - 1 + behind:
                conditions.append(f"{text} < {size}")
        return conditions

    # -- plain loops -------------------------------------------------------------------------------------------

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
            inner = next(i for i in affine(made.place[1]) or {} if i)
            loops = [*(i for i in loops if i != inner), inner]
        if (sums := self._by_channel(made, loops)) is not None:
            return sums
        wide = None if whole is not None else self._wide(made, loops)
        pooled = self._pooled(made, loops)
        if whole is not None:
            self.flat = tuple(map(Symbol, loops))
            loops, sizes["k"] = ["k"], whole
        summed = made.output in self.plan.totals
        overlapping = made.adds and not summed and overlaps(made)
        before = [f"/* {made.text} */", *(self._zeroed(made) if overlapping else [])]
        self.before = []
        loaded = self._loaded(made)
        if made.adds and pooled is not None:
            pooled = self._ending(made, pooled, sizes)
        value = self.text(made.body, made.sizes)
        for name in self.loads:
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

    def _loaded(self, made: Statement) -> Lines:
        """Loads elements before they are used under a condition: loads without one can be vectorised."""
        self.loads = []
        offsets = set(_offsets(made))
        if reduces(made.body):
            return []
        read = list(dict.fromkeys(elements(made)))
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
            self.loads.append(element.name)
        return lines

    def _wide(self, made: Statement, loops: Sequence[str]) -> int | None:
        """How far the innermost loop may go, so that it does whole vectors; behind the last it stores zeros."""
        frame = self.plan.frames.get(self.memory.root(made.output))
        if frame is None or not loops or made.adds or not pointwise(made) or not made.by_sample:
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
        falls = made.adds and len(layout.shape) > 1 and not overlaps(made) and not reduces(body)
        lanes = self.plan.machine.lanes
        wide = multiple(size, lanes) if size >= lanes else 1 << (size - 1).bit_length()
        if not (looks or falls) or wide == size or wide > AS_WIDE * size:
            return None
        own = Element(made.output, made.place)
        for element in (own, *elements(made)):
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
        factor = next((name for name in self.loads if is_factor(made.body, name)), None)
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
        touched = [Element(made.output, made.place), *elements(made)]
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
        return _nest(letters, dict(zip(letters, shape, strict=True)), [f"{target} = 0;"], True)

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


@dataclass(frozen=True, slots=True)
class Nest:
    """Loops round a body.

    Attributes:
        ranges: every loop's index and size, outermost first.
        body: what is inside.
        before: what stands before the loops.
        vectors: whether the innermost loop may be vectorised.
        made: the statement, where others with the same loops may stand in the same body.
        outputs: what is set inside.
        around: what stands before and behind the innermost loop.
    """

    ranges: tuple[tuple[str, int], ...]
    body: tuple[str, ...]
    before: tuple[str, ...]
    vectors: bool
    made: Statement | None
    outputs: tuple[str, ...] = ()
    around: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def with_behind(self, other: Nest) -> Nest | None:
        """Both in the same loops; None where that is not possible."""
        one, two = self.made, other.made
        if one is None or two is None or self.ranges != other.ranges or self.vectors != other.vectors:
            return None
        outputs = (*self.outputs, one.output)
        for element in walk(two.body):
            if isinstance(element, Element) and element.name in outputs and element.indices != one.place:
                return None
        before = (*self.before, *other.before)
        (opening, closing), (further, last) = self.around, other.around
        around = (*opening, *further), (*closing, *last)
        return Nest(self.ranges, (*self.body, *other.body), before, self.vectors, two, outputs, around)

    def lines(self) -> Lines:
        """The loops as C."""
        loops = _nest([i for i, _ in self.ranges], dict(self.ranges), list(self.body), self.vectors, self.around)
        return [*self.before, *loops]


def _counted(indices: Sequence[str], sizes: Mapping[str, Size]) -> str:
    """Several indices as one, row by row."""
    at, *others = indices
    for index in others:
        at = f"{f'({at})' if ' ' in at else at} * {sizes[index]} + {index}"
    return at


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


def _nest(
    loops: Sequence[str],
    sizes: Mapping[str, Size],
    body: Lines,
    vectors: bool,
    around: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> Lines:
    """Loops round a body, the innermost vectorised where it is long enough, and with `around` before and behind it."""
    lines = body
    for depth, index in enumerate(reversed(loops)):
        size = sizes[index]
        lines = braced(f"for (int {index} = 0; {index} < {size}; {index}++)", lines)
        if depth == 0 and vectors and isinstance(size, int) and size >= 4:
            lines = ["SIMD", *lines]
        if depth == 0:
            lines = [*around[0], *lines, *around[1]]
    return lines
