"""Trees of a formula printed as C: elements, numbers, and sums and maxima as loops before them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ....formula import Size
from ....formula.affine import affine, span
from ....formula.nodes import Element, Node, Number, Reduction, Symbol, walk
from ....program.statement import SAMPLES
from ..schedule.plan import Plan
from .expressions import Constants, Printer
from .memory import Memory, linear
from .nests import Lines, braced

SMALL = 32
"""Sums of at most so many terms are written out inside a loop that is vectorised."""
LONG = 8
"""Sums over several indices of so many terms are made in parts, as each addition waits for the one before."""
SINGLE = {SAMPLES: "N", "lr": "T->rate", "t": "(double)T->t", "clock": "(double)T->clock"}
"""What is one number for a whole step."""


class Reductions:
    """Prints the right sides of one phase's statements.

    Args:
        plan: the plan.
        memory: where values lie.

    Attributes:
        constants: what is computed before the loops.
        used: the values whose pointers are needed, in the order of their use.
        local: C text that stands for a value.
        put: C text that stands for an index.
        lanes: what is added to an index for one of several vectors side by side.
        flat: indices that the single index k runs over.
        before: lines that have to stand before the one that is printed.
        over_parts: whether sums over the samples are put together from the parts' sums here.
        sharing: whether the statement before has the same loops, so that what it found can be used.
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
        self.sharing = False
        self._numbered = 0
        self._largest_of: dict[tuple[tuple[str, ...], Node], str] = {}

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
        self._numbered += 1
        return f"t{self._numbered}"

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
            near = [i for i in node.indices if any(e.indices[1] == Symbol(i) for e in images)]
            node = Reduction(node.kind, (*(i for i in node.indices if i not in near), *near), node.body)
        outside, self.before = self.before, []
        count = math.prod(int(sizes[i]) for i in node.indices)
        value = self.text(node.body, sizes)
        inner, self.before = self.before, outside
        if node.kind == "max" and (node.indices, node.body) in self._largest_of and self.sharing:
            return self._largest_of[node.indices, node.body]
        name, place = self.new(), ""
        if node.kind in ("max", "argmax") and 1 < count <= SMALL:
            return self._largest(node, sizes, value, inner)
        if node.kind == "argmax":
            self._largest_of[node.indices, node.body] = name
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
        self._largest_of[node.indices, node.body] = name
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


def _counted(indices: Sequence[str], sizes: Mapping[str, Size]) -> str:
    """Several indices as one, row by row."""
    at, *others = indices
    for index in others:
        at = f"{f'({at})' if ' ' in at else at} * {sizes[index]} + {index}"
    return at
