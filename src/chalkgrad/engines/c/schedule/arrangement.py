"""The arrangement of values, and the statements computed in tiles: weights in blocks, kernels turned, images in frames.

Every product says what it needs of its values (rows that are whole vectors, zeros beyond the edges, neighbours along
one axis), and every value gets a layout that all of them can use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ....formula import Shape
from ....formula.affine import span
from ....formula.nodes import Element, Symbol
from ....program import Loop
from ....program.names import GIVEN
from ....program.statement import SAMPLES, Statement
from .channels import beside, kernels, side_by_side
from .layouts import Frame, Layout, compact, compact_strides, framed, multiple
from .matrices import matrix_of, turned
from .products import LEAST, Machine, Product, factors, gathered, indices_of, once_each, product
from .times import TIME

IMAGE = 3
"""A sample of so many axes is an image: channels, rows and columns."""
LARGE = 32 * 1024
"""Weight matrices of at least so many bytes are split by blocks."""
LEFT_OVER = 1.1
"""The largest width of a matrix's blocks, relative to the matrix."""


@dataclass(slots=True)
class Work:
    """A program on its way to a plan.

    Attributes:
        statements: the statements in order.
        shapes: the shape of every named value.
        loops: for what a loop over time computes, the loop.
        aliases: names of the same memory.
        totals: for the name of a sum over the samples, the name of its parts' sums.
        layouts: the layouts of values that do not lie row by row.
        products: the statements that are computed in tiles, by what they set.
        frames: the frames that the products need round values with samples.
        channels: the images whose channels lie side by side.
        sparse: values that are mostly zeros.
    """

    statements: list[Statement]
    shapes: dict[str, Shape]
    loops: dict[str, Loop]
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    totals: dict[str, str] = field(default_factory=dict[str, str])
    layouts: dict[str, Layout] = field(default_factory=dict[str, Layout])
    products: dict[str, Product] = field(default_factory=dict[str, Product])
    frames: dict[str, Frame] = field(default_factory=dict[str, Frame])
    channels: frozenset[str] = frozenset()
    sparse: frozenset[str] = frozenset()

    def sample(self, name: str, vector: int) -> Layout:
        """The layout of one sample of a value, with all that the products need.

        Args:
            name: the value, with samples.
            vector: the number of elements in the widest vector.
        """
        own = tuple(int(s) for s in self.shapes[name][1:])
        return framed(own, self.frames.get(name), vector, 0 if name in self.channels else None)


def arrange(work: Work, machine: Machine, updated: Mapping[str, str], results: Sequence[str], parts: int) -> None:
    """Enters layouts, products, frames and aliases, and the copies that are needed for them.

    Args:
        work: the program.
        machine: the machine that runs it.
        updated: for every new value that is carried on, the value that it takes the place of.
        results: values with samples that are handed out.
        parts: the number of parts of a batch; 0 where matrices are not to lie in blocks.
    """
    work.statements = list(turned(work.statements, work.shapes))
    work.layouts = _weights(work, machine, parts)
    work.channels = side_by_side(work.statements, work.shapes, results, machine)
    work.statements, further = kernels(work.statements, work.shapes, work.channels)
    work.layouts |= further | beside(work.statements, work.shapes, work.channels)
    _same_layouts(work, updated)
    # without frames, which the products ask for only now: they need to know along which axis neighbours lie
    layouts = work.layouts | {name: work.sample(name, machine.lanes) for name in work.channels}
    for statement in work.statements:
        _choose(work, statement, layouts, machine)
    _frame_copies(work, machine)
    _long_rows(work)
    _alias_reshaped(work, results)


