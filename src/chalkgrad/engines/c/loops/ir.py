"""The intermediate form: a phase as loops, declarations and assignments that know no language.

The passes before make it from a plan; a printer makes text of it (`print/c.py`). Three kinds of things stand in it:

- whole numbers (`Integer`): sums of indices times constants, that say where an element lies;
- numbers: a formula's own nodes (`Binary`, `Function`, `Indicator`, ...), in which elements have become loads from
  memory, sums the variables that they are found in, and indices counts;
- instructions (`Instruction`): loops and what stands in them.

What reads or writes several numbers at once names its vector's lanes. Only products have vectors (`tiles.py`): a plan
without them can be printed in a language that knows none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ....formula.nodes import Node
from ..schedule.plan import Value

# -- whole numbers -------------------------------------------------------------------------------------------------


class Integer:
    """Base of all whole numbers."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Index(Integer):
    """A loop's index, or another whole number by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Linear(Integer):
    """Whole numbers, each times a constant, and a constant."""

    terms: tuple[tuple[Integer, int], ...]
    constant: int = 0


@dataclass(frozen=True, slots=True)
class Sum(Integer):
    """Several whole numbers added."""

    parts: tuple[Integer, ...]


@dataclass(frozen=True, slots=True)
class Times(Integer):
    """An index times one of the program's own constants."""

    index: str
    constant: str


@dataclass(frozen=True, slots=True)
class Quotient(Integer):
    """The whole part of `of` / `by`, times a constant."""

    of: Integer
    by: int
    times: int = 1


@dataclass(frozen=True, slots=True)
class Remainder(Integer):
    """The remainder of `of` / `by`."""

    of: Integer
    by: int


@dataclass(frozen=True, slots=True)
class Stored(Integer):
    """A whole number that is an element in memory: an id."""

    cell: Cell


Put = Mapping[str, Integer]
"""The whole number for each index."""


def whole(value: int) -> Linear:
    """A constant."""
    return Linear((), value)


ZERO = whole(0)


def linear(terms: Mapping[str, int], put: Put) -> Integer:
    """A sum of indices times whole numbers, the constant under "".

    Args:
        terms: the factor of each index.
        put: the whole number for each index.
    """
    factors: list[tuple[Integer, int]] = []
    for index, factor in terms.items():
        if index and factor:
            own = put.get(index) or Index(index)
            if own != ZERO:
                factors.append((own, factor))
    constant = terms.get("", 0)
    alone = not constant and len(factors) == 1 and factors[0][1] == 1
    return factors[0][0] if alone else Linear(tuple(factors), constant)


def added(parts: Sequence[Integer]) -> Integer:
    """Several whole numbers added, or the only one."""
    return parts[0] if len(parts) == 1 else Sum(tuple(parts))


# -- numbers -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """One element in memory.

    Attributes:
        array: the name of its array, or of a pointer to numbers.
        place: its place there.
        row: its row, in an array of rows.
        of_state: whether the array belongs to the program's state.
        ahead: its distance after this place.
    """

    array: str
    place: Integer
    row: Integer | None = None
    of_state: bool = False
    ahead: Integer | None = None


@dataclass(frozen=True, slots=True)
class Load(Node):
    """An element's number."""

    cell: Cell


@dataclass(frozen=True, slots=True)
class LoadVector(Node):
    """The numbers that lie from an element on, as a vector."""

    cell: Cell
    lanes: int


@dataclass(frozen=True, slots=True)
class Variable(Node):
    """A number that has a name."""

    name: str


@dataclass(frozen=True, slots=True)
class Found(Node):
    """The number that loops before have found."""

    name: str


@dataclass(frozen=True, slots=True)
class Double(Node):
    """A number of type double as one of the program's own type."""

    body: Node


@dataclass(frozen=True, slots=True)
class Counted(Node):
    """A whole number used as a number."""

    index: Integer


NOTHING = Counted(ZERO)
"""The number 0."""


@dataclass(frozen=True, slots=True)
class Compared(Node):
    """Whether a comparison holds, of numbers or of whole numbers."""

    left: Node | Integer
    comparison: str
    right: Node | Integer


