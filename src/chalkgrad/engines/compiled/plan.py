"""What runs when, and where every value lies: a program's statements put into phases.

Samples are independent of each other until something is summed over them. So a run of statements goes through the
samples a few at a time, from the input as far as it can, while all it needs is near (`rows`). What is summed over the
samples is first summed by every part of the batch for itself; then all parts wait for each other. Values without
samples that later samples need (the statistics of a batch normalisation) are computed by every thread for itself
(`shared`). A product with a large weight matrix is split by the matrix's blocks instead, which so stay with the thread
that updates them (`blocks`). At the end stand the loss (`report`) and the updates (`update`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...formula import Shape
from ...formula.nodes import Binary, Element, Node, Number, Reduction, Symbol
from ...program import Step
from .fusing import elements, fused, pointwise
from .layouts import Frame, Layout, compact, compact_strides, framed, multiple
from .products import LEAST, Machine, Product, factors, gathered, indices_of, product
from .statements import SAMPLES, Statement, names_in, renamed, rewritten, span, statement

LARGE = 32 * 1024
"""Weight matrices of at least so many bytes are split by blocks."""
LEFT_OVER = 1.1
"""How much wider than the matrix its blocks may be."""
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


@dataclass(slots=True)
class _Work:
    statements: list[Statement]
    shapes: dict[str, Shape]
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    totals: dict[str, str] = field(default_factory=dict[str, str])
    layouts: dict[str, Layout] = field(default_factory=dict[str, Layout])
    products: dict[str, Product] = field(default_factory=dict[str, Product])
    frames: dict[str, Frame] = field(default_factory=dict[str, Frame])


def plan(
    steps: Sequence[Step],
    shapes: Mapping[str, Shape],
    carried: Mapping[str, Shape],
    updated: Mapping[str, str],
    results: Sequence[str],
    batch: int,
    machine: Machine,
    parts: int,
    blocks: bool,
) -> Plan:
    """Puts steps into phases.

    Args:
        steps: the steps that are needed, in order.
        shapes: the shape of every named value.
        carried: what lasts from step to step, with its shape.
        updated: for every new value that is carried on, the value that it takes the place of.
        results: values with samples that are handed out.
        batch: the most samples in a step.
        machine: what it is made for.
        parts: into how many parts a batch is split.
        blocks: whether products with large weight matrices are split by the matrices' blocks.
    """
    work = _Work([_stated(s, shapes) for s in steps], dict(shapes))
    _inline_uniform(work, results)
    results = _handed_out(work, results)
    work.statements = fused(work.statements, {*results, *carried, *updated})
    work.layouts = _weights(work, machine, parts)
    _turn(work, machine)
    _same_layouts(work, updated)
    for made in work.statements:
        _choose(work, made, machine)
    _frame_copies(work, machine)
    _long_rows(work)
    _alias_reshaped(work, results)
    widest = max((layout.size for layout in work.layouts.values()), default=0)
    blocks = blocks and batch * widest < 2**31  # the whole batch is indexed with 32 bits
    large = _large(work, machine, updated) if blocks else frozenset[str]()
    _split_sums(work, large)
    phases = _phases(work, carried, large)
    values, chunk = _places(work, phases, carried, updated, results, batch, machine)
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
        layouts, work.frames,
    )  # fmt: skip


def _stated(step: Step, shapes: Mapping[str, Shape]) -> Statement:
    if step.rule.formula is not None:
        return statement(step, shapes)
    letters = [f"i{k}" if k else "n" for k in range(len(step.shape))]  # drawn: it has a place and no formula
    sizes = dict(zip(letters, step.shape, strict=True))
    text = f"{step.output} is drawn (Philox)"
    return Statement(step.output, tuple(map(Symbol, letters)), Number(0.0), sizes, tuple(letters), False, text, step)


def _inline_uniform(work: _Work, results: Sequence[str]) -> None:
    """Puts what is the same for all samples (dl = 1/N) where it is used."""
    kept: list[Statement] = []
    uniform: dict[str, Node] = {}

    def change(node: Node) -> Node:
        return uniform.get(node.name, node) if isinstance(node, Element) else node

    for made in work.statements:
        made = replace(made, body=rewritten(made.body, change)) if uniform else made
        drawn = made.step.rule.formula is None
        if made.by_sample and not drawn and names_in(made.body) <= {SAMPLES} and made.output not in results:
            uniform[made.output] = made.body
        else:
            kept.append(made)
    work.statements = kept


def _handed_out(work: _Work, results: Sequence[str]) -> tuple[str, ...]:
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


def _weights(work: _Work, machine: Machine, parts: int) -> dict[str, Layout]:
    """How the weights of dense layers lie: the axis along which the products' vectors run, and blocks."""
    layouts: dict[str, Layout] = {}
    lanes = machine.lanes
    for made in work.statements:
        if made.step.rule.name != "dense":
            continue
        weights, bias = made.step.inputs[1], made.step.inputs[2]
        inputs, outputs = (int(s) for s in work.shapes[weights or ""])
        if inputs * outputs < LEAST:
            continue
        if lanes <= outputs or 2 * lanes > inputs:
            block = _block(outputs, lanes, parts)
            wide = multiple(outputs, block)
            layouts[weights or ""] = Layout((inputs, outputs), (block, 1), 0, inputs * wide, block)
            if bias is not None:
                layouts[bias] = compact((outputs,), wide)
        else:
            long = multiple(inputs, lanes)
            layouts[weights or ""] = Layout((inputs, outputs), (1, long), 0, outputs * long)
    return layouts


