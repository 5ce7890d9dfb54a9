"""The plan of a program: its statements in phases, and a place for every value.

Samples are independent of each other until something is summed over them. So a run of statements goes through the
samples a few at a time, from the input as far as it can, while all it needs is near (`rows`). What is summed over the
samples is first summed by every part of the batch for itself; then all parts wait for each other. Values without
samples that later samples need (the statistics of a batch normalisation) are computed by every thread for itself
(`shared`). A product with a large weight matrix is split by the matrix's blocks instead, which so stay with the thread
that updates them (`blocks`). At the end stand the loss, with
whatever else is one number for the whole step (`report`), and the updates (`update`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ....formula import Shape
from ....formula.nodes import Binary, Element, Node, Number, Reduction, Symbol, walk
from ....formula.rewrite import at, replaced, rewritten
from ....program import Loop
from ....program.loops import segments
from ....program.names import GIVEN
from ....program.statement import SAMPLES, Statement, names_in, statement_of
from .arrangement import Work, arrange, by_blocks, needed_by
from .copies import without_copies
from .fusing import fused
from .layouts import Frame, Layout, at_one_time, compact
from .products import Machine, Product
from .request import Request
from .shared import with_shared
from .times import in_time, of_one_time, taken_out, together

NEAR = 768 * 1024
"""The most bytes, about, of the values of samples that are taken together."""
IN_LOOPS = 16
"""At least so many are taken together where a loop over time multiplies by a matrix, which so is read less often."""
OUTSIDE = ("lr", "t", "clock", SAMPLES)
"""The names of single numbers for a whole step."""


@dataclass(slots=True)
class Phase:
    """Statements between two moments at which all threads wait for each other.

    Attributes:
        kind: "rows", "blocks", "shared", "report" or "update".
        statements: the statements in order.
    """

    kind: str
    statements: list[Statement]


@dataclass(frozen=True, slots=True)
class Value:
    """One named value in memory.

    Attributes:
        name: its name.
        home: "given" (rows that come from outside), "carried" (from step to step), "kept" (carried, and read where the
            caller keeps it), "chunk" (for the samples that are taken together), "batch" (for the whole batch), "part"
            (the sum over a part's samples), "own" (every thread's own), "result" (rows that go outside).
        layout: the layout of its elements, for one sample where it has samples; None for a single number.
        sampled: whether it has samples.
        ids: whether its elements are ids, whole numbers.
    """

    name: str
    home: str
    layout: Layout | None
    sampled: bool
    ids: bool = False


@dataclass(slots=True)
class Plan:
    """The plan from which a program is printed.

    Attributes:
        phases: the phases in order.
        values: every value that is kept in memory, by name.
        aliases: names of the same memory: a flattened value is the value itself.
        products: the statements that are computed in tiles, by what they set.
        totals: for the name of a sum over the samples, the name of its parts' sums.
        updated: for every new value that is carried on, the value that it takes the place of.
        results: the values that are handed out row by row (predictions).
        chunk: the number of samples that are taken together.
        machine: the machine that runs it.
        layouts: the layout of each name's elements, of an alias too.
        frames: the frames that the products need.
        channels: the images whose channels lie side by side.
        loops: for what a loop over time computes, the loop.
    """

    phases: list[Phase]
    values: dict[str, Value]
    aliases: dict[str, str]
    products: dict[str, Product]
    totals: dict[str, str]
    updated: dict[str, str]
    results: tuple[str, ...]
    chunk: int
    machine: Machine
    layouts: dict[str, Layout]
    frames: dict[str, Frame]
    channels: frozenset[str]
    loops: dict[str, Loop]

    def together(self, statements: Sequence[Statement]) -> list[list[Statement]]:
        """The statements in order, those of a loop over time in one list, the others alone."""
        return together(statements, self.loops)


def plan(request: Request, machine: Machine) -> Plan:
    """The plan of a request.

    In a training, products with large weight matrices are split by the matrices' blocks.

    Args:
        request: what is to be computed.
        machine: the machine that runs it.
    """
    shapes, updated, carried = request.shapes, request.updated, request.carried
    loops = {s.output: loop for loop in segments(request.steps) if isinstance(loop, Loop) for s in loop.steps}
    statements = [statement_of(s, shapes) for s in request.steps]
    work = Work([in_time(s) if s.output in loops else s for s in statements], dict(shapes), loops)
    work.statements = taken_out(work.statements, work.loops, work.shapes)
    _read_ids_in_rows(work, request.results)
    _inline_uniform(work, request.results)
    results = _handed_out(work, request.results)
    work.statements = without_copies(work.statements, work.shapes, {*results, *carried, *updated, *loops})
    work.statements = with_shared(work.statements, work.shapes, work.loops)
    work.statements = fused(work.statements, {*results, *carried, *updated, *loops})
    if request.sparse:
        work.sparse = frozenset({"x", *(s.output for s in work.statements if _flattens_x(s))})
    arrange(work, machine, updated, results, 0 if request.in_place else request.parts)
    widest = max((layout.size for layout in work.layouts.values()), default=0)
    # the whole batch is indexed with 32 bits
    blocks = request.data_loss is not None and request.batch * widest < 2**31
    large = by_blocks(work, machine, updated) if blocks else frozenset[str]()
    _split_sums(work, large)
    phases = _phases(work, carried, large)
    values, chunk = _places(work, phases, carried, updated, results, request.batch, machine)
    if request.of_ids:
        values["x"] = replace(values["x"], ids=True)
    for name in carried if request.in_place else ():
        layout = values[name].layout
        if layout is not None and layout.compact:
            values[name] = replace(values[name], home="kept")
    layouts = {name: value.layout for name, value in values.items() if value.layout is not None}
    for name, root in work.aliases.items():
        layouts[name] = compact(tuple(int(s) for s in work.shapes[name][1:]), layouts[root].size)
    layouts.update({new: layouts[old] for new, old in updated.items()})
    for name, layout in work.layouts.items():
        layouts.setdefault(name, layout)
    for statement in work.statements:
        if statement.output not in layouts:
            layouts[statement.output] = compact(tuple(int(s) for s in work.shapes[statement.output] if s != SAMPLES))
    return Plan(
        phases, values, work.aliases, work.products, work.totals, dict(updated), tuple(results), chunk, machine,
        layouts, work.frames, work.channels, work.loops,
    )  # fmt: skip


def _flattens_x(statement: Statement) -> bool:
    return statement.step.rule.reshapes and statement.step.inputs[0] == "x"


def _inline_uniform(work: Work, results: Sequence[str]) -> None:
    """Puts what is the same for all samples (dl = 1/N) where it is used."""
    statements: list[Statement] = []
    uniform: dict[str, Node] = {}

    def change(node: Node) -> Node:
        return uniform.get(node.name, node) if isinstance(node, Element) else node

    for statement in work.statements:
        if not statement.reads.isdisjoint(uniform):
            statement = replace(statement, body=rewritten(statement.body, change))
        draws = statement.step.rule.formula is None
        if (
            statement.by_sample
            and not draws
            and names_in(statement.body) <= {SAMPLES}
            and statement.output not in results
        ):
            uniform[statement.output] = statement.body
        else:
            statements.append(statement)
    work.statements = statements


def _read_ids_in_rows(work: Work, results: Sequence[str]) -> None:
    """Reads ids in the samples' rows where they are used: taken out of them they would be real numbers."""
    taken = {s.output: s for s in work.statements if s.step.value.dtype == "int" and s.output not in results}
    if not taken:
        return

    def change(node: Node) -> Node:
        if not isinstance(node, Element) or node.name not in taken:
            return node
        source = taken[node.name]
        letters = [index.name for index in source.place if isinstance(index, Symbol)]
        return at(source.body, dict(zip(letters, node.indices, strict=True)))

    work.statements = [
        s
        if s.reads.isdisjoint(taken)
        else replace(s, body=rewritten(s.body, change), place=tuple(rewritten(p, change) for p in s.place))
        for s in work.statements
        if s.output not in taken
    ]


