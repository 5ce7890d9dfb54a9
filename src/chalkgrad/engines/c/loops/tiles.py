"""Sums of products: a routine for one tile of sums, and the loops that go over all tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....formula import Size
from ....formula.affine import affine
from ....formula.nodes import Binary, Element, Node, Symbol
from ....program.statement import SAMPLES, Statement
from ..schedule.plan import Plan
from ..schedule.products import Product
from .ir import (
    ZERO,
    Assign,
    Block,
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
    """Makes the tiles of one phase's products.

    Args:
        plan: the plan.
        memory: where values lie.
        routines: gets the tiles' routines, by name.
        loops: the phase's other statements; gets the names and constants that calls need.
    """

    def __init__(self, plan: Plan, memory: Memory, routines: dict[str, Routine], loops: Loops) -> None:
        self.plan = plan
        self.memory = memory
        self.routines = routines
        self.loops = loops

    def product(self, made: Product, finish: Sequence[Statement] = (), blocks: bool = False) -> Code:
        """The loops over all tiles.

        Args:
            made: the product.
            finish: statements that use every sum at once instead of storing it (an update).
            blocks: only the blocks from `first` to `last`.
        """
        call = self._routine(f"{self.memory.name(made.output)}_tile", made, finish)
        rows_tile, columns_tile = made.tile
        each = made.rows_each

        def rows(columns: int) -> Code:
            size = made.sizes.get(made.rows or "")
            return _tiled(made.rows, size, rows_tile // each, lambda r: [call(r * each, columns)])

        if made.columns is not None or made.across:
            code = _tiled(made.columns, made.sizes.get(made.columns or ""), columns_tile, rows)
        elif blocks:
            step, body = columns_tile * made.lanes, rows(columns_tile)
            code: Code = [Loop(made.vector, Index("last"), body, begin=Index("first"), step=step)]
        else:
            code = _tiled(made.vector, made.vectors, columns_tile, rows, made.lanes)
        if made.columns is not None and not made.across:
            code = [Loop(made.vector, whole(made.extent(made.vector)), code, step=made.lanes)]
        for index in reversed(made.outer):
            code = [Loop(index, _end(made, index), code)]
        return [Comment(made.statement.text), *code]

    def _routine(self, name: str, made: Product, finish: Sequence[Statement]) -> Callable[[int, int], CallTile]:
        """Makes the tile's routine; returns what makes a call of it."""
        own = Loops(self.plan, self.memory)
        if made.rows and made.within:
            each = made.rows_each
            own.put[made.rows] = Sum((Index(made.rows), Quotient(ROW, each)))
            own.put[made.within] = Remainder(ROW, each)
        elif made.rows:
            own.put[made.rows] = Sum((Index(made.rows), ROW))
        if made.columns:
            own.put[made.columns] = Sum((Index(made.columns), COLUMN))
        elif not made.across:
            own.lanes[made.vector] = Linear(((COLUMN, made.lanes),))
        rows, columns = made.tile
        body: Code = [
            DeclareArrays(f"vec{made.lanes}", (("sum", (rows, columns)),)),
            _each_sum(Assign(SUM, self._begun(made, own))),
            *self._summed(made, own),
            *(self._finished(made, own, finish) if finish else self._stored(made, own)),
        ]
        passed = self._passed(made, own, finish)
        parameters = (Parameter("R", "index"), Parameter("C", "index"), *(p for p, _ in passed))
        comment = f"a tile of {made.statement.text}"
        self.routines[name] = Routine(name, parameters, body, "always", comment, made.lanes)
        arguments = tuple(argument for _, argument in passed)
        return lambda rows, columns: CallTile(name, rows, columns, arguments)

    def _begun(self, made: Product, own: Loops) -> Node:
        """What a sum begins with."""
        if made.bias is None or made.across:
            return Zeros(made.lanes)
        bias = own.cell(made.bias)
        if made.bias.indices[0] == Symbol(made.vector):
            return LoadVector(bias, made.lanes)
        return Binary("+", Zeros(made.lanes), Load(bias))

    def _summed(self, made: Product, own: Loops) -> Code:
        """The loops over what is summed."""
        vec, (rows, columns) = f"vec{made.lanes}", made.tile
        right = Cell("right", COLUMN)
        load_right = _each(COLUMN, "C", Assign(right, LoadVector(own.cell(made.right), made.lanes)), "beside")
        if made.across:
            left = Cell("left", ROW)
            code: Code = [
                DeclareArrays(vec, (("left", (rows,)), ("right", (columns,)))),
                _each(ROW, "R", Assign(left, LoadVector(own.cell(made.left), made.lanes)), "beside"),
                load_right,
                _each_sum(Assign(SUM, Binary("*", Load(left), Load(right)), "+=")),
            ]
            code = [Loop(made.vector, whole(made.vectors * made.lanes), code, step=made.lanes)]
        else:
            base, left = self._rows_of(made, own)
            add = Assign(SUM, Binary("*", Variable("left"), Load(right)), "+=")
            each: Code = [Declare("real", "left", left, fixed=True), _each(COLUMN, "C", add, "below")]
            code = [
                DeclareArrays(vec, (("right", (columns,)),)),
                load_right,
                *base,
                Loop("row", Index("R"), each, unrolled=True),
            ]
        if made.skips:
            return without_zeros(made, code)
        for index in reversed(made.summed):
            code = [Loop(index, _end(made, index), code)]
        return code

    def _passed(self, made: Product, own: Loops, finish: Sequence[Statement]) -> list[tuple[Parameter, str]]:
        """What a tile is given besides its size, with what is passed for it."""
        passed: list[tuple[Parameter, str]] = []
        if made.skips:
            passed.append((Parameter("nonzero", "words"), "nonzero"))
        if made.skips and not made.over_samples:
            passed.append((Parameter("ahead", "ahead"), "ahead"))
        for value in own.used:
            target = self.memory.root(made.output) == value or any(self.memory.root(s.output) == value for s in finish)
            kind = "rows" if self.plan.values[value].home == "given" else "written" if target else "read"
            passed.append((Parameter(self.memory.name(value), kind), self.memory.name(value)))
            self.loops.used[value] = None
        for tree, constant in own.constants.known.items():
            passed.append((Parameter(constant, "real"), self.loops.constants.named(tree)))
        places = [*made.fixed, *made.outer, made.rows, made.columns, None if made.across else made.vector]
        passed += [(Parameter(i, "index"), i) for i in dict.fromkeys(i for i in places if i is not None)]
        if made.over_samples:
            passed.append((Parameter("rows", "index"), "rows"))
        return passed

    def _rows_of(self, made: Product, own: Loops) -> tuple[Code, Node]:
        """The single number for a row: for images beside a pointer, so that a compiler needs no register for each."""
        layout = self.plan.layouts[made.left.name]
        if len(layout.shape) < 3 or made.rows is None or made.sizes[made.rows] == SAMPLES:
            return [], own.element(made.left)
        places = made.left.indices[len(made.left.indices) - len(layout.shape) :]

        def apart(index: str) -> int:
            return sum((affine(p) or {}).get(index, 0) * s for p, s in zip(places, layout.strides, strict=True))

        row = linear({"row": apart(made.rows)}, {})
        first_row: dict[str, Integer] = {made.rows: Index(made.rows)}
        if made.within:
            each = made.rows_each
            row = linear(
                {made.rows: apart(made.rows), made.within: apart(made.within)},
                {made.rows: Quotient(ROW, each), made.within: Remainder(ROW, each)},
            )
            first_row[made.within] = ZERO
        put, own.put = own.put, own.put | first_row
        first = own.cell(made.left)
        own.put = put
        return [Point("base", first)], Load(Cell("base", row))

    def _stored(self, made: Product, own: Loops) -> Code:
        """Puts the sums where they belong."""
        adds = made.output in self.plan.totals
        target, value = own.cell(Element(made.output, made.statement.place)), Load(SUM)
        if made.across:
            across: Node = Lanes(value, made.lanes)
            if made.bias is not None:
                across = Binary("+", across, own.element(made.bias))
            return [_each_sum(Assign(target, across, "+=" if adds else "="))]
        rest = made.extent(made.vector) % made.lanes
        before: Code = []
        stored: Node = value
        if rest and made.block is None:
            before = [DeclareInside(rest, made.lanes)]
            stored = Inside(value, made.lanes)
            if made.vectors > 1:
                at = [Index(made.vector), *([own.lanes[made.vector]] if made.vector in own.lanes else [])]
                end = Sum((*at, whole(made.lanes)))
                stored = Choice((Compared(end, ">", whole(made.extent(made.vector))),), stored, value)
        if adds:
            stored = Binary("+", LoadVector(target, made.lanes), stored)
        return [*before, _each_sum(Assign(target, stored, lanes=made.lanes))]

    def _finished(self, made: Product, own: Loops, finish: Sequence[Statement]) -> Code:
        """Uses the sums at once, element by element."""
        row, lane = f"{self.memory.name(made.output)}_row", Index("lane")
        own.lanes[made.vector] = lane
        own.local[made.output] = Load(Cell(row, lane))
        # the statements' own letters: the place of each is the product's
        code: Code = []
        stores: Code = []
        place = made.statement.place
        letters = {i.name: own.put.get(i.name, Index(i.name)) for i in place if isinstance(i, Symbol)}
        for step in finish:
            for mine, theirs in zip(place, step.place, strict=True):
                if isinstance(mine, Symbol) and isinstance(theirs, Symbol):
                    own.put[theirs.name] = letters[mine.name]
                    if mine.name == made.vector:
                        own.lanes[theirs.name] = lane
            body, stored = own.chained([step], flat=False)
            code, stores = [*code, *body], [*stores, *stored]
            own.local[step.output] = Variable(own.variable(step.output))
        put = Assign(Cell(row, Linear(((COLUMN, made.lanes),))), Load(SUM), lanes=made.lanes)
        each: Code = [
            DeclareArrays("real", ((row, (made.tile[1] * made.lanes,)),)),
            _each(COLUMN, "C", put, "beside"),
            Loop("lane", Linear(((Index("C"), made.lanes),)), [*code, *stores], vector=True),
        ]
        return [Loop("row", Index("R"), each, unrolled=True)]


def _end(made: Product, index: str) -> Integer:
    size = made.sizes[index]
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
        size: how many values it takes, in units.
        tile: how many of them a tile has.
        body: makes the loop's body for a tile of so many.
        unit: how far the index goes for one.
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