@dataclass(frozen=True, slots=True)
class Larger(Node):
    """Whether a candidate is larger than the best so far, or no number."""

    candidate: Variable
    best: Variable


@dataclass(frozen=True, slots=True)
class Unordered(Node):
    """Whether one of two is no number."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """`chosen` where all conditions hold, else `other`."""

    conditions: tuple[Node, ...]
    chosen: Node
    other: Node


@dataclass(frozen=True, slots=True)
class Zeros(Node):
    """A vector of zeros."""

    lanes: int


@dataclass(frozen=True, slots=True)
class Lanes(Node):
    """The sum of a vector's lanes."""

    body: Node
    lanes: int


@dataclass(frozen=True, slots=True)
class Inside(Node):
    """A vector with zeros in the lanes after the last element (`DeclareInside`)."""

    body: Node
    lanes: int


# -- instructions --------------------------------------------------------------------------------------------------


class Instruction:
    """Base of all instructions."""

    __slots__ = ()


Code = list[Instruction]


@dataclass(slots=True)
class Comment(Instruction):
    """A remark on a line of its own."""

    text: str


@dataclass(slots=True)
class Apart(Instruction):
    """What stands before is in memory, and the loop after it is compiled as if it stood alone.

    GCC carries numbers from one loop into the next, and then finds control flow in what it would have vectorised.
    """


@dataclass(slots=True)
class Declare(Instruction):
    """A variable, and its first value.

    Attributes:
        kind: "real", "double", "int", "bits" (32 of them) or "vec16".
        name: its name.
        value: its first value.
        fixed: whether it keeps that.
        comment: a remark beside it.
    """

    kind: str
    name: str
    value: Node | Integer
    fixed: bool = False
    comment: str = ""


@dataclass(slots=True)
class DeclareArrays(Instruction):
    """Arrays of numbers or vectors, by their names and sizes; filled with zeros or with nothing."""

    kind: str
    arrays: tuple[tuple[str, tuple[int, ...]], ...]
    zeros: bool = False


@dataclass(slots=True)
class DeclareConstant(Instruction):
    """A number that is the same for the whole step, computed in double from the batch's size, the learning rate and the
    clocks.
    """

    name: str
    value: Node


@dataclass(slots=True)
class DeclareInside(Instruction):
    """Which lanes of the last vector are elements: the first `count`."""

    count: int
    lanes: int


@dataclass(slots=True)
class Point(Instruction):
    """A pointer to an element."""

    name: str
    cell: Cell


@dataclass(slots=True)
class Bind(Instruction):
    """A pointer to a value's first element.

    Attributes:
        name: the pointer's name.
        value: the value.
        place: its beginning in the buffer of its home.
        begin: the first sample that is taken; empty for the batch's first.
        first_part: whether it is the first part's sum, whoever computes.
    """

    name: str
    value: Value
    place: int
    begin: str = ""
    first_part: bool = False


@dataclass(slots=True)
class Assign(Instruction):
    """Sets an element or a variable, by "=", "+=" or "|="; of `lanes` elements where that is given."""

    target: Cell | Variable
    value: Node | Integer
    operator: str = "="
    lanes: int = 0


@dataclass(slots=True)
class Loop(Instruction):
    """A loop over an index.

    Attributes:
        index: the index.
        end: the index stays below this.
        body: the instructions in it.
        begin: the first value of the index.
        step: the step of the index, where it is not 1.
        unrolled: whether it is short and known, so that no loop needs to remain.
        vector: whether its rounds may be made side by side.
        reduced: the variable into which all rounds add, where they may be made side by side.
        layout: its layout on the page: "fitting" (on one line where it fits), "beside" (the body after the head), or
            "below".
        backward: whether it runs from the end to the beginning.
    """

    index: str
    end: Integer
    body: Code
    begin: Integer = ZERO
    step: int | None = None
    unrolled: bool = False
    vector: bool = False
    reduced: str = ""
    by: str = "+"
    layout: str = "fitting"
    backward: bool = False