def _weights(work: Work, machine: Machine, parts: int) -> dict[str, Layout]:
    """The layouts of dense layers' weights: the axis along which the products' vectors run, and blocks."""
    layouts: dict[str, Layout] = {}
    lanes = machine.lanes
    for statement in work.statements:
        rule, matrix = statement.step.rule, matrix_of(statement, work.shapes)
        if matrix is not None:
            layouts |= _in_blocks(work, statement, matrix, lanes, parts) if parts else {}
            continue
        if not (rule.weighted and rule.product):
            continue
        weights, bias = statement.step.inputs[1], statement.step.inputs[2]
        if any(e.name == weights and e.indices[-1] != statement.place[-1] for e in statement.elements):
            continue  # transposed: the weights lie as the layer that owns them wants
        inputs, outputs = (int(s) for s in work.shapes[weights or ""])
        if inputs * outputs < LEAST:
            continue
        if lanes <= outputs or 2 * lanes > inputs:
            if not parts:
                continue
            block = _block(outputs, lanes, parts)
            wide = multiple(outputs, block)
            layouts[weights or ""] = Layout((inputs, outputs), (block, 1), 0, inputs * wide, block)
            if bias is not None:
                layouts[bias] = compact((outputs,), wide)
        else:
            long = multiple(inputs, lanes)
            layouts[weights or ""] = Layout((inputs, outputs), (1, long), 0, outputs * long)
    return layouts


def _in_blocks(work: Work, statement: Statement, matrix: Element, lanes: int, parts: int) -> dict[str, Layout]:
    """The layouts of a matrix and a bias whose columns are the product's vectors, where these are whole."""
    inputs, outputs = (int(s) for s in work.shapes[matrix.name])
    if matrix.indices[1] != statement.place[-1] or outputs < lanes:
        return {}
    block = _block(outputs, lanes, parts)
    wide = multiple(outputs, block)
    parts_of = factors(statement)
    bias = parts_of[3] if parts_of is not None else None
    layouts = {matrix.name: Layout((inputs, outputs), (block, 1), 0, inputs * wide, block)}
    if bias is not None and bias.indices == matrix.indices[1:]:
        layouts[bias.name] = compact((outputs,), wide)
    return layouts


def _block(outputs: int, lanes: int, parts: int) -> int:
    """The number of columns in a block of a weight matrix: as many vectors as leave every part as many blocks, and few
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


def _same_layouts(work: Work, updated: Mapping[str, str]) -> None:
    """Gives gradients and the optimizer's arrays the layout of their weights."""
    for _ in range(3):  # a chain of updates is short
        for statement in work.statements:
            if statement.sample is not None and statement.by_sample:
                continue
            if statement.sample is not None:
                of = statement.step.value.of
                if of is not None and of in work.layouts and work.shapes[of] == statement.step.shape:
                    work.layouts.setdefault(statement.output, work.layouts[of])
                continue
            if statement.pointwise:
                names = [statement.output, *(e.name for e in statement.elements)]
                layout = next((work.layouts[n] for n in names if n in work.layouts), None)
                if layout is not None:
                    for name in names:
                        work.layouts.setdefault(name, layout)
    for new, old in updated.items():
        if old in work.layouts:
            work.layouts.setdefault(new, work.layouts[old])
        elif new in work.layouts:
            work.layouts[old] = work.layouts[new]


def _choose(work: Work, statement: Statement, layouts: Mapping[str, Layout], machine: Machine) -> None:
    """Enters a statement's tiles where it can be computed in them, and what they need of its values."""
    candidates = [statement]
    if statement.adds and once_each(statement, work.shapes[statement.output]):
        candidates = [replace(statement, adds=False)]
    elif statement.adds:
        candidates = gathered(statement, work.shapes[statement.output])
    fixed = (TIME,) if statement.output in work.loops else ()
    found = [product(candidate, layouts, machine, work.sparse, fixed) for candidate in candidates]
    tilings = [tiling for tiling in found if tiling is not None]
    if not tilings or len(tilings) < len(found):
        return
    first, *others = tilings
    work.products[statement.output] = replace(first, others=tuple(others))
    for candidate, tiling in zip(candidates, tilings, strict=True):
        output = Element(candidate.output, candidate.place)
        start = [tiling.bias] if tiling.bias is not None and not tiling.across else []
        for element in (output, tiling.left, tiling.right, *start):
            _ask(work, tiling, element, candidate)