def _handed_out(work: Work, results: Sequence[str]) -> tuple[str, ...]:
    """Adds statements that copy results to where they are handed out, row by row; returns the copies' names."""
    names: list[str] = []
    for name in results:
        source = next(s for s in work.statements if s.output == name)
        letters = ("n", *(f"i{k}" for k in range(len(work.shapes[name]) - 1)))
        place, copy = tuple(map(Symbol, letters)), f"{name}_out"
        sizes = dict(zip(letters, work.shapes[name], strict=True))
        text = f"{copy} = {name}, handed out"
        work.statements.append(Statement(copy, place, Element(name, place), sizes, letters, False, text, source.step))
        work.shapes[copy] = work.shapes[name]
        names.append(copy)
    return tuple(names)


def _split_sums(work: Work, large: Collection[str]) -> None:
    """Makes of every sum over the samples the parts' own sums, and their total."""
    statements: list[Statement] = []
    for statement in work.statements:
        if statement.adds and statement.sample is not None and not statement.by_sample:
            statements += _added(work, statement)
            continue
        sums = statement.over_samples
        if not sums or statement.output in large or statement.by_sample:
            statements.append(statement)
            continue
        (total,) = sums
        sample = statement.sample
        name = f"{statement.output}_part"
        rest = tuple(i for i in total.indices if i != sample)
        by_rows = rest and _by_rows(statement, total) and statement.output not in work.products
        inner = Reduction("sum", rest, total.body) if rest and not by_rows else total.body
        names = names_in(inner) & set(statement.sizes)
        place = tuple(i for i in statement.place if isinstance(i, Symbol) and i.name in names)
        loops = tuple(i.name for i in place)
        shape = tuple(statement.sizes[i] for i in loops)
        loops = (*rest, *loops) if by_rows else loops
        sizes = dict(statement.sizes)
        work.totals[name] = statement.output
        partial = replace(statement, output=name, place=place, body=inner, loops=loops, adds=True)
        work.shapes[name] = shape
        if statement.output in work.layouts:
            work.layouts[name] = work.layouts[statement.output]
        element = Element(name, place) if place else Symbol(name)
        if total.kind == "mean":
            count: Node = Number(float(math.prod(s for i in rest if isinstance(s := sizes[i], int))))
            count = Binary("*", Symbol(SAMPLES), count)
            result: Node = Binary("/", element, count)
        else:
            result = element
        statements.append(partial)
        without_sample = {index: size for index, size in sizes.items() if index != sample}
        statements.append(replace(statement, body=replaced(statement.body, total, result), sizes=without_sample))
        if statement.output in work.products:
            tiling = work.products.pop(statement.output)
            work.products[name] = replace(tiling, statement=replace(tiling.statement, output=name))
    work.statements = statements