@dataclass(slots=True)
class Ragged(Instruction):
    """A loop over the samples, several at a time, and those that are left one by one.

    Attributes:
        index: the index.
        tile: the number of samples at a time.
        together, alone: the instructions for so many, and for one.
    """

    index: str
    tile: int
    together: Code
    alone: Code


@dataclass(slots=True)
class Chunks(Instruction):
    """A loop over a part's samples, those at a time that are taken together: `rows` of them from `begin` on."""

    body: Code


@dataclass(slots=True)
class If(Instruction):
    """Instructions for where all conditions hold."""

    conditions: tuple[Node, ...]
    body: Code


@dataclass(slots=True)
class Block(Instruction):
    """Instructions with variables of their own."""

    body: Code
    comment: str = ""


@dataclass(slots=True)
class Share(Instruction):
    """A part's share of `count` units, each `unit` long: from `first` to `last`.

    Attributes:
        count: the number of units.
        unit: the length of each.
        size: the end of the last, where that is not whole.
    """

    count: int
    unit: int
    size: int | None = None


@dataclass(slots=True)
class Everything(Instruction):
    """Instructions of the first part for all of `size` elements: from `first` to `last`."""

    size: int
    body: Code


@dataclass(slots=True)
class WholeBatch(Instruction):
    """All of the batch's samples are taken together: `rows`."""


@dataclass(slots=True)
class Clear(Instruction):
    """Sets a value's elements to zero, so many of them; None for a single number."""

    name: str
    count: int | None


@dataclass(slots=True)
class Copy(Instruction):
    """Copies elements, from an array's first on."""

    to: Cell
    array: str
    count: int


@dataclass(slots=True)
class DrawMask(Instruction):
    """Draws a sample's dropout mask, `size` ones and zeros from a cell on."""

    to: Cell
    size: int
    seed: int
    layer: int
    threshold: int


@dataclass(slots=True)
class CallTile(Instruction):
    """Computes a tile of so many rows and columns."""

    function: str
    rows: int
    columns: int
    passed: tuple[str, ...]


@dataclass(slots=True)
class Call(Instruction):
    """Computes all tiles of a product."""

    function: str
    passed: tuple[str, ...]


@dataclass(slots=True)
class CallPiece(Instruction):
    """Computes a piece of a long phase, for the samples that are taken together."""

    function: str


# -- instructions for samples that are mostly zeros --------------------------------------------------------------


@dataclass(slots=True)
class FindNonzero(Instruction):
    """Finds out which numbers of the samples that are taken together are not zero, `row` of each in `size` words."""

    row: int
    size: int


@dataclass(slots=True)
class BindNonzero(Instruction):
    """A pointer to the words that `FindNonzero` found for the batch."""


@dataclass(slots=True)
class BindAhead(Instruction):
    """Where the samples of the next step begin; `begin` is the first sample that is taken."""

    begin: str


@dataclass(slots=True)
class Prefetch(Instruction):
    """Fetches the words from `from` on of a sample of the next step."""

    sample: Integer


@dataclass(slots=True)
class FindLit(Instruction):
    """Adds to `found` which of the elements from `from` on any row of a tile has."""

    words: Cell
    sample: str


@dataclass(slots=True)
class LoadWord(Node):
    """A word of bits."""

    cell: Cell


@dataclass(slots=True)
class EachLit(Instruction):
    """Instructions for each bit of `found`, the index being `from` and the bit's place."""

    index: str
    body: Code


# -- functions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function.

    Attributes:
        name: its name.
        kind: "state", "int", "long", "index", "real", "read" (numbers), "written" (numbers that are set), "rows"
            (numbers by rows), "words" (of bits), "ahead" (where rows begin).
    """

    name: str
    kind: str


@dataclass(slots=True)
class Routine:
    """A function.

    Attributes:
        name: its name.
        parameters: its parameters.
        body: its instructions.
        inline: "always", "never" or "" for whatever the compiler thinks.
        comment: a remark above it; empty for none.
        lanes: of a tile, the number of numbers in its vectors; else 0.
    """

    name: str
    parameters: tuple[Parameter, ...]
    body: Code = field(default_factory=list[Instruction])
    inline: str = ""
    comment: str = ""
    lanes: int = 0
