"""Sums of products of two values, as loops over tiles that stay in registers.

`z[n,o] = sum_i x[n,i] * W[i,o]` and its like are most of a network's work. Which loops to make of one is read off
its indices. The vector index runs along neighbours in memory:

- it stands on the left and in one factor: a vector of that factor is multiplied by single numbers of the other,
  and the sums are vectors of the result ("along");
- it is summed over and stands in both factors: vectors are multiplied by vectors, and what is left in the lanes is
  added at the end ("across").

A tile has some values of an index that only one factor has (its rows) and some that only the other has (its
columns), so that what is loaded once is used several times.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

from ....formula import Shape, Size
from ....formula.affine import affine, coefficients
from ....formula.nodes import Binary, Element, Node, Number, Reduction, Symbol
from ....formula.rewrite import at, folded
from ....formula.text import text
from ....program.statement import SAMPLES, Statement, names_in
from .layouts import Layout, multiple

ROWS = 16
"""A tile has at most so many rows."""
LEAST = 512
"""Sums of fewer products (for one sample) are left to plain loops."""
MATRIX = 2
"""A matrix has so many indices."""
LONG = 16
"""Sums over so many rows of every sample are made sample by sample, whose rows then stay in the first cache."""
SAMPLES_TOGETHER, ELEMENTS_TOGETHER = 4, 2
"""Where zeros are skipped, a tile has at most so many rows: the more they are, the seldomer all of them are zero."""
WORD = 32
"""Bits that say which samples are not zero; a tile's samples stand in one word."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that the generated code is for.

    Attributes:
        bytes: the size of the widest vector.
        registers: the number of vectors that the processor holds.
        real: the size of a number: 4 or 8 bytes.
        full: the size of the narrowest vector with which the processor multiplies at full speed: half the widest
            where it takes the widest in two halves.
    """

    bytes: int
    registers: int
    real: int
    full: int

    @property
    def lanes(self) -> int:
        """The number of numbers in the widest vector."""
        return self.bytes // self.real

    @property
    def filled(self) -> int:
        """The number of numbers that keep the processor as busy as the widest vector does."""
        return self.full // self.real

    @property
    def sums(self) -> int:
        """The number of vectors of a tile's sums that leave enough registers for the factors."""
        return 24 if self.registers >= 32 else 12


@dataclass(frozen=True, slots=True)
class Product:
    """A statement whose right side is a sum of products of two values, perhaps with a bias added.

    Attributes:
        statement: the statement.
        left, right: the factors. Along: `right` has the vector index; across: both have.
        bias: the element added to every sum; None for none.
        vector: the vector index.
        across: whether it is summed over.
        lanes: the number of numbers in a vector.
        block: where a factor lies in blocks along its contiguous axis, the number of numbers in one.
        rows, columns: the tile's indices: one that of the factors only `left` has, one that only `right` has; None
            for none. Along, the columns are vectors; `columns` None means several vectors side by side.
        within: a further index of the rows' kind, of which every row has all values; None for none.
        skips: whether the zeros of `left`, (samples, elements), are skipped: it is mostly zeros.
        tile: the number of rows and columns of a tile, those of `within` counted.
        outer: the other indices on the left, outermost first.
        summed: the indices that are summed over, outermost first, the vector index left out.
        fixed: indices on the left through which somebody else goes: the time of a loop.
        scale: a number, the same for the whole step, by which every sum is multiplied; None for none.
        each: the index over the samples, where the sums of one after another are added to what is there; else None.
        others: the products that set the value's other elements.
    """

    statement: Statement
    left: Element
    right: Element
    bias: Element | None
    vector: str
    across: bool
    lanes: int
    block: int | None
    rows: str | None
    columns: str | None
    within: str | None
    skips: bool
    tile: tuple[int, int]
    outer: tuple[str, ...]
    summed: tuple[str, ...]
    fixed: tuple[str, ...]
    scale: Node | None
    each: str | None = None
    others: tuple[Product, ...] = ()

    @property
    def output(self) -> str:
        """The value that is set."""
        return self.statement.output

    @property
    def sizes(self) -> Mapping[str, Size]:
        """The size of each index: how many values it takes."""
        return self.statement.sizes

    def extent(self, index: str) -> int:
        """The size of an index other than the samples'."""
        size = self.sizes[index]
        assert isinstance(size, int)
        return size

    @property
    def rows_each(self) -> int:
        """The number of rows of a tile for one value of `rows`: one for every value of `within`."""
        return self.extent(self.within) if self.within else 1

    @property
    def over_samples(self) -> bool:
        """Whether the samples are what is summed over."""
        return any(self.sizes[index] == SAMPLES for index in self.summed)

    @property
    def vectors(self) -> int:
        """The number of vectors along the vector index, whole blocks at a time."""
        return multiple(self.extent(self.vector), self.block or self.lanes) // self.lanes


