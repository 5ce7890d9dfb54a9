"""Where every value begins in memory, and what it is called in C."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ....formula.affine import affine
from ....formula.nodes import Element, Node, Symbol
from ..schedule.layouts import Layout
from ..schedule.plan import Plan, Value

Put = Mapping[str, str]
"""C text that stands for an index."""
LINE = 16
"""Values begin at multiples of so many numbers."""
BEYOND = 64
"""So many numbers may be read behind the last value of a buffer."""
RESERVED = frozenset(
    re.findall(
        r"\w+",
        """T N R C k n lane left right inside sum row col part parts thread threads first last begin rows order count at
        total real vec int double float const static void for if else return auto break case char continue default do
        enum extern goto inline long register restrict short signed sizeof struct switch typedef union unsigned volatile
        while main exp log sqrt pow fabs tanh erf erfc fmax fmin INFINITY NAN EACH SIMD ALWAYS least sched_yield NULL
        train predict step report philox draw_mask base side nonzero found from ahead line find_nonzero""",
    )
)
"""Words that a value may not be called in C."""
BUFFERS = {"carried": "T->carried", "batch": "T->batch", "chunk": "T->chunk + thread * CHUNK_SIZE",
           "part": "T->part + part * PART_SIZE", "own": "T->own + thread * OWN_SIZE"}  # fmt: skip


@dataclass(slots=True)
class Memory:
    """Names and places.

    Attributes:
        plan: the plan.
        batch: the most samples in a step.
        local: whether what a chunk's samples need are variables of the function: a compiler keeps short ones in
            registers.
        names: every value's name in C.
        places: where a value begins in the buffer of its home.
        sizes: how many elements each buffer holds, for one part or thread where it has those; "numbers" are the
            single ones.
    """

    plan: Plan
    batch: int
    local: bool = False
    names: dict[str, str] = field(default_factory=dict[str, str])
    places: dict[str, int] = field(default_factory=dict[str, int])
    sizes: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self.sizes = dict.fromkeys((*BUFFERS, "numbers"), 0)
        for value in self.plan.values.values():
            self.name(value.name)
            if value.layout is None:
                self.places[value.name] = self.sizes["numbers"]
                self.sizes["numbers"] += 1
            elif value.home in BUFFERS and not self._is_local(value):
                times = {"batch": self.batch, "chunk": self.plan.chunk}.get(value.home, 1)
                self.places[value.name] = self.sizes[value.home]
                self.sizes[value.home] += -(-value.layout.size * times // LINE) * LINE
        for home in BUFFERS:
            self.sizes[home] += BEYOND

    def _is_local(self, value: Value) -> bool:
        return self.local and value.home == "chunk"

    def name(self, name: str) -> str:
        """A value's name in C: letters, digits and underscores, and nobody else's."""
        if name not in self.names:
            plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
            taken = set(self.names.values())
            while plain in taken or plain in RESERVED or re.fullmatch(r"[kt]\d+", plain):
                plain += "_"
            self.names[name] = plain
        return self.names[name]

    def root(self, name: str) -> str:
        """The value whose memory a name has."""
        name = self.plan.updated.get(name, name)
        return self.plan.aliases.get(name, name)

    def declared(self, name: str, begin: str = "") -> str:
        """The declaration of a value's pointer; `begin` is the first sample that a chunk takes."""
        value, own = self.plan.values[name], self.name(name)
        if value.layout is None:
            home = "T->part_numbers + part" if value.home == "part" else "T->numbers + thread"
            return f"double *const {own} = {home} * NUMBERS + {self.places[name]};"
        if value.home == "given":
            return (
                f"const real *const *const {own} = T->rows_of_{own} + thread * BATCH{f' + {begin}' if begin else ''};"
            )
        if value.home == "result":
            further = f" + ({begin}) * {value.layout.size}" if begin else ""
            return f"real *const {own} = T->{own} + T->at * {value.layout.size}{further};"
        if self._is_local(value):  # frames, and places to which nothing is added, are zero
            return f"real {own}[{value.layout.size * self.plan.chunk}] = {{0}};"
        place = f"{BUFFERS[value.home]} + {self.places[name]}"
        if value.home == "batch" and begin:
            place += f" + (int64_t){begin} * {value.layout.size}"
        return f"real *const {own} = {place};"

    # -- elements --------------------------------------------------------------------------------------------

    def element(self, element: Element, put: Put, lanes: Put, flat: tuple[Node, ...] = ()) -> str:
        """The C text of one element.

        Args:
            element: the element.
            put: C text for its indices.
            lanes: what is added to an index for one of several vectors side by side.
            flat: indices that the single index k runs over, row by row.
        """
        root = self.root(element.name)
        pointer, value = self.name(root), self.plan.values[root]
        layout, places = self.plan.layouts[element.name], element.indices
        if not value.sampled:
            return f"{pointer}[{address(layout, places, put, lanes, flat)}]"
        assert isinstance(places[0], Symbol)
        n = put.get(places[0].name, places[0].name)
        inside = address(layout, places[1:], put, lanes, flat)
        if value.home == "given":
            return f"{pointer}[{n}][{inside}]"
        assert value.layout is not None
        size = value.layout.size
        n = f"({n})" if " " in n and size != 1 else n
        row = n if size == 1 else f"{n} * {size}"
        return f"{pointer}[{row if inside == '0' else f'{row} + {inside}'}]"


def address(layout: Layout, places: Sequence[Node], put: Put, lanes: Put, flat: tuple[Node, ...] = ()) -> str:
    """Where an element lies in its value, as C."""
    if flat and tuple(places[len(places) - len(flat) :]) == flat:
        leading = {"": layout.offset, "k": 1}
        for place, stride in zip(places[: len(places) - len(flat)], layout.strides, strict=False):
            _add(leading, place, stride)
        return linear(leading, put)
    terms: dict[str, int] = {"": layout.offset}
    front = behind = ""
    for axis, (place, stride) in enumerate(zip(places, layout.strides, strict=True)):
        inside = affine(place)
        assert inside is not None
        behind += "".join(f" + {lanes[i]}" for i in inside if i in lanes)
        if layout.block is not None and axis == layout.contiguous:
            (index,) = [i for i in inside if i]
            start = put.get(index, index)
            start = f"({start})" if " " in start else start
            front = f"{start} / {layout.block} * {layout.block_stride} + {start} % {layout.block}"
            continue
        _add(terms, place, stride)
    text = linear(terms, put)
    text = front if front and text == "0" else f"{front} + {text}" if front else text
    return f"{text}{behind}"


def _add(terms: dict[str, int], place: Node, stride: int) -> None:
    for index, factor in (affine(place) or {}).items():
        terms[index] = terms.get(index, 0) + factor * stride


def linear(terms: Mapping[str, int], put: Put) -> str:
    """A sum of indices times whole numbers as C, the constant under ""."""
    text = ""
    for index, factor in terms.items():
        if not index or not factor:
            continue
        own = put.get(index, index)
        if own == "0":
            continue
        own = f"({own})" if " " in own and factor != 1 else own
        own = own if abs(factor) == 1 else f"{own} * {abs(factor)}"
        text += f" {'-' if factor < 0 else '+'} {own}" if text or factor < 0 else own
    constant = terms.get("", 0)
    if not text:
        return str(constant)
    text = text.removeprefix(" ")
    return f"{text} + {constant}" if constant > 0 else f"{text} - {-constant}" if constant < 0 else text
