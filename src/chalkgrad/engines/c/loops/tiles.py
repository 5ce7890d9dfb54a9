"""Sums of products: a routine for one tile of sums, and the loops that go over all tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....formula import Size
from ....formula.affine import affine
from ....formula.nodes import Binary, Element, Node, Symbol
from ....program.statement import SAMPLES, Statement
from ..schedule.plan import Plan
from ..schedule.products import Product
from .alike import Kind, Shared
from .ir import (
    ZERO,
    Assign,
    Block,
    Call,
    CallTile,
    Cell,
    Choice,
    Code,
    Comment,
    Compared,
    Declare,
    DeclareArrays,
    DeclareInside,
    Index,
    Inside,
    Instruction,
    Integer,
    Lanes,
    Linear,
    Load,
    LoadVector,
    Loop,
    Parameter,
    Point,
    Quotient,
    Ragged,
    Remainder,
    Routine,
    Sum,
    Variable,
    Zeros,
    linear,
    whole,
)
from .loops import Loops
from .memory import Memory
from .zeros import without_zeros

ROW, COLUMN, ROWS = Index("row"), Index("col"), Index("rows")
SUM = Cell("sum", COLUMN, row=ROW)
"""The sum of one row and column of a tile."""


class Tiles:
    """The tiles of one phase's products.

    Args:
        plan: the plan.
        memory: the places of values.
        routines: gets the tiles' routines, by name.
        loops: the phase's other statements; gets the names and constants that calls need.
        shared: the routines of products that are alike.
    """

    def __init__(self, plan: Plan, memory: Memory, routines: dict[str, Routine], loops: Loops, shared: Shared) -> None:
        self.plan = plan
        self.memory = memory
        self.routines = routines
        self.loops = loops
        self.shared = shared

    def product(self, product: Product, finish: Sequence[Statement] = (), blocks: bool = False) -> Code:
        """The loops over all tiles.

        Args:
            product: the product.
            finish: statements that use every sum at once instead of storing it (an update).
            blocks: only the blocks from `first` to `last`.
        """
        kind = None if finish or blocks else self.shared.kinds.get(product.output)
        known = self.shared.routines.get(kind)
        name = f"{self.memory.name(product.output)}_tile"
        code, pairs = self._all(name, product, finish, blocks, known is None)
        if kind is not None:
            code = [self._shared(product, kind, code, pairs)]
        code = [Comment(product.statement.text), *code]
        for number, other in enumerate(product.others, 2):
            code += [Comment(other.statement.text), *self._all(f"{name}_{number}", other, (), False, True)[0]]
        return code

    def _all(
        self, name: str, product: Product, finish: Sequence[Statement], blocks: bool, kept: bool
    ) -> tuple[Code, list[tuple[Parameter, str]]]:
        """The loops over all tiles, and what a tile's routine of this name is given; it is kept or not."""
        call, pairs = self._routine(name, product, finish, kept)
        rows_tile, columns_tile = product.tile
        each = product.rows_each

        def rows(columns: int) -> Code:
            size = product.sizes.get(product.rows or "")
            return _tiled(product.rows, size, rows_tile // each, lambda r: [call(r * each, columns)])

        if product.columns is not None or product.across:
            code: Code = _tiled(product.columns, product.sizes.get(product.columns or ""), columns_tile, rows)
        elif blocks:
            step, body = columns_tile * product.lanes, rows(columns_tile)
            code = [Loop(product.vector, Index("last"), body, begin=Index("first"), step=step)]
        else:
            code = _tiled(product.vector, product.vectors, columns_tile, rows, product.lanes)
        if product.columns is not None and not product.across:
            code = [Loop(product.vector, whole(product.extent(product.vector)), code, step=product.lanes)]
        for index in reversed(product.outer):
            code = [Loop(index, _end(product, index), code)]
        if product.each is not None:
            code = [Loop(product.each, ROWS, code)]
        return code, pairs

    def _shared(self, product: Product, kind: Kind, code: Code, pairs: Sequence[tuple[Parameter, str]]) -> Instruction:
        """A call of the routine that computes all tiles of products of this kind; the first one's is that routine."""
        passed = [(p, a) for p, a in pairs if p.kind != "index" or p.name in product.fixed]
        passed.append((Parameter("rows", "index"), "rows"))
        if kind not in self.shared.routines:
            name = f"{self.memory.name(product.output)}_product"
            self.shared.routines[kind] = name
            comment = f"all tiles of {product.statement.text}, and of its like"
            self.routines[name] = Routine(name, tuple(p for p, _ in passed), code, "never", comment)
        return Call(self.shared.routines[kind], tuple(a for _, a in passed))

    def _routine(
        self, name: str, product: Product, finish: Sequence[Statement], kept: bool
    ) -> tuple[Callable[[int, int], CallTile], list[tuple[Parameter, str]]]:
        """A function that makes calls of the tile's routine, which is made here and kept or not; what it is given."""
        own = Loops(self.plan, self.memory)
        if product.rows and product.within:
            each = product.rows_each
            own.put[product.rows] = Sum((Index(product.rows), Quotient(ROW, each)))
            own.put[product.within] = Remainder(ROW, each)
        elif product.rows:
            own.put[product.rows] = Sum((Index(product.rows), ROW))
        if product.columns:
            own.put[product.columns] = Sum((Index(product.columns), COLUMN))
        elif not product.across:
            own.lanes[product.vector] = Linear(((COLUMN, product.lanes),))
        rows, columns = product.tile
        body: Code = [
            DeclareArrays(f"vec{product.lanes}", (("sum", (rows, columns)),)),
            _each_sum(Assign(SUM, self._begun(product, own))),
            *self._summed(product, own),
            *(self._finished(product, own, finish) if finish else self._stored(product, own)),
        ]
        pairs = self._passed(product, own, finish)
        parameters = (Parameter("R", "index"), Parameter("C", "index"), *(p for p, _ in pairs))
        comment = f"a tile of {product.statement.text}"
        if kept:
            self.routines[name] = Routine(name, parameters, body, "always", comment, product.lanes)
        arguments = tuple(argument for _, argument in pairs)
        return lambda rows, columns: CallTile(name, rows, columns, arguments), pairs

    def _begun(self, product: Product, own: Loops) -> Node:
        """The first value of a sum."""
        if product.bias is None or product.across:
            return Zeros(product.lanes)
        bias = own.cell(product.bias)
        if product.bias.indices[-1] == Symbol(product.vector):
            return LoadVector(bias, product.lanes)
        return Binary("+", Zeros(product.lanes), Load(bias))

    def _summed(self, product: Product, own: Loops) -> Code:
        """The loops over the indices that are summed over."""
        vec, (rows, columns) = f"vec{product.lanes}", product.tile
        right = Cell("right", COLUMN)
        load_right = _each(COLUMN, "C", Assign(right, LoadVector(own.cell(product.right), product.lanes)), "beside")
        if product.across:
            left = Cell("left", ROW)
            code: Code = [
                DeclareArrays(vec, (("left", (rows,)), ("right", (columns,)))),
                _each(ROW, "R", Assign(left, LoadVector(own.cell(product.left), product.lanes)), "beside"),
                load_right,
                _each_sum(Assign(SUM, Binary("*", Load(left), Load(right)), "+=")),
            ]
            code = [Loop(product.vector, whole(product.vectors * product.lanes), code, step=product.lanes)]
        else:
            base, left = self._rows_of(product, own)
            add = Assign(SUM, Binary("*", Variable("left"), Load(right)), "+=")
            each: Code = [Declare("real", "left", left, fixed=True), _each(COLUMN, "C", add, "below")]
            code = [
                DeclareArrays(vec, (("right", (columns,)),)),
                load_right,
                *base,
                Loop("row", Index("R"), each, unrolled=True),
            ]
        if product.skips:
            return without_zeros(product, code)
        for index in reversed(product.summed):
            code = [Loop(index, _end(product, index), code)]
        return code

    def _passed(self, product: Product, own: Loops, finish: Sequence[Statement]) -> list[tuple[Parameter, str]]:
        """The parameters of a tile besides its size, each with its argument."""
        pairs: list[tuple[Parameter, str]] = []
        if product.skips:
            pairs.append((Parameter("nonzero", "words"), "nonzero"))
        if product.skips and not product.over_samples:
            pairs.append((Parameter("ahead", "ahead"), "ahead"))
        for value in own.used:
            target = value in map(self.memory.root, [product.output, *(s.output for s in finish)])
            kind = "rows" if self.plan.values[value].home == "given" else "written" if target else "read"
            pairs.append((Parameter(self.memory.name(value), kind), self.memory.name(value)))
            self.loops.used[value] = None
        for tree, constant in own.constants.known.items():
            pairs.append((Parameter(constant, "real"), self.loops.constants.named(tree)))
        places = [product.each, *product.fixed, *product.outer, product.rows, product.columns]
        places += [] if product.across else [product.vector]
        pairs += [(Parameter(i, "index"), i) for i in dict.fromkeys(i for i in places if i is not None)]
        if product.over_samples:
            pairs.append((Parameter("rows", "index"), "rows"))
        return pairs

    def _rows_of(self, product: Product, own: Loops) -> tuple[Code, Node]:
        """The single number for a row: for images beside a pointer, so that a compiler needs no register for each."""
        layout = self.plan.layouts[product.left.name]
        if len(layout.shape) < 3 or product.rows is None or product.sizes[product.rows] == SAMPLES:
            return [], own.element(product.left)
        places = product.left.indices[len(product.left.indices) - len(layout.shape) :]

        def apart(index: str) -> int:
            return sum((affine(p) or {}).get(index, 0) * s for p, s in zip(places, layout.strides, strict=True))

        row = linear({"row": apart(product.rows)}, {})
        first_row: dict[str, Integer] = {product.rows: Index(product.rows)}
        if product.within:
            each = product.rows_each
            row = linear(
                {product.rows: apart(product.rows), product.within: apart(product.within)},
                {product.rows: Quotient(ROW, each), product.within: Remainder(ROW, each)},
            )
            first_row[product.within] = ZERO
        put, own.put = own.put, own.put | first_row
        first = own.cell(product.left)
        own.put = put
        return [Point("base", first)], Load(Cell("base", row))

    def _scaled(self, product: Product, own: Loops, value: Node) -> Node:
        """A sum, times the product's number."""
        return value if product.scale is None else Binary("*", value, own.constants.number(product.scale))

    def _stored(self, product: Product, own: Loops) -> Code:
        """Puts the sums where they belong."""
        adds = product.output in self.plan.totals
        target, value = own.cell(Element(product.output, product.statement.place)), Load(SUM)
        if product.across:
            across: Node = Lanes(value, product.lanes)
            if product.bias is not None:
                across = Binary("+", across, own.element(product.bias))
            return [_each_sum(Assign(target, self._scaled(product, own, across), "+=" if adds else "="))]
        rest = product.extent(product.vector) % product.lanes
        before: Code = []
        result: Node = value
        if rest and product.block is None:
            before = [DeclareInside(rest, product.lanes)]
            result = Inside(value, product.lanes)
            if product.vectors > 1:
                at = [Index(product.vector), *([own.lanes[product.vector]] if product.vector in own.lanes else [])]
                end = Sum((*at, whole(product.lanes)))
                result = Choice((Compared(end, ">", whole(product.extent(product.vector))),), result, value)
        result = self._scaled(product, own, result)
        if adds:
            result = Binary("+", LoadVector(target, product.lanes), result)
        return [*before, _each_sum(Assign(target, result, lanes=product.lanes))]

    def _finished(self, product: Product, own: Loops, finish: Sequence[Statement]) -> Code:
        """Uses the sums at once, element by element."""
        row, lane = f"{self.memory.name(product.output)}_row", Index("lane")
        own.lanes[product.vector] = lane
        own.local[product.output] = Load(Cell(row, lane))
        # the statements' own letters: the place of each is the product's
        code: Code = []
        stores: Code = []
        place = product.statement.place
        letters = {i.name: own.put.get(i.name, Index(i.name)) for i in place if isinstance(i, Symbol)}
        for statement in finish:
            for own_index, index in zip(place, statement.place, strict=True):
                if isinstance(own_index, Symbol) and isinstance(index, Symbol):
                    own.put[index.name] = letters[own_index.name]
                    if own_index.name == product.vector:
                        own.lanes[index.name] = lane
            body, further = own.chained([statement], flat=False)
            code, stores = [*code, *body], [*stores, *further]
            own.local[statement.output] = Variable(own.variable(statement.output))
        put = Assign(Cell(row, Linear(((COLUMN, product.lanes),))), Load(SUM), lanes=product.lanes)
        each: Code = [
            DeclareArrays("real", ((row, (product.tile[1] * product.lanes,)),)),
            _each(COLUMN, "C", put, "beside"),
            Loop("lane", Linear(((Index("C"), product.lanes),)), [*code, *stores], vector=True),
        ]
        return [Loop("row", Index("R"), each, unrolled=True)]


def _end(product: Product, index: str) -> Integer:
    size = product.sizes[index]
    return ROWS if size == SAMPLES else whole(int(size))


def _each(index: Index, end: str, instruction: Instruction, layout: str) -> Loop:
    """An instruction for each row, or each column, of a tile."""
    return Loop(index.name, Index(end), [instruction], unrolled=True, layout=layout)


def _each_sum(instruction: Instruction) -> Loop:
    """An instruction for each row and column of a tile."""
    return _each(ROW, "R", _each(COLUMN, "C", instruction, "below"), "beside")


def _tiled(index: str | None, size: Size | None, tile: int, body: Callable[[int], Code], unit: int = 1) -> Code:
    """Loops over an index in tiles: whole ones, and what is left.

    Args:
        index: the index; None for a single tile.
        size: the number of its values, in units.
        tile: the number of them in a tile.
        body: makes the loop's body for a tile of so many.
        unit: the step of the index for one.
    """
    if index is None or size is None:
        return body(1)
    if size == SAMPLES:
        return [Loop(index, ROWS, body(1))] if tile == 1 else [Ragged(index, tile, body(tile), body(1))]
    count = int(size)
    full = count // tile * tile
    code: Code = []
    if full:
        code.append(Loop(index, whole(full * unit), body(tile), step=tile * unit if tile * unit > 1 else None))
    if count > full:
        code.append(Block([Declare("int", index, whole(full * unit), fixed=True), *body(count - full)]))
    return code