def _by_rows(statement: Statement, total: Reduction) -> bool:
    """Whether neighbours in memory are neighbours in what is set, so that whole rows are added to it."""
    last = statement.place[-1:]
    elements = [n for n in walk(total.body) if isinstance(n, Element)]
    return (
        bool(last)
        and total.kind == "sum"
        and total == statement.body
        and all(e.indices[-1:] == last or not names_in(e) & set(total.indices) for e in elements)
    )


def _added(work: Work, statement: Statement) -> tuple[Statement, Statement]:
    """The parts' own sums of what is added where ids say, and their total."""
    name, shape = f"{statement.output}_part", work.shapes[statement.output]
    work.totals[name], work.shapes[name] = statement.output, shape
    if statement.output in work.layouts:
        work.layouts[name] = work.layouts[statement.output]
    sizes = {f"i{axis}": size for axis, size in enumerate(shape)}
    place = tuple(map(Symbol, sizes))
    total = replace(statement, place=place, body=Element(name, place), sizes=sizes, loops=tuple(sizes), adds=False)
    return replace(statement, output=name), total


def _phases(
    work: Work,
    carried: Mapping[str, Shape],
    large: Collection[str],
) -> list[Phase]:
    inputs = {*GIVEN, *carried, *OUTSIDE}
    inputs |= {a for a, root in work.aliases.items() if root in inputs}
    rest = list(work.statements)
    phases: list[Phase] = []

    def root(name: str) -> str:
        return work.aliases.get(name, name)

    def reads(statement: Statement) -> set[str]:
        return {root(n) for n in statement.reads if n not in statement.sizes}

    def rowwise(statement: Statement) -> bool:
        return statement.by_sample or statement.output in work.totals

    while any(rowwise(s) for s in rest):
        # first what later samples need and that is there already, so that these need not wait for it
        kind = "shared"
        statements: list[Statement] = []
        outputs: set[str] = set()
        names: set[str] = {n for s in rest if rowwise(s) for n in reads(s)}
        for statement in reversed(rest):
            if not rowwise(statement) and statement.output in names:
                names |= reads(statement)
        for statement in rest:
            if not rowwise(statement) and statement.output in names and reads(statement) <= inputs | outputs:
                statements.append(statement)
                outputs.add(statement.output)
        if not statements:
            kind = "rows"
            for group in together(rest, work.loops):
                own = {s.output for s in group}
                needs = {name for s in group for name in reads(s)} - (own if len(group) > 1 else set())
                if all(rowwise(s) for s in group) and not own & set(large) and needs <= inputs | outputs:
                    statements += group
                    outputs |= own - set(work.totals)
        if not statements:
            kind = "blocks"
            statements = [s for s in rest if rowwise(s) and reads(s) <= inputs][:1]
        assert statements, f"nothing can be computed of {[s.text for s in rest]}"
        phases.append(Phase(kind, statements))
        inputs |= {s.output for s in statements}
        ids = {id(s) for s in statements}  # comparing statements would walk through both
        rest = [s for s in rest if id(s) not in ids]
    chains = {s.output for s in rest if (s.pointwise or s.output in large) and work.shapes[s.output]}
    chains -= needed_by(rest, [s for s in rest if s.output not in chains])
    report = [s for s in rest if s.output not in chains]
    phases.append(Phase("report", report))
    phases.append(Phase("update", [s for s in rest if s.output in chains]))
    return phases


