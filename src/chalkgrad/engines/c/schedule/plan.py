"""What runs when, and where every value lies: a program's statements put into phases.

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
from ....formula.nodes import Binary, Element, Node, Number, Reduction, Symbol
from ....formula.rewrite import replaced, rewritten
from ....program.statement import SAMPLES, Statement, names_in, statement_of
from .arrangement import Work, arrange, by_blocks, needed_by
from .fusing import fused
from .layouts import Frame, Layout, compact
from .products import Machine, Product
from .wanted import Wanted

NEAR = 768 * 1024
"""About how many bytes of values the samples that are taken together may have."""
OUTSIDE = ("lr", "t", "clock", SAMPLES)
"""What is one number for a whole step."""


@dataclass(slots=True)
class Phase:
    """Statements between two moments at which all threads wait for each other.

    Attributes:
        kind: "rows", "blocks", "shared", "report" or "update".
        statements: they, in order.
    """

    kind: str
    statements: list[Statement]


@dataclass(frozen=True, slots=True)
class Value:
    """One named value in memory.

    Attributes:
        name: its name.
        home: "given" (rows that come from outside), "carried" (from step to step), "chunk" (for the samples that are
            taken together), "batch" (for the whole batch), "part" (the sum over a part's samples), "own" (every
            thread's own), "result" (rows that go outside).
        layout: where its elements lie, for one sample where it has samples; None for a single number.
        sampled: whether it has samples.
    """

    name: str
    home: str
    layout: Layout | None
    sampled: bool


@dataclass(slots=True)
class Plan:
    """All that has to be known to print a program.

    Attributes:
        phases: in order.
        values: every value that is kept in memory, by name.
        aliases: names of the same memory: a flattened value is the value itself.
        products: the statements that are computed in tiles, by what they set.
        totals: for the name of a sum over the samples, the name of its parts' sums.
        updated: for every new value that is carried on, the value that it takes the place of.
        results: what is handed out row by row (predictions).
        chunk: how many samples are taken together.
        machine: what it is made for.
        layouts: how each name's elements lie; that of an alias too.
        frames: what the products asked for.
        channels: the images whose channels lie side by side.
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


def plan(wanted: Wanted, machine: Machine) -> Plan:
    """Puts steps into phases.

    In a training, products with large weight matrices are split by the matrices' blocks.

    Args:
        wanted: what is to be computed.
        machine: what it is made for.
    """
    shapes, updated, carried = wanted.shapes, wanted.updated, wanted.carried
    work = Work([statement_of(s, shapes) for s in wanted.steps], dict(shapes))
    _inline_uniform(work, wanted.results)
    results = _handed_out(work, wanted.results)
    work.statements = fused(work.statements, {*results, *carried, *updated})
    if wanted.sparse:
        work.sparse = frozenset({"x", *(s.output for s in work.statements if _flattens_x(s))})
    arrange(work, machine, updated, results, wanted.parts)
    widest = max((layout.size for layout in work.layouts.values()), default=0)
    # the whole batch is indexed with 32 bits
    blocks = wanted.data_loss is not None and wanted.batch * widest < 2**31
    large = by_blocks(work, machine, updated) if blocks else frozenset[str]()
    _split_sums(work, large)
    phases = _phases(work, carried, large)
    values, chunk = _places(work, phases, carried, updated, results, wanted.batch, machine)
    layouts = {name: value.layout for name, value in values.items() if value.layout is not None}
    for name, root in work.aliases.items():
        layouts[name] = compact(tuple(int(s) for s in work.shapes[name][1:]), layouts[root].size)
    layouts.update({new: layouts[old] for new, old in updated.items()})
    for name, layout in work.layouts.items():
        layouts.setdefault(name, layout)
    for made in work.statements:
        if made.output not in layouts:
            layouts[made.output] = compact(tuple(int(s) for s in work.shapes[made.output] if s != SAMPLES))
    return Plan(
        phases, values, work.aliases, work.products, work.totals, dict(updated), tuple(results), chunk, machine,
        layouts, work.frames, work.channels,
    )  # fmt: skip


def _flattens_x(made: Statement) -> bool:
    return made.step.rule.reshapes and made.step.inputs[0] == "x"


def _inline_uniform(work: Work, results: Sequence[str]) -> None:
    """Puts what is the same for all samples (dl = 1/N) where it is used."""
    kept: list[Statement] = []
    uniform: dict[str, Node] = {}

    def change(node: Node) -> Node:
        return uniform.get(node.name, node) if isinstance(node, Element) else node

    for made in work.statements:
        if not made.reads.isdisjoint(uniform):
            made = replace(made, body=rewritten(made.body, change))
        drawn = made.step.rule.formula is None
        if made.by_sample and not drawn and names_in(made.body) <= {SAMPLES} and made.output not in results:
            uniform[made.output] = made.body
        else:
            kept.append(made)
    work.statements = kept


def _handed_out(work: Work, results: Sequence[str]) -> tuple[str, ...]:
    """Adds statements that copy results to where they are wanted, row by row."""
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
    kept: list[Statement] = []
    for made in work.statements:
        sums = made.over_samples
        if not sums or made.output in large or made.by_sample:
            kept.append(made)
            continue
        (total,) = sums
        sample = made.sample
        name = f"{made.output}_part"
        rest = tuple(i for i in total.indices if i != sample)
        inner = Reduction("sum", rest, total.body) if rest else total.body
        used = names_in(inner) & set(made.sizes)
        place = tuple(i for i in made.place if isinstance(i, Symbol) and i.name in used)
        loops = tuple(i.name for i in place)
        sizes = dict(made.sizes)
        work.totals[name] = made.output
        partial = replace(made, output=name, place=place, body=inner, loops=loops, adds=True)
        work.shapes[name] = tuple(made.sizes[i] for i in loops)
        if made.output in work.layouts:
            work.layouts[name] = work.layouts[made.output]
        here = Element(name, place) if place else Symbol(name)
        if total.kind == "mean":
            count: Node = Number(float(math.prod(s for i in rest if isinstance(s := sizes[i], int))))
            count = Binary("*", Symbol(SAMPLES), count)
            finished: Node = Binary("/", here, count)
        else:
            finished = here
        kept.append(partial)
        without_sample = {index: size for index, size in sizes.items() if index != sample}
        kept.append(replace(made, body=replaced(made.body, total, finished), sizes=without_sample))
        if made.output in work.products:
            chosen = work.products.pop(made.output)
            work.products[name] = replace(chosen, statement=replace(chosen.statement, output=name))
    work.statements = kept


def _phases(
    work: Work,
    carried: Mapping[str, Shape],
    large: Collection[str],
) -> list[Phase]:
    have = {"x", "y", *carried, *OUTSIDE}
    have |= {a for a, root in work.aliases.items() if root in have}
    left = list(work.statements)
    phases: list[Phase] = []

    def root(name: str) -> str:
        return work.aliases.get(name, name)

    def reads(made: Statement) -> set[str]:
        return {root(n) for n in made.reads if n not in made.sizes}

    def rowwise(made: Statement) -> bool:
        return made.by_sample or made.output in work.totals

    while any(rowwise(s) for s in left):
        # first what later samples need and that is there already, so that these need not wait for it
        kind = "shared"
        taken: list[Statement] = []
        made_here: set[str] = set()
        needed: set[str] = {n for s in left if rowwise(s) for n in reads(s)}
        for made in reversed(left):
            if not rowwise(made) and made.output in needed:
                needed |= reads(made)
        for made in left:
            if not rowwise(made) and made.output in needed and reads(made) <= have | made_here:
                taken.append(made)
                made_here.add(made.output)
        if not taken:
            kind = "rows"
            for made in left:
                if rowwise(made) and made.output not in large and reads(made) <= have | made_here:
                    taken.append(made)
                    if made.output not in work.totals:
                        made_here.add(made.output)
        if not taken:
            kind = "blocks"
            taken = [s for s in left if rowwise(s) and reads(s) <= have][:1]
        assert taken, f"nothing can be computed of {[s.text for s in left]}"
        phases.append(Phase(kind, taken))
        have |= {s.output for s in taken}
        gone = {id(s) for s in taken}  # comparing statements would walk through both
        left = [s for s in left if id(s) not in gone]
    chains = {s.output for s in left if (s.pointwise or s.output in large) and work.shapes[s.output]}
    chains -= needed_by(left, [s for s in left if s.output not in chains])
    report = [s for s in left if s.output not in chains]
    phases.append(Phase("report", report))
    phases.append(Phase("update", [s for s in left if s.output in chains]))
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
    """Where every value lies, and how many samples are taken together."""

    def root(name: str) -> str:
        return work.aliases.get(name, name)

    def layout(name: str) -> Layout:
        shape = work.shapes[name]
        if name in work.layouts:
            return work.layouts[name]
        if shape and shape[0] == SAMPLES:
            own = work.sample(name, machine.lanes)
            if own.compact:  # a flattened value may need more
                for other, source in work.aliases.items():
                    if source == name and other in work.frames:
                        own = compact(own.shape, max(own.size, work.sample(other, machine.lanes).size))
            return own
        return compact(tuple(int(s) for s in shape))

    values: dict[str, Value] = {}
    for name in ("x", "y"):
        values[name] = Value(name, "given", compact(tuple(int(s) for s in work.shapes[name][1:])), True)
    for name in carried:
        values[name] = Value(name, "carried", layout(name), False)
    where: dict[str, set[int]] = {}
    for at, phase in enumerate(phases):
        for made in phase.statements:
            for name in [made.output, *made.reads]:
                where.setdefault(root(name), set()).add(at)
    bytes_of_one = 0
    for at, phase in enumerate(phases):
        for made in phase.statements:
            name = made.output
            shape = work.shapes[name]
            if name in updated or name in values:
                continue
            if name in work.totals:
                values[name] = Value(name, "part", layout(name) if shape else None, False)
            elif shape and shape[0] == SAMPLES:
                kept = layout(name)
                alone = phase.kind == "rows" and where[name] == {at}
                home = "result" if name in results else "chunk" if alone else "batch"
                values[name] = Value(name, home, kept, True)
                bytes_of_one += kept.size * machine.real * (home == "chunk")
            elif phase.kind != "update":
                values[name] = Value(name, "own", layout(name) if shape else None, False)
    chunk = max(1, min(32, NEAR // max(bytes_of_one, 1)))
    chunk = chunk // 4 * 4 if chunk >= 4 else chunk
    return values, max(1, min(chunk, batch))