def _block(outputs: int, lanes: int, parts: int) -> int:
    """How many columns of a weight matrix lie in a block: as many vectors as leave every part as many blocks, and few
    columns over.
    """
    for vectors in (4, 2):
        size = vectors * lanes
        count = -(-outputs // size)
        if (count % parts == 0 or count >= 4 * parts) and count * size <= LEFT_OVER * outputs:
            return size
    block = lanes
    while block > outputs and block > 2:
        block //= 2
    return block


def _turn(work: _Work, machine: Machine) -> None:
    """Has the gradient of a convolution's kernels computed for vectors of output channels, where these fill vectors.

    The derivative of the convolution is copied with its channels side by side, and the kernels, their gradient and the
    optimizer's arrays lie so too: no vector then has to be summed up in itself.
    """
    for at, made in reversed(list(enumerate(work.statements))):
        found = factors(made)
        if found is None or not made.over_samples or len(made.place) < 4 or len(found[0].indices) < 3:
            continue
        total, left, right, _ = found
        channel = made.place[0]
        if not isinstance(channel, Symbol) or channel not in right.indices or channel.name in indices_of(left):
            continue
        shape = tuple(int(s) for s in work.shapes[right.name][1:])
        if right.indices[1] != channel or shape[0] % machine.lanes or not made.output.startswith("d"):
            continue
        turned = f"{right.name}_turned"
        work.layouts[turned] = _turned_layout(shape, machine.lanes)
        weights = made.output.removeprefix("d").removesuffix("_data")
        own = tuple(int(s) for s in work.shapes[weights])
        work.layouts[weights] = _turned_layout(own, 1)
        work.shapes[turned] = work.shapes[right.name]
        sizes = {i.name: made.sizes[i.name] for i in right.indices if isinstance(i, Symbol)}
        letters = (*(i for i in sizes if i != channel.name), channel.name)  # the channels innermost
        text = f"{turned}[n,...] = {right.name}[n,...], channels side by side"
        copy = Statement(turned, right.indices, right, sizes, letters, False, text, made.step)
        body = Reduction("sum", total.indices, Binary("*", left, Element(turned, right.indices)))
        work.statements[at] = replace(made, body=body)
        work.statements.insert(at, copy)


def _turned_layout(shape: tuple[int, ...], lanes: int) -> Layout:
    """The first axis is the contiguous one."""
    rest = compact((*shape[1:], shape[0]))
    strides = (1, *rest.strides[:-1])
    return Layout(shape, strides, 0, multiple(math.prod(shape), lanes))


def _same_layouts(work: _Work, updated: Mapping[str, str]) -> None:
    """Gives gradients and the optimizer's arrays the layout of their weights."""
    for _ in range(3):  # a chain of updates is short
        for made in work.statements:
            if made.sample is not None and made.by_sample:
                continue
            if made.sample is not None:
                of = made.output.removeprefix("d").removesuffix("_data")
                if of in work.layouts and work.shapes[of] == made.step.shape:
                    work.layouts.setdefault(made.output, work.layouts[of])
                continue
            if pointwise(made):
                names = [made.output, *(e.name for e in elements(made))]
                known = next((work.layouts[n] for n in names if n in work.layouts), None)
                if known is not None:
                    for name in names:
                        work.layouts.setdefault(name, known)
    for new, old in updated.items():
        if old in work.layouts:
            work.layouts.setdefault(new, work.layouts[old])
        elif new in work.layouts:
            work.layouts[old] = work.layouts[new]


def _choose(work: _Work, made: Statement, machine: Machine) -> None:
    """Finds out whether a statement can be computed in tiles, and what these ask of its values."""
    candidate = made
    if made.adds:
        found = gathered(made, work.shapes[made.output])
        if found is None:
            return
        candidate = found
    chosen = product(candidate, work.layouts, machine)
    if chosen is None:
        return
    work.products[made.output] = chosen
    output = Element(candidate.output, candidate.place)
    for element in (output, chosen.left, chosen.right):
        _ask(work, chosen, element, candidate)


def _ask(work: _Work, chosen: Product, element: Element, made: Statement) -> None:
    """Enters what a product asks of one value's frame."""
    shape = work.shapes[element.name]
    if not shape or shape[0] != SAMPLES:
        return
    own = [int(s) for s in shape[1:]]
    frame = work.frames.setdefault(element.name, Frame([0] * len(own), [0] * len(own)))
    for axis, (place, size) in enumerate(zip(element.indices[1:], own, strict=True)):
        low, high = span(place, made.sizes)
        frame.reach(axis, low, high, size)
    if element.indices[-1] == Symbol(chosen.vector):
        frame.row = max(frame.row, chosen.vectors * chosen.lanes)
    elif element.name == "x" and chosen.vector in indices_of(element):
        wide = {**made.sizes, chosen.vector: chosen.vectors * chosen.lanes}
        last = sum(span(i, wide)[1] * s for i, s in zip(element.indices[1:], compact_strides(own), strict=True))
        if last >= math.prod(own):  # the last vectors reach beyond the sample, which may be the last in memory
            frame.row = max(frame.row, own[-1] + chosen.lanes)


def _frame_copies(work: _Work, machine: Machine) -> None:
    """Copies values into a frame of zeros where the value itself cannot stand in one: what comes from outside; and
    what other products go through by whole rows, which should begin where vectors do.
    """
    reshaped = [s.output for s in work.statements if s.step.rule.name == "flatten" and s.step.inputs[0] == "x"]
    for name in [*reshaped, *list(work.frames)]:
        frame = work.frames.get(name)
        if frame is None:
            continue
        shape = tuple(int(s) for s in work.shapes[name][1:])
        edged = any(frame.before) or any(frame.behind)
        if name == "x" or name in reshaped:
            if framed(shape, frame, machine.lanes).size == math.prod(shape):
                work.frames.pop(name)
                continue
            if name in reshaped:
                continue  # flattening it is the copy
        elif not (edged and frame.row):
            continue
        copy = f"{name}_framed"
        letters = ("n", "c", "h", "w") if len(shape) == 3 else ("n", *(f"i{k}" for k in range(len(shape))))
        place = tuple(map(Symbol, letters))
        sizes = dict(zip(letters, work.shapes[name], strict=True))
        at = next(k for k, s in enumerate(work.statements) if name == s.output or (name == "x" and name in s.reads))
        text = f"{copy}[n,...] = {name}[n,...], with zeros around it"
        made = Statement(copy, place, Element(name, place), sizes, letters, False, text, work.statements[at].step)
        work.shapes[copy] = work.shapes[name]
        if name == "x":
            work.frames[copy] = work.frames.pop(name)
        else:
            work.frames[copy] = Frame(frame.before, frame.behind)
            work.frames[name] = Frame([0] * len(shape), [0] * len(shape), frame.row)
        put = {name: copy}
        at += name != "x"
        work.statements.insert(at, made)
        for output, chosen in list(work.products.items()):
            used = [e for e in (chosen.left, chosen.right) if e.name == name]
            if not used or (name != "x" and all(isinstance(i, Symbol) for i in used[0].indices)):
                continue
            work.products[output] = replace(
                chosen,
                statement=renamed(chosen.statement, put),
                left=_put(chosen.left, put),
                right=_put(chosen.right, put),
            )
            where = next(k for k, s in enumerate(work.statements) if s.output == output)
            work.statements[where] = renamed(work.statements[where], put)
        if name == "x":  # so the others need not look outside
            work.statements = [s if s is made else renamed(s, put) for s in work.statements]


def _long_rows(work: _Work) -> None:
    """Gives values that are computed from each other place by place rows of the same length."""
    drawn = {s.output for s in work.statements if s.step.rule.formula is None}
    changed = True
    while changed:
        changed = False
        for made in work.statements:
            if not made.by_sample or not pointwise(made):
                continue
            shape = work.shapes[made.output]
            names = (
                {made.output, *(e.name for e in elements(made) if work.shapes[e.name] == shape)} - {"x", "y"} - drawn
            )
            if made.output.endswith("_out"):
                continue
            row = max((work.frames[n].row for n in names if n in work.frames), default=0)
            if len(shape) < 2 or row <= int(shape[-1]):
                continue
            for name in names:
                frame = work.frames.setdefault(name, Frame([0] * (len(shape) - 1), [0] * (len(shape) - 1)))
                if frame.row < row:
                    frame.row, changed = row, True


def _put(element: Element, names: Mapping[str, str]) -> Element:
    return Element(names.get(element.name, element.name), element.indices)


def _alias_reshaped(work: _Work, results: Sequence[str]) -> None:
    """Flattening and its reverse are the same memory where the image has no frame."""
    kept: list[Statement] = []
    for made in work.statements:
        source = made.body.name if isinstance(made.body, Element) else None
        if made.step.rule.name in ("flatten", "flatten_dx") and source is not None and made.output not in results:
            image = source if made.step.rule.name == "flatten" else made.output
            row = made.output if image == source else source
            frame = work.frames.get(image)
            plain = frame is None or not (any(frame.before) or any(frame.behind) or frame.row > _last(work, image))
            padded = image == "x" and row in work.frames  # it would have to be longer than it is
            if plain and not padded:
                root = work.aliases.get(source, source)
                work.aliases[made.output] = root
                continue
        kept.append(made)
    work.statements = kept


def _last(work: _Work, name: str) -> int:
    return int(work.shapes[name][-1])


def _large(work: _Work, machine: Machine, updated: Mapping[str, str]) -> frozenset[str]:
    """The products that are split by the blocks of a large weight matrix: forward, and the weights' gradient."""
    large: set[str] = set()
    for made in work.statements:
        chosen = work.products.get(made.output)
        if chosen is None or chosen.across or chosen.block is None:
            continue
        weights = work.layouts.get(made.output if made.over_samples else chosen.right.name)
        if weights is None or weights.block is None or weights.size * machine.real < LARGE:
            continue
        if weights.shape[-1] < 2 * weights.block:
            continue
        weight = made.output.removeprefix("d").removesuffix("_data")
        if made.by_sample or (made.over_samples and f"{weight}_new" in updated):
            large.add(made.output)
    return frozenset(large)


def _split_sums(work: _Work, large: Collection[str]) -> None:
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

        def change(node: Node, old: Node = total, new: Node = finished) -> Node:
            return new if node == old else node

        kept.append(partial)
        kept.append(
            replace(made, body=rewritten(made.body, change), sizes={k: v for k, v in sizes.items() if k != sample})
        )
        if made.output in work.products:
            chosen = work.products.pop(made.output)
            work.products[name] = replace(chosen, statement=replace(chosen.statement, output=name))
    work.statements = kept


def _phases(
    work: _Work,
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
        taken: list[Statement] = []
        made_here: set[str] = set()
        kind = "rows"
        for made in left:
            if rowwise(made) and made.output not in large and reads(made) <= have | made_here:
                taken.append(made)
                if made.output not in work.totals:
                    made_here.add(made.output)
        if not taken:
            kind = "shared"
            needed: set[str] = {n for s in left if rowwise(s) for n in reads(s)}
            for made in reversed(left):
                if not rowwise(made) and made.output in needed:
                    needed |= reads(made)
            for made in left:
                if not rowwise(made) and made.output in needed and reads(made) <= have | made_here:
                    taken.append(made)
                    made_here.add(made.output)
        if not taken:
            kind = "blocks"
            taken = [s for s in left if rowwise(s) and reads(s) <= have][:1]
        assert taken, f"nothing can be computed of {[s.text for s in left]}"
        phases.append(Phase(kind, taken))
        have |= {s.output for s in taken}
        left = [s for s in left if s not in taken]
    chains = {s.output for s in left if (pointwise(s) or s.output in large) and work.shapes[s.output]}
    report = [s for s in left if s.output not in chains]
    phases.append(Phase("report", report))
    phases.append(Phase("update", [s for s in left if s.output in chains]))
    return phases


def _places(
    work: _Work,
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
            own = framed(tuple(int(s) for s in shape[1:]), work.frames.get(name), machine.lanes)
            if own.compact:  # a flattened value may need more
                for other, source in work.aliases.items():
                    if source == name and (frame := work.frames.get(other)) is not None:
                        need = framed(tuple(int(s) for s in work.shapes[other][1:]), frame, machine.lanes)
                        own = compact(own.shape, max(own.size, need.size))
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