def _places(
    work: Work,
    phases: Sequence[Phase],
    carried: Mapping[str, Shape],
    updated: Mapping[str, str],
    results: Sequence[str],
    batch: int,
    machine: Machine,
) -> tuple[dict[str, Value], int]:
    """The place of every value, and the number of samples that are taken together."""

    def root(name: str) -> str:
        return work.aliases.get(name, name)

    def layout(name: str) -> Layout:
        shape = work.shapes[name]
        if name in work.layouts:
            return work.layouts[name]
        if name in passing:
            return at_one_time(shape, work.frames.get(name), machine.lanes)
        if shape and shape[0] == SAMPLES:
            own = work.sample(name, machine.lanes)
            if own.compact:  # a flattened value may need more
                for other, source in work.aliases.items():
                    if source == name and other in work.frames:
                        own = compact(own.shape, max(own.size, work.sample(other, machine.lanes).size))
            return own
        return compact(tuple(int(s) for s in shape))

    passing = of_one_time(work.statements, work.loops) - {*work.aliases, *work.aliases.values()}
    values: dict[str, Value] = {}
    for name in (n for n in GIVEN if n in work.shapes):
        values[name] = Value(name, "given", compact(tuple(int(s) for s in work.shapes[name][1:])), True)
    for name in carried:
        values[name] = Value(name, "carried", layout(name), False)
    phases_of: dict[str, set[int]] = {}
    for place, phase in enumerate(phases):
        for statement in phase.statements:
            for name in [statement.output, *statement.reads]:
                phases_of.setdefault(root(name), set()).add(place)
    bytes_of_one = 0
    for place, phase in enumerate(phases):
        for statement in phase.statements:
            name = statement.output
            shape = work.shapes[name]
            if name in updated or name in values:
                continue
            if name in work.totals:
                values[name] = Value(name, "part", layout(name) if shape else None, False)
            elif shape and shape[0] == SAMPLES:
                sample = layout(name)
                alone = phase.kind == "rows" and phases_of[name] == {place}
                home = "result" if name in results else "chunk" if alone else "batch"
                values[name] = Value(name, home, sample, True)
                bytes_of_one += sample.size * machine.real * (home == "chunk")
            elif phase.kind != "update":
                values[name] = Value(name, "own", layout(name) if shape else None, False)
    least = IN_LOOPS if any(p.fixed for p in work.products.values()) else 1
    chunk = max(least, min(32, NEAR // max(bytes_of_one, 1)))
    chunk = chunk // 4 * 4 if chunk >= 4 else chunk
    return values, max(1, min(chunk, batch))
