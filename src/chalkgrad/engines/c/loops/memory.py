"""The place of every value in memory, and its name there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ....formula.affine import affine
from ....formula.nodes import Element, Node, Symbol
from ...room import BEYOND
from ..schedule.layouts import Layout, multiple
from ..schedule.lifetimes import places_of
from ..schedule.plan import Plan, Value
from .ir import (
    ZERO,
    Bind,
    Cell,
    DeclareArrays,
    Index,
    Instruction,
    Integer,
    Linear,
    Put,
    Quotient,
    Remainder,
    Stored,
    Sum,
    added,
    linear,
)

LINE = 16
"""Values begin at multiples of so many numbers."""
RESERVED = frozenset(
    re.findall(
        r"\w+",
        """T N R C c d g h i j k m n o p q r s u v w
        lane left right inside sum row col part parts thread threads first last begin rows order count at
        total real vec int double float const static void for if else return auto break case char continue default do
        enum extern goto inline long register restrict short signed sizeof struct switch typedef union unsigned volatile
        while main exp log sqrt pow fabs sin cos tanh erf erfc fmax fmin INFINITY NAN EACH SIMD ALWAYS ALIGNED least
        sched_yield NULL train predict step report philox draw_mask base side nonzero found from ahead line
        find_nonzero""",
    )
)
"""Words that are no names for values."""
BUFFERS = ("carried", "batch", "chunk", "part", "own")
"""The homes that have a buffer of their own."""


@dataclass(slots=True)
class Memory:
    """Names and places.

    Attributes:
        plan: the plan.
        batch: the most samples in a step.
        local: whether what a chunk's samples need are variables of the function: a compiler keeps short ones in
            registers.
        names: the name of every value.
        places: the beginning of a value in the buffer of its home.
        sizes: the number of elements of each buffer, for one part or thread where it has those; "numbers" are the
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
        shared, size = ({}, 0) if self.local else places_of(self.plan, LINE)
        self.places |= shared
        self.sizes["chunk"] = size
        for value in self.plan.values.values():
            self.name(value.name)
            if value.layout is None:
                self.places[value.name] = self.sizes["numbers"]
                self.sizes["numbers"] += 1
            elif value.home in BUFFERS and value.home != "chunk":
                times = self.batch if value.home == "batch" else 1
                self.places[value.name] = self.sizes[value.home]
                self.sizes[value.home] += multiple(value.layout.size * times, LINE)
        for home in BUFFERS:
            self.sizes[home] += BEYOND

    def _is_local(self, value: Value) -> bool:
        return self.local and value.home == "chunk"

    def name(self, name: str) -> str:
        """The name of a value: letters, digits and underscores, and no other value's."""
        if name not in self.names:
            text = re.sub(r"[^A-Za-z0-9_]", "_", name)
            names = set(self.names.values())
            while text in names or text in RESERVED or re.fullmatch(r"[kt]\d+", text):
                text += "_"
            self.names[name] = text
        return self.names[name]

    def root(self, name: str) -> str:
        """The value whose memory a name has."""
        name = self.plan.updated.get(name, name)
        return self.plan.aliases.get(name, name)

    def declared(self, name: str, begin: str = "", *, first_part: bool = False) -> Instruction:
        """The declaration of a value's pointer, or of the value itself where it is a variable of the function.

        Args:
            name: the value.
            begin: the first sample that is taken; empty for the batch's first.
            first_part: whether the first part's sum is meant, whoever computes.
        """
        value, own = self.plan.values[name], self.name(name)
        if self._is_local(value):  # frames, and places to which nothing is added, are zero
            assert value.layout is not None
            return DeclareArrays("real", ((own, (value.layout.size * self.plan.chunk,)),), zeros=True)
        return Bind(own, value, self.places.get(name, 0), begin, first_part)

    def cell(self, element: Element, put: Put, lanes: Put, flat: tuple[Node, ...] = ()) -> Cell:
        """One element in memory.

        Args:
            element: the element.
            put: the whole numbers for its indices.
            lanes: what is added to an index for one of several vectors side by side.
            flat: indices that the single index k runs over, row by row.
        """
        root = self.root(element.name)
        pointer, value = self.name(root), self.plan.values[root]
        layout, places = self.plan.layouts[element.name], element.indices
        if not value.sampled:
            return Cell(pointer, self._address(layout, places, put, lanes, flat))
        assert isinstance(places[0], Symbol)
        n = put.get(places[0].name) or Index(places[0].name)
        inside = self._address(layout, places[1:], put, lanes, flat)
        if value.home == "given":
            return Cell(pointer, inside, row=n)
        assert value.layout is not None
        size = value.layout.size
        row = n if size == 1 else Linear(((n, size),))
        return Cell(pointer, row if inside == ZERO else Sum((row, inside)))

    def _address(
        self, layout: Layout, places: Sequence[Node], put: Put, lanes: Put, flat: tuple[Node, ...] = ()
    ) -> Integer:
        """The place of an element in its value."""
        terms: dict[str, int] = {"": layout.offset}
        if flat and tuple(places[len(places) - len(flat) :]) == flat:
            places = places[: len(places) - len(flat)]
            terms["k"] = 1
        front: list[Integer] = []
        beside: list[Integer] = []
        for axis, (place, stride) in enumerate(zip(places, layout.strides, strict=False)):
            if isinstance(place, Element):  # an id
                front.append(Linear(((Stored(self.cell(place, put, lanes)), stride),)))
                continue
            inside = affine(place)
            assert inside is not None
            beside += [lanes[i] for i in inside if i in lanes]
            if layout.block is not None and axis == layout.contiguous:
                (index,) = [i for i in inside if i]
                start = put.get(index) or Index(index)
                front += [Quotient(start, layout.block, layout.block_stride), Remainder(start, layout.block)]
                continue
            _add(terms, place, stride)
        rest = linear(terms, put)
        return added([*front, *([] if front and rest == ZERO else [rest]), *beside])


def _add(terms: dict[str, int], place: Node, stride: int) -> None:
    for index, factor in (affine(place) or {}).items():
        terms[index] = terms.get(index, 0) + factor * stride
