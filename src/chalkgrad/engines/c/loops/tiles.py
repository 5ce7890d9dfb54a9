"""Sums of products printed as C: a function for one tile of sums, and the loops that go over all tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....formula import Size
from ....formula.affine import affine
from ....formula.nodes import Element, Symbol
from ....program.statement import SAMPLES, Statement
from ..schedule.plan import Plan
from ..schedule.products import Product
from .loops import Loops
from .memory import Memory, linear
from .nests import Lines, braced, indented
from .zeros import without_zeros


class Tiles:
    """Prints the products of one phase.

    Args:
        plan: the plan.
        memory: where values lie.
        functions: gets the tiles' functions, by name.
        loops: the phase's other statements; gets the names and constants that calls need.
    """

    def __init__(self, plan: Plan, memory: Memory, functions: dict[str, Lines], loops: Loops) -> None:
        self.plan = plan
        self.memory = memory
        self.functions = functions
        self.loops = loops
        self.vectors: set[int] = set()

    def product(self, made: Product, finish: Sequence[Statement] = (), blocks: bool = False) -> Lines:
        """The loops over all tiles.

        Args:
            made: the product.
            finish: statements that use every sum at once instead of storing it (an update).
            blocks: only the blocks from `first` to `last`.
        """
        name = f"{self.memory.name(made.output)}_tile"
        call = self._function(name, made, finish)
        rows_tile, columns_tile = made.tile
        each = made.rows_each

        def rows(columns: int) -> Lines:
            size = made.sizes.get(made.rows or "")
            return _tiled(made.rows, size, rows_tile // each, lambda r: [call(r * each, columns)])

        if made.columns is not None or made.across:
            lines = _tiled(made.columns, made.sizes.get(made.columns or ""), columns_tile, rows)
        elif blocks:
            head = (
                f"for (int {made.vector} = first; {made.vector} < last; {made.vector} += {columns_tile * made.lanes})"
            )
            lines = braced(head, rows(columns_tile))
        else:
            lines = _tiled(made.vector, made.vectors, columns_tile, rows, made.lanes)
        if made.columns is not None and not made.across:
            end = made.extent(made.vector)
            head = f"for (int {made.vector} = 0; {made.vector} < {end}; {made.vector} += {made.lanes})"
            lines = braced(head, lines)
        for index in reversed(made.outer):
            size = made.sizes[index]
            lines = braced(f"for (int {index} = 0; {index} < {'rows' if size == SAMPLES else size}; {index}++)", lines)
        return [f"/* {made.statement.text} */", *lines]

    def _function(self, name: str, made: Product, finish: Sequence[Statement]) -> Callable[[int, int], str]:
        """Prints the tile's function; returns what prints a call of it."""
        own = Loops(self.plan, self.memory)
        vec = f"vec{made.lanes}"
        self.vectors.add(made.lanes)
        if made.rows and made.within:
            each = made.rows_each
            own.put |= {made.rows: f"{made.rows} + row / {each}", made.within: f"row % {each}"}
        elif made.rows:
            own.put[made.rows] = f"{made.rows} + row"
        if made.columns:
            own.put[made.columns] = f"{made.columns} + col"
        elif not made.across:
            own.lanes[made.vector] = f"col * {made.lanes}"
        most = made.tile
        begin = "0" if made.bias is None or made.across else own.element(made.bias)
        if made.bias is not None and not made.across and made.bias.indices[0] == Symbol(made.vector):
            begin = f"*(const {vec}u *)&{begin}"
        elif begin != "0":
            begin = f"({vec}){{0}} + {begin}"
        body = [f"{vec} sum[{most[0]}][{most[1]}];"]
        zero = f"({vec}){{0}}" if begin == "0" else begin
        body += ["EACH(row, R) EACH(col, C)", f"    sum[row][col] = {zero};"]
        right = f"*(const {vec}u *)&{own.element(made.right)}"
        if made.across:
            left = f"*(const {vec}u *)&{own.element(made.left)}"
            inner = [
                f"{vec} left[{most[0]}], right[{most[1]}];",
                f"EACH(row, R) left[row] = {left};",
                f"EACH(col, C) right[col] = {right};",
                "EACH(row, R) EACH(col, C)",
                "    sum[row][col] += left[row] * right[col];",
            ]
            index, end = made.vector, made.vectors * made.lanes
            inner = braced(f"for (int {index} = 0; {index} < {end}; {index} += {made.lanes})", inner)
        else:
            base, left = self._rows_of(made, own)
            inner = [
                f"{vec} right[{most[1]}];",
                f"EACH(col, C) right[col] = {right};",
                *base,
                *braced(
                    "EACH(row, R)",
                    [
                        f"const real left = {left};",
                        "EACH(col, C)",
                        "    sum[row][col] += left * right[col];",
                    ],
                ),
            ]
        if made.skips:
            inner = without_zeros(made, inner)
        for index in () if made.skips else reversed(made.summed):
            size = made.sizes[index]
            inner = braced(f"for (int {index} = 0; {index} < {'rows' if size == SAMPLES else size}; {index}++)", inner)
        body += inner
        body += self._finished(made, own, finish) if finish else self._stored(made, own, vec)
        arguments = ["const int R", "const int C"]
        passed: list[str] = []
        if made.skips:
            arguments.append("const uint32_t *const nonzero")
            passed.append("nonzero")
        if made.skips and not made.over_samples:
            arguments.append("const char *const *const ahead")
            passed.append("ahead")
        for value in own.used:
            kind = self.plan.values[value]
            target = self.memory.root(made.output) == value or any(self.memory.root(s.output) == value for s in finish)
            plain = "real *const" if target else "const real *const"
            arguments.append(
                f"{'const real *const *const' if kind.home == 'given' else plain} {self.memory.name(value)}"
            )
            passed.append(self.memory.name(value))
            self.loops.used[value] = None
        for text, constant in own.constants.known.items():
            arguments.append(f"const real {constant}")
            passed.append(self.loops.constants.named(text))
        places = [*made.outer, made.rows, made.columns, None if made.across else made.vector]
        for index in dict.fromkeys(i for i in places if i is not None):
            arguments.append(f"const int {index}")
            passed.append(index)
        if made.over_samples:
            arguments.append("const int rows")
            passed.append("rows")
        self.functions[name] = [
            f"/* a tile of {made.statement.text} */",
            f"static ALWAYS void {name}({', '.join(arguments)}) {{",
            *indented(body),
            "}",
        ]

        def call(rows: int, columns: int) -> str:
            return f"{name}({', '.join([str(rows), str(columns), *passed])});"

        return call

    def _rows_of(self, made: Product, own: Loops) -> tuple[Lines, str]:
        """The single number for a row: for images beside a pointer, so that a compiler needs no register for each."""
        layout = self.plan.layouts[made.left.name]
        if len(layout.shape) < 3 or made.rows is None or made.sizes[made.rows] == SAMPLES:
            return [], own.element(made.left)
        places = made.left.indices[len(made.left.indices) - len(layout.shape) :]

        def apart(index: str) -> int:
            return sum((affine(p) or {}).get(index, 0) * s for p, s in zip(places, layout.strides, strict=True))

        row, first_row = {"row": apart(made.rows)}, {made.rows: made.rows}
        if made.within:
            each = made.rows_each
            row = {f"row / {each}": apart(made.rows), f"row % {each}": apart(made.within)}
            first_row[made.within] = "0"
        put, own.put = own.put, own.put | first_row
        first = own.element(made.left)
        own.put = put
        return [f"const real *const base = &{first};"], f"base[{linear(row, {})}]"

    def _stored(self, made: Product, own: Loops, vec: str) -> Lines:
        """Puts the sums where they belong."""
        adds = made.output in self.plan.totals
        target = own.element(Element(made.output, made.statement.place))
        if made.across:
            bias = "" if made.bias is None else f" + {own.element(made.bias)}"
            return [
                "EACH(row, R) EACH(col, C)",
                f"    {target} {'+=' if adds else '='} {vec}_sum(sum[row][col]){bias};",
            ]
        rest = made.extent(made.vector) % made.lanes
        value = "sum[row][col]"
        before: Lines = []
        if rest and made.block is None:
            ones = ", ".join(["-1"] * rest + ["0"] * (made.lanes - rest))
            before = [f"static const bits{made.lanes} inside = {{{ones}}}; /* behind the last stand zeros */"]
            lane = own.lanes.get(made.vector)
            at = f"{made.vector} + {lane}" if lane else made.vector
            kept = f"({vec})((bits{made.lanes}){value} & inside)"
            value = (
                kept if made.vectors == 1 else f"{at} + {made.lanes} > {made.extent(made.vector)} ? {kept} : {value}"
            )
        if adds:
            value = (
                f"*(const {vec}u *)&{target} + ({value})" if " ? " in value else f"*(const {vec}u *)&{target} + {value}"
            )
        return [*before, "EACH(row, R) EACH(col, C)", f"    *({vec}u *)&{target} = {value};"]

    def _finished(self, made: Product, own: Loops, finish: Sequence[Statement]) -> Lines:
        """Uses the sums at once, element by element."""
        width = made.tile[1] * made.lanes
        name = self.memory.name(made.output)
        own.lanes[made.vector] = "lane"
        own.local[made.output] = f"{name}_row[lane]"
        vec = f"vec{made.lanes}"
        # the statements' own letters: the place of each is the product's
        lines: Lines = []
        stores: Lines = []
        place = made.statement.place
        letters = {i.name: own.put.get(i.name, i.name) for i in place if isinstance(i, Symbol)}
        for step in finish:
            for mine, theirs in zip(place, step.place, strict=True):
                if isinstance(mine, Symbol) and isinstance(theirs, Symbol):
                    own.put[theirs.name] = letters[mine.name]
                    if mine.name == made.vector:
                        own.lanes[theirs.name] = "lane"
            body, stored = own.chained([step], flat=False)
            lines, stores = [*lines, *body], [*stores, *stored]
            own.local[step.output] = (
                self.memory.name(step.output)
                if step.output in self.plan.updated
                else f"{self.memory.name(step.output)}_"
            )
        return [
            *braced(
                "EACH(row, R)",
                [
                    f"real {name}_row[{width}];",
                    f"EACH(col, C) *({vec}u *)&{name}_row[col * {made.lanes}] = sum[row][col];",
                    "SIMD",
                    *braced(f"for (int lane = 0; lane < C * {made.lanes}; lane++)", [*lines, *stores]),
                ],
            )
        ]


def _tiled(index: str | None, size: Size | None, tile: int, body: Callable[[int], Lines], unit: int = 1) -> Lines:
    """Loops over an index in tiles: whole ones, and what is left.

    Args:
        index: the index; None for a single tile.
        size: how many values it takes, in units.
        tile: how many of them a tile has.
        body: prints the loop's body for a tile of so many.
        unit: how far the index goes for one.
    """
    if index is None or size is None:
        return body(1)
    if size == SAMPLES:
        if tile == 1:
            return braced(f"for (int {index} = 0; {index} < rows; {index}++)", body(1))
        whole = braced(f"if ({index} + {tile} <= rows)", [*body(tile), f"{index} += {tile};"])
        rest = braced("else", [*body(1), f"{index}++;"])
        return braced(f"for (int {index} = 0; {index} < rows;)", [*whole, *rest])
    count = int(size)
    full = count // tile * tile
    lines: Lines = []
    if full:
        step = f"{index} += {tile * unit}" if tile * unit > 1 else f"{index}++"
        lines += braced(f"for (int {index} = 0; {index} < {full * unit}; {step})", body(tile))
    if count > full:
        lines += ["{", *indented([f"const int {index} = {full * unit};", *body(count - full)]), "}"]
    return lines