def indices_of(element: Element) -> list[str]:
    """The indices that stand in an element's places."""
    return [i for place in element.indices for i in (affine(place) or {}) if i]


def without_scale(statement: Statement) -> tuple[Node | None, Statement]:
    """The number by which a statement multiplies its samples' sums, None for none, and the statement without it."""
    if not statement.by_sample:
        return None, statement
    match statement.body:
        case Binary(operator="/", left=Reduction() as total, right=number) if not names_in(number):
            return Binary("/", Number(1.0), number), replace(statement, body=total)
        case Binary(operator="*", left=Reduction() as total, right=number) if not names_in(number):
            return number, replace(statement, body=total)
        case _:
            return None, statement


def once_each(statement: Statement, shape: Shape) -> bool:
    """Whether a statement's places on the left are each of the value's elements, once."""

    def whole(place: Node, size: Size) -> bool:
        terms = {i: c for i, c in (affine(place) or {}).items() if i}
        sizes = [statement.sizes[i] for i in terms]
        if len(terms) == 1:
            return isinstance(place, Symbol) and sizes == [size]
        return all(isinstance(s, int) for s in sizes) and math.prod(map(int, sizes)) == size

    places = zip(statement.place, shape, strict=True)
    return not statement.overlaps and all(whole(place, size) for place, size in places)


def factors(statement: Statement) -> tuple[Reduction, Element, Element, Element | None] | None:
    """The sum, its two factors and the bias, where the right side is of this kind."""
    body, bias = statement.body, None
    if isinstance(body, Binary) and body.operator == "+" and isinstance(body.right, Element):
        body, bias = body.left, body.right
    if not isinstance(body, Reduction) or body.kind != "sum" or not isinstance(body.body, Binary):
        return None
    inner = body.body
    if inner.operator != "*" or not isinstance(inner.left, Element) or not isinstance(inner.right, Element):
        return None
    if any(affine(i) is None for e in (inner.left, inner.right) for i in e.indices):
        return None
    return body, inner.left, inner.right, bias


def gathered(statement: Statement, shape: tuple[Size, ...]) -> list[Statement]:
    """The statement with its sums gathered where they are added; none where that is not possible.

    For steps of 1, dx[h] += dz[p] * W[u] with h = p + u becomes dx[h] = sum_u dz[h - u] * W[u]. For steps of s every
    phase a < s of h = s*h0 + a becomes a statement of its own, whose sum has only the terms that fall there: those of
    u = s*u0 + r, with p = h0 - u0 + d. Places on which no term falls are in no statement.

    Args:
        statement: a statement that adds its terms where they fall.
        shape: the shape of the value that it sets.
    """
    parts = factors(replace(statement, adds=False))
    if parts is None:
        return []
    axes: list[list[_Axis]] = []
    for expression, size in zip(statement.place, shape, strict=True):
        phases = _phases(expression, size, statement.sizes)
        if phases is None:
            return []
        axes.append(phases)
    total, left, right, _ = parts
    found: list[Statement] = []
    for phase in itertools.product(*axes):
        sizes, solutions = dict(statement.sizes), {i: n for axis in phase for i, n in axis.solutions.items()}
        for index in (axis.position for axis in phase if axis.position):
            del sizes[index]
        sizes |= {i: s for axis in phase for i, s in axis.sizes.items()}
        place = tuple(axis.place for axis in phase)
        loops = tuple(i for p in place for i in coefficients(p))
        further = [axis.offset for axis in phase if axis.offset]
        body = Reduction("sum", (*total.indices, *further), at(Binary("*", left, right), solutions))
        line = statement.text
        if any(not isinstance(p, Symbol) for p in place):
            line = f"{text(Element(statement.output, place))} of {line}"
        found.append(replace(statement, place=place, body=body, sizes=sizes, loops=loops, adds=False, text=line))
    return found