def _ask(work: Work, tiling: Product, element: Element, statement: Statement) -> None:
    """Enters what a product needs of one value's frame."""
    shape = work.shapes[element.name]
    if not shape or shape[0] != SAMPLES:
        return
    sizes = [int(s) for s in shape[1:]]
    frame = work.frames.setdefault(element.name, Frame([0] * len(sizes), [0] * len(sizes)))
    for axis, (place, size) in enumerate(zip(element.indices[1:], sizes, strict=True)):
        low, high = span(place, statement.sizes)
        frame.reach(axis, low, high, size)
    if element.name in work.channels:
        return
    if element.indices[-1] == Symbol(tiling.vector):
        frame.row = max(frame.row, tiling.vectors * tiling.lanes)
    elif tiling.vector in indices_of(element):
        wide = {**statement.sizes, tiling.vector: tiling.vectors * tiling.lanes}
        last = sum(span(i, wide)[1] * s for i, s in zip(element.indices[1:], compact_strides(sizes), strict=True))
        # how far the last vectors reach after the sample: what lies there may be another thread's
        beyond = last + 1 - math.prod(sizes)
        frame.beyond = max(frame.beyond, beyond)
        if element.name == "x" and beyond > 0:  # the last sample in memory has nothing after it
            frame.row = max(frame.row, sizes[-1] + tiling.lanes)


def _frame_copies(work: Work, machine: Machine) -> None:
    """Copies values into a frame of zeros where the value itself cannot stand in one: what comes from outside; and
    what other products go through by whole rows, which should begin where vectors do.
    """
    flats = [s.output for s in work.statements if s.step.rule.reshapes and s.step.inputs[0] == "x"]
    for name in [*flats, *list(work.frames)]:
        frame = work.frames.get(name)
        if frame is None:
            continue
        shape = tuple(int(s) for s in work.shapes[name][1:])
        has_edges = any(frame.before) or any(frame.after)
        if name == "x" or name in flats:
            if work.sample(name, machine.lanes).size == math.prod(shape):
                work.frames.pop(name)
                continue
            if name in flats:
                continue  # flattening it is the copy
        elif not (has_edges and frame.row) or len(shape) < IMAGE:  # a sequence's rows begin where vectors do
            continue
        copy = f"{name}_framed"
        letters = ("n", "c", "h", "w") if len(shape) == 3 else ("n", *(f"i{k}" for k in range(len(shape))))
        place = tuple(map(Symbol, letters))
        sizes = dict(zip(letters, work.shapes[name], strict=True))
        at = next(k for k, s in enumerate(work.statements) if name == s.output or (name == "x" and name in s.reads))
        text = f"{copy}[n,...] = {name}[n,...], with zeros around it"
        statement = Statement(copy, place, Element(name, place), sizes, letters, False, text, work.statements[at].step)
        work.shapes[copy] = work.shapes[name]
        if name == "x":
            work.frames[copy] = work.frames.pop(name)
        else:
            work.frames[copy] = Frame(frame.before, frame.after)
            work.frames[name] = Frame([0] * len(shape), [0] * len(shape), frame.row)
        names = {name: copy}
        at += name != "x"
        work.statements.insert(at, statement)
        for output, tiling in list(work.products.items()):
            operands = [e for e in (tiling.left, tiling.right) if e.name == name]
            if not operands or (name != "x" and all(isinstance(i, Symbol) for i in operands[0].indices)):
                continue
            others = tuple(_renamed(other, names) for other in tiling.others)
            work.products[output] = replace(_renamed(tiling, names), others=others)
            index = next(k for k, s in enumerate(work.statements) if s.output == output)
            work.statements[index] = work.statements[index].renamed(names)
        if name == "x":  # so the others need not look outside
            work.statements = [s if s is statement else s.renamed(names) for s in work.statements]


