"""Prints a plan as a C file: what a step computes, phase by phase, and the loop over the steps."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from ....base.text import visible
from ....program.statement import Statement
from ..loops.loops import Loops
from ..loops.memory import BEYOND, LINE, Memory
from ..loops.nests import Lines, braced, indented
from ..loops.tiles import Tiles
from ..loops.zeros import Zeros
from ..schedule.layouts import Layout, multiple
from ..schedule.plan import Phase, Plan, plan
from ..schedule.products import Machine
from .wanted import Wanted

LONGEST_TITLE = 200
SHORT = 256
"""Values of at most so many numbers are updated by one thread."""
TINY = 2000
"""A step of at most so many terms, made by one thread, is written so that the compiler can unroll it all: in one
function, twice, once for full batches, and with what it computes in variables."""

ROWS = "const Training *T, int thread, int part, int64_t first, int64_t end, int N"
"""What the function of a phase that goes through the samples is given."""
MANY, TOGETHER = 60, 30
"""A phase of more statements is written as several functions, each of so many."""


@dataclass(frozen=True, slots=True)
class Source:
    """A C file, and what has to be known to call it.

    Attributes:
        text: the file.
        carried: where the values that last from step to step begin in their buffer, and how they lie.
        sizes: how many numbers the buffers hold ("carried", "batch"), each thread's ("chunk", "own"), each part's
            ("part"), the single ones ("numbers"), a batch of x read from bytes ("read"), and each thread's words that
            say which numbers of x are not 0 ("nonzero").
        given: the values that come from outside row by row, with the length of a row.
        results: those that are handed out row by row.
        batch: the most samples in a step.
        parts: into how many parts a batch is split.
        real: the type of the numbers.
    """

    text: str
    carried: Mapping[str, tuple[int, Layout]]
    sizes: Mapping[str, int]
    given: Mapping[str, int]
    results: Mapping[str, int]
    batch: int
    parts: int
    real: np.dtype[np.generic]


@cache
def prelude() -> dict[str, str]:
    """The C that is the same for all networks, by sections."""
    text = files(__package__ or "").joinpath("prelude.c").read_text(encoding="utf-8")
    parts = re.split(r"^/// (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def print_source(wanted: Wanted, machine: Machine, *, alone: bool = False) -> Source:
    """The C file.

    Args:
        wanted: what is to be printed.
        machine: what it is made for.
        alone: without what calls it from outside and threads; somebody else prints a main function behind it.
    """
    training = wanted.data_loss is not None
    made = plan(
        wanted.steps, wanted.shapes, wanted.carried, wanted.updated, wanted.results, wanted.batch, machine,
        wanted.parts, training, wanted.sparse,
    )  # fmt: skip
    tiny = _terms(made) * wanted.batch <= TINY and not made.products and wanted.parts == 1
    memory = Memory(made, wanted.batch, local=tiny)
    functions: dict[str, Lines] = {}
    lanes: set[int] = set()
    zeros = Zeros(made, wanted.batch)
    phases = [
        _phase(f"{phase.kind}_{at + 1}", phase, made, memory, functions, lanes, zeros, tiny)
        for at, phase in enumerate(made.phases)
        if phase.statements or phase.kind == "report"
    ]
    kinds = [(f"{p.kind}_{at + 1}", p) for at, p in enumerate(made.phases) if p.statements or p.kind == "report"]
    body = "\n\n".join("\n".join(f) for f in [*functions.values(), *phases])
    given = [n for n in ("x", "y") if re.search(rf"\brows_of_{n}\b", body)]
    text = "\n".join(
        [
            f"/* {in_comment(wanted.title)}",
            "   Written by chalkgrad from the network's own steps; the formula of each stands over its loops. */",
            *_head(wanted, made, memory, given, body, lanes, zeros, alone),
            body,
            "",
            *_main(wanted, made, memory, given, kinds, zeros, tiny and not alone, alone),
            "",
        ]
    )
    carried = {n: (memory.places[n], made.layouts[n]) for n in wanted.carried}
    rows = {n: math.prod(made.layouts[n].shape) for n in given}
    results = {n: made.layouts[n].size for n in made.results}
    read = wanted.batch * _apart(rows["x"]) + BEYOND if wanted.of_bytes and "x" in rows else 0
    sizes = {**memory.sizes, "read": read, "nonzero": zeros.words}
    return Source(text, carried, sizes, rows, results, wanted.batch, wanted.parts, wanted.real)


def in_comment(text: str) -> str:
    """`text` on one line, as it may stand in a C comment: nothing in it ends the comment, begins another, or is read
    before comments are (a backslash at the line's end, and what trigraphs make one).
    """
    shown = visible(" ".join(text.split()))[:LONGEST_TITLE]
    shown = shown.replace("??", "? ?").replace("??", "? ?").replace("*/", "* /").replace("/*", "/ *")
    return f"{shown} ." if shown.endswith("\\") else shown


def _apart(size: int) -> int:
    """How far samples that were read from bytes lie apart."""
    return multiple(size, LINE)


def _terms(made: Plan) -> int:
    """How many terms the statements have in all, for one sample."""
    return sum(s.terms for p in made.phases for s in p.statements)


def _head(
    wanted: Wanted, made: Plan, memory: Memory, given: Sequence[str], body: str, lanes: set[int], zeros: Zeros,
    alone: bool,
) -> Lines:  # fmt: skip
    """What stands before the first function."""
    name = "float" if wanted.real == np.float32 else "double"
    sections = prelude()
    includes = ["math.h", "stdio.h" if alone else "sched.h", "stdint.h", "string.h", *([] if alone else ["time.h"])]
    quiet = '#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* OpenMP\'s, where -fopenmp-simd is not given */'
    lines = [*(f"#include <{name}>" for name in includes), *([quiet] if alone else []), ""]
    lines += [f"typedef {name} real;", *sections["base"].rstrip().split("\n"), *sections[name].rstrip().split("\n")]
    lines += sections["functions"].rstrip().split("\n")
    if wanted.of_bytes and "x" in given:
        lines += sections["bytes"].rstrip().split("\n")
    if zeros.size:
        lines += sections["nonzero"].rstrip().split("\n")
    if "draw_mask" in body:
        lines += sections["mask"].rstrip().split("\n")
    lines += [""]
    for width in sorted(lanes):
        lines += _vector(width, made.machine.real)
    sizes = memory.sizes
    lines += [
        "",
        f"#define BATCH {wanted.batch} /* the most samples in a step */",
        f"#define PARTS {wanted.parts} /* into so many a batch is split, whoever computes them */",
        f"#define CHUNK {made.chunk} /* samples that are taken together */",
        f"#define CHUNK_SIZE {sizes['chunk']} /* numbers that these need, for each thread */",
        f"#define PART_SIZE {sizes['part']} /* numbers of a part's sums */",
        f"#define OWN_SIZE {sizes['own']} /* numbers that each thread computes for itself */",
        f"#define NUMBERS {max(sizes['numbers'], 1)}",
        *zeros.defined("uint8_t" if wanted.of_bytes else "real"),
        "",
        *sections["state"].rstrip().split("\n"),
    ]
    if alone:
        lines += ["#define wait_for_all(T, threads) ((void)(T), (void)(threads)) /* there is one thread */"]
    else:
        lines += ["#define SPINS 20000 /* so often somebody looks for others without a pause */"]
        lines += sections["wait"].rstrip().split("\n") if wanted.data_loss is not None else []
        lines += sections["subnormals"].rstrip().split("\n")
    pointers = [f"    const real **rows_of_{n}; /* each thread's: where the samples' rows begin */" for n in given]
    sources = [f"    const {'uint8_t' if n == 'x' and wanted.of_bytes else 'real'} *{n};" for n in given]
    if wanted.of_bytes and "x" in given:
        pointers += ["    real *x_read; /* a batch of x, as numbers */"]
    pointers += zeros.in_state()
    results = [f"    real *{memory.name(n)};" for n in made.results]
    at = lines.index("    /* rows */")
    return [*lines[:at], *sources, *pointers, *results, *lines[at + 1 :], ""]


def _vector(width: int, size: int) -> Lines:
    """A vector's types, and the sum of what is in its lanes."""
    vec, kind = f"vec{width}", "int32_t" if size == 4 else "int64_t"
    lines = [
        f"typedef real {vec} __attribute__((vector_size({width * size})));",
        f"typedef real {vec}u __attribute__((vector_size({width * size}), aligned({size}), may_alias));",
        f"typedef {kind} bits{width} __attribute__((vector_size({width * size})));",
        f"static ALWAYS real {vec}_sum({vec} a) {{",
    ]
    half = width // 2
    while half:
        lanes = ", ".join(str((k + half) % width) for k in range(width))
        lines.append(f"    a += __builtin_shufflevector(a, a, {lanes});")
        half //= 2
    return [*lines, "    return a[0];", "}"]


def _phase(
    name: str, phase: Phase, made: Plan, memory: Memory, functions: dict[str, Lines], lanes: set[int],
    zeros: Zeros, tiny: bool,
) -> Lines:  # fmt: skip
    """The function of one phase, and those that it is made of where there is much in it."""
    if phase.kind == "rows" and len(phase.statements) > MANY and not tiny:
        return _long_phase(name, phase, made, memory, functions, lanes, zeros)
    loops = Loops(made, memory)
    tiles = Tiles(made, memory, functions, loops)
    printed = {"rows": _rows, "blocks": _blocks, "shared": _shared, "report": _shared, "update": _update}[phase.kind]
    head, body = printed(phase, made, memory, loops, tiles)
    lanes |= tiles.vectors
    begin = "begin" if phase.kind == "rows" else ""
    pointers = [memory.declared(v, begin) for v in loops.used]
    if phase.kind == "update":  # the first part's sums get the others added to them
        pointers = [p.replace("part * PART_SIZE + ", "") for p in pointers]
    if phase.kind == "rows":
        outer = [p for v, p in zip(loops.used, pointers, strict=True) if made.values[v].home == "part"]
        inner = [p for v, p in zip(loops.used, pointers, strict=True) if made.values[v].home != "part"]
        inner += zeros.begun(phase)
        zero = _zeroed(phase, made, memory, loops.used)
        lines = [*loops.constants.lines, *outer, *zero, *_by_chunks([*inner, *body])]
    else:
        lines = [*loops.constants.lines, *pointers, *zeros.begun(phase), *body]
    return _function(f"static {'ALWAYS ' if tiny else ''}void {name}", head, lines)


def _long_phase(
    name: str, phase: Phase, made: Plan, memory: Memory, functions: dict[str, Lines], lanes: set[int], zeros: Zeros
) -> Lines:
    """A phase that goes through the samples, as several functions.

    A compiler's time grows with the square of what the loops inside one loop read and write together.
    """
    lines: Lines = []
    calls: Lines = []
    sums: Lines = []
    for at in range(0, len(phase.statements), TOGETHER):
        piece = Phase("rows", phase.statements[at : at + TOGETHER])
        loops = Loops(made, memory)
        tiles = Tiles(made, memory, functions, loops)
        _, body = _rows(piece, made, memory, loops, tiles)
        lanes |= tiles.vectors
        own = f"{name}_{at // TOGETHER + 1}"
        pointers = [memory.declared(v, "begin") for v in loops.used]
        head = "const Training *T, int thread, int part, int64_t begin, int rows, int N"
        lines += _function(
            f"static __attribute__((noinline)) void {own}", head,
            [*loops.constants.lines, *pointers, *zeros.begun(piece), *body],
        )  # fmt: skip
        lines += [""]
        calls += [f"{own}(T, thread, part, begin, rows, N);"]
        sums += [memory.declared(v, "begin") for v in _sums(piece, made, loops.used)]
        sums += _zeroed(piece, made, memory, loops.used)
    return [*lines, *_function(f"static void {name}", ROWS, [*sums, *_by_chunks(calls)])]


def _sums(phase: Phase, made: Plan, used: Iterable[str]) -> list[str]:
    """The parts' sums that a phase computes, of the values that it uses."""
    mine = {s.output for s in phase.statements}
    return [v for v in used if v in mine and made.values[v].home == "part"]


def _zeroed(phase: Phase, made: Plan, memory: Memory, used: Iterable[str]) -> Lines:
    """Sets these sums to zero."""
    lines: Lines = []
    for value in _sums(phase, made, used):
        layout, own = made.values[value].layout, memory.name(value)
        lines.append(f"*{own} = 0;" if layout is None else f"memset({own}, 0, {layout.size} * sizeof *{own});")
    return lines


def _by_chunks(body: Lines) -> Lines:
    """The loop over the samples, those at a time that are taken together."""
    return braced(
        "for (int64_t begin = first; begin < end; begin += CHUNK)",
        ["const int rows = (int)least(CHUNK, end - begin);", *body],
    )


def _function(kind: str, head: str, lines: Lines) -> Lines:
    unused = ", ".join(f"(void){word.split()[-1].lstrip('*')}" for word in head.split(","))
    return [f"{kind}({head}) {{", *indented([f"{unused};", *lines]), "}"]


def _rows(phase: Phase, made: Plan, memory: Memory, loops: Loops, tiles: Tiles) -> tuple[str, Lines]:
    lines: Lines = []
    together: list[Statement] = []

    def close() -> None:
        nonlocal together
        if together:
            lines.extend(braced("for (int n = 0; n < rows; n++)", loops.plain(together)))
        together = []

    for statement in phase.statements:
        chosen = made.products.get(statement.output)
        if chosen is None:
            together.append(_with_n(statement))
            continue
        close()
        lines += tiles.product(chosen)
    close()
    return ROWS, lines


def _with_n(statement: Statement) -> Statement:
    """The statement, whose index over the samples must be n."""
    assert statement.sample in (None, "n"), statement.text
    return statement


def _blocks(phase: Phase, made: Plan, memory: Memory, loops: Loops, tiles: Tiles) -> tuple[str, Lines]:
    (statement,) = phase.statements
    chosen = made.products[statement.output]
    assert chosen.block is not None
    return "const Training *T, int thread, int part, int64_t N", [
        *_block_range(chosen.block, chosen.vectors * chosen.lanes // chosen.block),
        "const int rows = (int)N;",
        *tiles.product(chosen, blocks=True),
    ]


def _block_range(block: int, count: int) -> Lines:
    return [
        f"const int first = (int)({count} * (int64_t)part / PARTS) * {block};",
        f"const int last = (int)({count} * (int64_t)(part + 1) / PARTS) * {block};",
    ]


def _shared(phase: Phase, made: Plan, memory: Memory, loops: Loops, tiles: Tiles) -> tuple[str, Lines]:
    loops.over_parts = True
    lines = [line for s in phase.statements for line in ["{", *indented(loops.plain([s])), "}"]]
    return "const Training *T, int thread, int64_t N", lines


def _update(phase: Phase, made: Plan, memory: Memory, loops: Loops, tiles: Tiles) -> tuple[str, Lines]:
    lines: Lines = []
    for chain in _chains(phase.statements):
        first = chain[0]
        if first.output in made.products:
            chosen = made.products[first.output]
            assert chosen.block is not None
            count = chosen.vectors * chosen.lanes // chosen.block
            body = [*_block_range(chosen.block, count), *tiles.product(chosen, chain[1:], blocks=True)]
            lines += ["{ /* by blocks */", *indented(["const int rows = (int)N;", *body]), "}"]
            continue
        size = made.layouts[first.output].size
        if size <= SHORT:
            lines += [
                "if (part == 0) {",
                *indented([f"const int first = 0, last = {size};", *loops.chain(chain)]),
                "}",
            ]
            continue
        lines += [
            "{",
            *indented(
                [
                    f"const int first = (int)({-(-size // 16)} * (int64_t)part / PARTS) * 16;",
                    f"const int last = (int)least({size}, {-(-size // 16)} * (int64_t)(part + 1) / PARTS * 16);",
                    *loops.chain(chain),
                ]
            ),
            "}",
        ]
    return "const Training *T, int thread, int part, int64_t N", lines


def _chains(statements: Sequence[Statement]) -> list[list[Statement]]:
    """The statements in groups: each uses what one before it in its group computes."""
    chains: list[list[Statement]] = []
    for made in statements:
        fits = [c for c in chains if {s.output for s in c} & made.reads]
        if not fits:
            chains.append([made])
            continue
        joined = [s for c in fits for s in c]
        chains = [c for c in chains if c not in fits] + [[*joined, made]]
    return chains


def _main(
    wanted: Wanted,
    made: Plan,
    memory: Memory,
    given: Sequence[str],
    phases: Sequence[tuple[str, Phase]],
    zeros: Zeros,
    tiny: bool,
    alone: bool,
) -> Lines:
    """The functions that are called from outside."""
    sections = prelude()
    training = wanted.data_loss is not None
    rows: Lines = []
    for name in given:
        size = math.prod(made.layouts[name].shape)
        place = f"T->x_read + k * {_apart(size)}" if name == "x" and wanted.of_bytes else f"T->{name} + row * {size}"
        rows.append(f"T->rows_of_{name}[thread * BATCH + k] = {place};")
    if training and "y" in given and not (tiny or alone):  # it is wanted after much else: on its way from here on
        rows += [f"__builtin_prefetch(T->y + row * {math.prod(made.layouts['y'].shape)});"]
    rows += [zeros.row_ahead()] if zeros.size else []
    # in a prediction nobody waits for anybody: a part must keep its places in the buffers, also in a smaller last batch
    whole = "N" if training else "least(BATCH, T->count)"
    split = [
        f"const int64_t first = least(N, ({whole} + 3) / 4 * part / PARTS * 4);",
        f"const int64_t end = least(N, ({whole} + 3) / 4 * (part + 1) / PARTS * 4);",
    ]
    parts = "for (int part = thread; part < PARTS; part += threads)"
    skips = zeros.of(*(p for _, p in phases if p.kind != "rows"))
    lines: Lines = []
    if wanted.of_bytes and "x" in given:
        size = math.prod(made.layouts["x"].shape)
        each = f"read_bytes(T->x_read + k * {_apart(size)}, T->x + order[k] * {size}, {size});"
        lines += braced(parts, [*split, "for (int64_t k = first; k < end; k++)", f"    {each}"])
        first = next(p.kind for _, p in phases if p.kind != "shared")
        if training and (first != "rows" or skips):
            lines += ["wait_for_all(T, threads);"]
    if skips:
        lines += zeros.whole_batch()
    for name, phase in phases:
        if phase.kind == "rows":
            lines += braced(parts, [*split, f"{name}(T, thread, part, first, end, (int)N);"])
        elif phase.kind in ("blocks", "update"):
            lines += braced(parts, [f"{name}(T, thread, part, N);"])
        else:
            lines += [f"{name}(T, thread, N);"]
        if phase.kind == "report" and training:
            carried = any(n in wanted.carried for s in phase.statements for n in s.reads)
            loss = f"T->numbers[thread * NUMBERS + {memory.places['L']}]"
            data = f"T->numbers[thread * NUMBERS + {memory.places[wanted.data_loss or '']}]"
            lines += [
                f"if (!report(T, thread, {loss}, {data})) return 0;",
                *(["wait_for_all(T, threads);"] if carried else []),
            ]
        elif phase.kind != "shared" and training:
            lines += ["wait_for_all(T, threads);"]
    step = [
        "/* one step: N samples from `order` on; returns 0 where the training has to stop before the update */",
        "static int step(Training *T, int thread, int threads, const int64_t *order, int64_t N) {",
        *indented(
            [
                *zeros.left(),
                *braced("for (int64_t k = 0; k < N; k++)", ["const int64_t row = order[k];", *rows]),
                *lines,
                "return 1;",
            ]
        ),
        "}",
    ]
    once = "step(T, thread, threads, order, N)"
    twice = "(N == BATCH ? step(T, 0, 1, order, BATCH) : step(T, 0, 1, order, N)) /* there is one thread */"
    step = [f"#define STEP(T, thread, threads, order, N) {twice if tiny else once}", *step]
    step = [line.replace("static int step(", "static ALWAYS int step(") if tiny else line for line in step]
    kind = "training" if training else "prediction"
    report = sections["report"].rstrip().split("\n") if training else []
    if alone:
        return [*report, *step[1:]]
    called = [*sections[kind].rstrip().split("\n"), *sections["together"].rstrip().split("\n")]
    return [*report, *step, "", *called]