@dataclass(frozen=True, slots=True)
class _Axis:
    """One phase of an axis along which terms are gathered, or an axis that is one index.

    Attributes:
        place: the places that are set.
        position, offset: the indices whose sum the place was, the first of which is solved for; "" for none.
        solutions: the expressions for indices.
        sizes: the sizes of indices that are new or have fewer values.
    """

    place: Node
    position: str = ""
    offset: str = ""
    solutions: Mapping[str, Node] = field(default_factory=dict[str, Node])
    sizes: Mapping[str, Size] = field(default_factory=dict[str, Size])


def _phases(expression: Node, size: Size, sizes: Mapping[str, Size]) -> list[_Axis] | None:
    """The phases of one axis; None where the terms that fall on a place cannot be told.

    Args:
        expression: the place on the left.
        size: the size of the axis.
        sizes: the size of each index.
    """
    if isinstance(expression, Symbol):
        return [_Axis(expression)]
    terms = affine(expression)
    if terms is None or not isinstance(size, int):
        return None
    indices = [i for i in terms if i]
    if len(indices) != 2 or terms[indices[1]] != 1 or terms[indices[0]] < 1:
        return None
    position, offset = indices
    step, reach, constant = terms[position], sizes[offset], terms[""]
    name = {"p": "h", "q": "w"}.get(position, f"{position}0")
    if name in sizes or not isinstance(reach, int):
        return None
    phases: list[_Axis] = []
    for first in range(min(step, size)):
        ahead, rest = divmod(first - constant, step)  # step*h0 + first = step*p + (step*u0 + rest) + constant
        if rest >= reach:
            continue
        place: Node = Symbol(name)
        solutions: dict[str, Node] = {position: Binary("-", place, Binary("+", Symbol(offset), Number(float(-ahead))))}
        if step > 1:
            solutions[offset] = _strided(offset, step, rest)
            place = _strided(name, step, first)
        fewer: dict[str, Size] = {name: -(-(size - first) // step), offset: -(-(reach - rest) // step)}
        phases.append(_Axis(place, position, offset, solutions, fewer))
    return phases


def _strided(index: str, step: int, first: int) -> Node:
    return folded("+", folded("*", Number(float(step)), Symbol(index)), Number(float(first)))


def _counted_on(place: Node, index: str, size: int) -> bool:
    """Whether another index counts on where this one ends, as m does in m*E+e, so that its neighbours are others'."""
    terms = coefficients(place)
    return index in terms and any(abs(c) >= size * abs(terms[index]) for other, c in terms.items() if other != index)


def product(
    statement: Statement,
    layouts: Mapping[str, Layout],
    machine: Machine,
    sparse: Collection[str] = (),
    fixed: tuple[str, ...] = (),
) -> Product | None:
    """The statement as a product in tiles; None where plain loops have to do.

    Args:
        statement: the statement.
        layouts: the layouts of values that do not lie row by row (weights).
        machine: the machine that runs it.
        sparse: values that are mostly zeros.
        fixed: indices on the left through which somebody else goes.
    """
    scale, statement = without_scale(statement)
    parts = factors(statement)
    if parts is None or statement.adds or any(affine(i) is None for i in statement.place) or statement.overlaps:
        return None
    total, left, right, bias = parts
    if statement.terms < LEAST * math.prod(_extent(statement, i) for i in fixed):
        return None

    def along(element: Element) -> str | None:
        """The index along which the element's neighbours lie."""
        sampled = statement.sample is not None and element.indices[0] == Symbol(statement.sample)
        layout = layouts.get(element.name)
        axis = len(element.indices) - 1 if layout is None else layout.contiguous + sampled
        terms = affine(element.indices[axis])
        ones = [i for i, c in (terms or {}).items() if i and c == 1 and statement.sizes[i] != SAMPLES]
        elsewhere = {i for k, p in enumerate(element.indices) if k != axis for i in (affine(p) or {})}
        fit = [i for i in ones if i not in elsewhere]
        return max(fit, key=lambda i: _extent(statement, i), default=None)

    out = Element(statement.output, statement.place)
    target, by_left, by_right = along(out), along(left), along(right)
    if target is not None and target in (by_left, by_right):
        vector, across = target, False
        if by_left == target:
            left, right, by_left = right, left, by_right
        if target in indices_of(left):
            return None
    elif by_left is not None and by_left == by_right and by_left in total.indices:
        vector, across = by_left, True
    else:
        return None
    if vector in fixed:
        return None
    size = _extent(statement, vector)
    if size < max(machine.lanes // 4, 2):
        return None
    lanes = machine.lanes
    while lanes > 2 and -(-size // lanes) == -(-size // (lanes // 2)):
        lanes //= 2
    block = next(
        (y.block for n in (statement.output, left.name, right.name) if (y := layouts.get(n)) and y.block), None
    )
    if block is not None:  # a vector stays within a block
        lanes = min(lanes if across else machine.lanes, block)
    while lanes > 1 and size % lanes and any(_inside(e, vector, layouts) for e in (out, left, right)):
        lanes //= 2  # other axes follow: there is no room for a vector's rest
    if any(_counted_on(place, vector, size) for e in (out, left, right) for place in e.indices):
        while size % lanes:
            lanes //= 2  # its neighbours are others' elements
        if lanes < 2:
            return None
    if across and size % lanes:  # what stands after the last has to be zero in one of them
        operands = [
            e
            for e in (left, right)
            if Symbol(vector) in e.indices and (statement.sample in indices_of(e) or e.name in layouts)
        ]
        if not operands:
            return None
    one_for_all = bias is not None and len(bias.indices) == 1 and bias.indices[0] in statement.place
    if bias is not None and not one_for_all and bias.indices != statement.place:
        return None
    skips = not across and left.name in sparse and _skips(statement, left, total)
    tiling = Product(
        statement,
        left,
        right,
        bias,
        vector,
        across,
        lanes,
        block,
        None,
        None,
        None,
        skips,
        (1, 1),
        (),
        (),
        fixed,
        scale,
    )
    inner = by_left if by_left in total.indices and _inside(left, by_left, layouts) else None
    return _tiled(tiling, total, machine, inner)


def _skips(statement: Statement, left: Element, total: Reduction) -> bool:
    """Whether zeros of a factor can be skipped: it is a matrix of samples, and summed over one of its indices."""
    letters = [i.name for i in left.indices if isinstance(i, Symbol)]
    if len(letters) != 2 or len(left.indices) != 2 or statement.sizes[letters[0]] != SAMPLES:
        return False
    return len(total.indices) == 1 and total.indices[0] in letters


def _inside(element: Element, vector: str | None, layouts: Mapping[str, Layout]) -> bool:
    """Whether the vectors run along an axis other than the last of an image or of kernels."""
    layout = layouts.get(element.name)
    return layout is not None and len(layout.strides) > 2 and layout.strides[-1] != 1 and vector in indices_of(element)


def _extent(statement: Statement, index: str) -> int:
    size = statement.sizes[index]
    return size if isinstance(size, int) else 10**9


def _tiled(tiling: Product, total: Reduction, machine: Machine, inner: str | None) -> Product | None:
    """The product with its tile: the one with the fewest loads, rest tiles counted in; `inner` is summed over
    innermost.
    """
    statement = tiling.statement
    free = [i for i in statement.loops if i != tiling.vector and i not in tiling.fixed]
    indices = [i for i in free if len(free) < 3 or statement.sizes[i] != SAMPLES]  # images: one sample after another
    in_left, in_right = set(indices_of(tiling.left)), set(indices_of(tiling.right))
    rows = [i for i in reversed(indices) if i in in_left and i not in in_right]  # of equals those that lie nearer
    columns: list[str | None] = [i for i in indices if i in in_right and i not in in_left]
    if not tiling.across:
        columns.append(None)
    if not rows and not any(columns):
        return None
    best: tuple[float, str | None, str | None, str | None, tuple[int, int]] | None = None
    pairs = [(a, b) for b, a in combinations(rows, 2)] if not tiling.across else []
    for row, within in [*((r, None) for r in rows or [None]), *pairs]:
        for column in columns or [None]:
            of = _extent(statement, within) if within else 1
            most_rows = 8 if row and statement.sizes[row] == SAMPLES else _extent(statement, row) if row else 1
            if tiling.skips and row:
                samples = statement.sizes[row] == SAMPLES
                most_rows = min(most_rows, SAMPLES_TOGETHER if samples else ELEMENTS_TOGETHER)
            if column is not None:
                most_columns = 4 if statement.sizes[column] == SAMPLES else _extent(statement, column)
            else:
                most_columns = 1 if tiling.across else min(tiling.vectors, 4)
            for r in range(of, min(most_rows * of, ROWS) + 1, of):
                if tiling.skips and WORD % r:
                    continue
                for c in range(1, min(most_columns, 6) + 1):
                    if column is None and tiling.block and tiling.block // tiling.lanes % c:
                        continue  # a tile stays within a block
                    cost = _cost(tiling, row, of, column, r, c, machine)
                    if cost is not None and (best is None or cost < best[0] - 1e-9):
                        best = cost, row, within, column, (r, c)
    assert best is not None  # one row and one column always fit
    _, row, within, column, tile = best
    outer = tuple(i for i in free if i not in (row, within, column))
    summed = _order(tiling, tuple(i for i in total.indices if i != tiling.vector), inner)
    each = None
    matrix = len(statement.place) == MATRIX
    if matrix and math.prod(tiling.extent(i) for i in summed if tiling.sizes[i] != SAMPLES) >= LONG:
        each = next((i for i in summed if tiling.sizes[i] == SAMPLES), None)
        summed = tuple(i for i in summed if i != each)
    return replace(tiling, rows=row, within=within, columns=column, tile=tile, outer=outer, summed=summed, each=each)


def _order(tiling: Product, indices: tuple[str, ...], inner: str | None) -> tuple[str, ...]:
    """The samples outermost, then as written, but neighbours in memory innermost."""
    samples = [i for i in indices if tiling.sizes[i] == SAMPLES]
    last = [i for i in indices if i == inner]
    return (*samples, *(i for i in indices if i not in (*samples, *last)), *last)


def _cost(
    tiling: Product, row: str | None, of: int, column: str | None, r: int, c: int, machine: Machine
) -> float | None:
    """The clocks, about, that a tile of r x c takes for one product: two multiplications or two loads a clock."""
    registers = r * c + (c if not tiling.across else min(r, c) + 1)
    if r * c > machine.sums or registers > machine.registers - 2:
        return None
    loads = r + c
    clocks = (max(r * c, loads * 1.05, 8.0) + 0.25 * loads) / (r * c)  # a sum is there again after 4 clocks

    def waste(index: str | None, size: int, of: int) -> float:
        if index is not None and tiling.sizes[index] == SAMPLES:
            return 1.0 if of in (1, 2, 4, 8) else 1.1  # batches are mostly multiples of these
        full, rest = divmod(size, of)
        return (full * of + (of * 0.7 + rest * 0.3 if rest else 0)) / size

    surplus = waste(row, _extent(tiling.statement, row), r // of) if row else 1.0
    if column is not None:
        surplus *= waste(column, _extent(tiling.statement, column), c)
    elif not tiling.across:
        surplus *= waste(None, tiling.vectors, c)
    return clocks * surplus