def _long_rows(work: Work) -> None:
    """Gives values that are computed from each other place by place rows of the same length."""
    draws = {s.output for s in work.statements if s.step.rule.formula is None}
    changes = True
    while changes:
        changes = False
        for statement in work.statements:
            if not statement.by_sample or not statement.pointwise:
                continue
            shape = work.shapes[statement.output]
            names = (
                {statement.output, *(e.name for e in statement.elements if work.shapes[e.name] == shape)}
                - {*GIVEN}
                - draws
            )
            if statement.output.endswith("_out"):
                continue
            row = max((work.frames[n].row for n in names if n in work.frames), default=0)
            if len(shape) < 2 or row <= int(shape[-1]):
                continue
            for name in names:
                frame = work.frames.setdefault(name, Frame([0] * (len(shape) - 1), [0] * (len(shape) - 1)))
                if frame.row < row:
                    frame.row, changes = row, True


def _renamed(tiling: Product, names: Mapping[str, str]) -> Product:
    """The product with other names for some of its values."""
    statement, left, right = tiling.statement.renamed(names), _put(tiling.left, names), _put(tiling.right, names)
    return replace(tiling, statement=statement, left=left, right=right)


def _put(element: Element, names: Mapping[str, str]) -> Element:
    return Element(names.get(element.name, element.name), element.indices)


def _alias_reshaped(work: Work, results: Sequence[str]) -> None:
    """Flattening and its reverse are the same memory where the image has no frame."""
    statements: list[Statement] = []
    for statement in work.statements:
        source = statement.body.name if isinstance(statement.body, Element) else None
        if statement.step.rule.reshapes and source is not None and statement.output not in results:
            image = max((source, statement.output), key=lambda name: len(work.shapes[name]))
            row = statement.output if image == source else source
            frame = work.frames.get(image)
            plain = frame is None or not (any(frame.before) or any(frame.after) or frame.row > _last(work, image))
            needs_rest = image == "x" and row in work.frames  # it would have to be longer than it is
            if plain and not needs_rest and image not in work.channels:
                root = work.aliases.get(source, source)
                work.aliases[statement.output] = root
                continue
        statements.append(statement)
    work.statements = statements


def _last(work: Work, name: str) -> int:
    return int(work.shapes[name][-1])


def by_blocks(work: Work, machine: Machine, updated: Mapping[str, str]) -> frozenset[str]:
    """The products that are split by the blocks of a large weight matrix: forward, and the weights' gradient."""
    large: set[str] = set()
    summed = needed_by(work.statements, [s for s in work.statements if s.sample is None and not s.pointwise])
    for statement in work.statements:
        tiling = work.products.get(statement.output)
        if tiling is None or tiling.across or tiling.block is None or tiling.fixed:
            continue
        weights = work.layouts.get(statement.output if statement.over_samples else tiling.right.name)
        if weights is None or weights.block is None or weights.size * machine.real < LARGE:
            continue
        if tiling.each or statement.terms > math.prod(weights.shape):  # a sample's many rows use a block again
            continue
        if weights.shape[-1] < 2 * weights.block:
            continue
        of = statement.step.value.of
        shares = [s for s in work.statements if s.over_samples and s.step.value.of == of]
        alone = statement.over_samples and of in updated.values() and len(shares) == 1
        if statement.by_sample or (alone and statement.output not in summed):
            large.add(statement.output)
    return frozenset(large)


def needed_by(statements: Sequence[Statement], users: Sequence[Statement]) -> set[str]:
    """The names of what these users need of the statements: the gradients that the norm of all is computed from."""
    needed = {name for statement in users for name in statement.reads}
    for statement in reversed(statements):
        if statement.output in needed:
            needed |= statement.reads
    return needed & {statement.output for statement in statements}
