"""The C file of a plan: what a step computes, phase by phase, and the loop over the steps."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from ....base.text import visible
from ...room import BEYOND
from ..loops.memory import LINE, Memory
from ..loops.phases import Routines, lower
from ..loops.zeros import Zeros
from ..schedule.layouts import Layout, multiple
from ..schedule.plan import Phase, Plan, plan
from ..schedule.products import WORD, Machine
from ..schedule.request import Request
from .c import CPrinter
from .printer import Lines, braced, fitted, indented

LONGEST_TITLE = 200
STEP = "Training *T, int thread, int threads, const int64_t *order, int64_t N"
"""The parameters of the function of a step."""


@dataclass(frozen=True, slots=True)
class Source:
    """A C file, with the facts by which it is called.

    Attributes:
        text: the file.
        carried: the beginning of each value that lasts from step to step in their buffer, and its layout.
        kept: of the values that are read where the caller keeps them, the name in the state.
        sizes: the number of numbers in the buffers ("carried", "batch"), each thread's ("chunk", "own"), each part's
            ("part"), the single ones ("numbers"), a batch of x read from bytes ("read") and of y from
            class numbers ("rows"), and each thread's words that say which numbers of x are not 0 ("nonzero").
        given: the values that come from outside row by row, with the length of a row.
        results: the values that are handed out row by row.
        ids: the values from outside that are ids.
        batch: the most samples in a step.
        parts: the number of parts of a batch.
        real: the type of the numbers.
    """

    text: str
    carried: Mapping[str, tuple[int, Layout]]
    kept: Mapping[str, str]
    sizes: Mapping[str, int]
    given: Mapping[str, int]
    results: Mapping[str, int]
    ids: frozenset[str]
    batch: int
    parts: int
    real: np.dtype[np.generic]


@cache
def prelude() -> dict[str, str]:
    """The C that is the same for all networks, by sections."""
    text = files(__package__ or "").joinpath("prelude.c").read_text(encoding="utf-8")
    parts = re.split(r"^/// (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def print_source(request: Request, machine: Machine, *, alone: bool = False) -> Source:
    """The C file of a request.

    Args:
        request: the program that is to be printed.
        machine: the machine that runs it.
        alone: whether calls from outside and threads are left out; a main function is then printed after it.
    """
    schedule = plan(request, machine)
    routines = lower(schedule, request)
    memory, zeros, tiny = routines.memory, routines.zeros, routines.tiny
    inputs = routines.given
    printer = CPrinter()
    listings = [printer.routine(tile) for tile in routines.tiles.values()]
    for pieces in routines.phases.values():
        listings.append([line for piece in pieces for line in [*printer.routine(piece), ""]][:-1])
    phases = dict(zip(routines.phases, (p for p in schedule.phases if p.statements or p.kind == "report"), strict=True))
    text = "\n".join(
        [
            f"/* {in_comment(request.title)}",
            "   Written by chalkgrad from the network's own steps; the formula of each stands over its loops. */",
            *_head(request, schedule, memory, routines, zeros, alone),
            "\n\n".join("\n".join(lines) for lines in listings),
            "",
            *_main(request, schedule, memory, inputs, list(phases.items()), zeros, tiny and not alone, alone),
            "",
        ]
    )
    carried = {n: (memory.places[n], schedule.layouts[n]) for n in request.carried if n in memory.places}
    kept = {n: f"kept_{memory.name(n)}" for n, v in schedule.values.items() if v.home == "kept"}
    rows = {n: math.prod(schedule.layouts[n].shape) for n in inputs}
    results = {n: schedule.layouts[n].size for n in schedule.results}
    numbers = request.batch * _apart(rows["x"]) + BEYOND if request.of_bytes and "x" in rows else 0
    of_classes = request.of_classes and "y" in rows
    targets = request.batch * _apart(rows["y"]) if of_classes else 0
    sizes = {**memory.sizes, "read": numbers, "rows": targets, "nonzero": zeros.words}
    ids = frozenset(n for n in inputs if schedule.values[n].ids)
    return Source(text, carried, kept, sizes, rows, results, ids, request.batch, request.parts, request.real)


def in_comment(text: str) -> str:
    """`text` on one line, made safe for a C comment: nothing in it ends the comment, begins another, or is read
    before comments are (a backslash at the line's end, and what trigraphs make one).
    """
    line = visible(" ".join(text.split()))[:LONGEST_TITLE]
    line = line.replace("??", "? ?").replace("??", "? ?").replace("*/", "* /").replace("/*", "/ *")
    return f"{line} ." if line.endswith("\\") else line


def _apart(size: int) -> int:
    """The distance of samples that were read from bytes."""
    return multiple(size, LINE)


def _head(request: Request, schedule: Plan, memory: Memory, routines: Routines, zeros: Zeros, alone: bool) -> Lines:
    """The lines before the first function."""
    inputs = routines.given
    name = "float" if request.real == np.float32 else "double"
    byte = "uint8_t" if request.of_bytes else "real"
    includes = ["math.h", "stdio.h" if alone else "sched.h", "stdint.h", "string.h", *([] if alone else ["time.h"])]
    quiet = '#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* OpenMP\'s, where -fopenmp-simd is not given */'
    lines = [*(f"#include <{header}>" for header in includes), *([quiet] if alone else []), ""]
    lines += [f"typedef {name} real;", *_section("base"), *_section(name), *_section("functions")]
    if request.of_bytes and "x" in inputs:
        lines += _section("bytes")
    if request.of_classes and "y" in inputs:
        lines += _section("classes")
    if zeros.size:
        lines += _section("nonzero")
    if any(s.step.rule.formula is None for p in schedule.phases for s in p.statements):
        lines += _section("mask")
    lines += [""]
    for width in sorted({tile.lanes for tile in routines.tiles.values() if tile.lanes}):
        lines += _vector(width, schedule.machine.real)
    sizes = memory.sizes
    lines += [
        "",
        f"#define BATCH {request.batch} /* the most samples in a step */",
        f"#define PARTS {request.parts} /* into so many a batch is split, whoever computes them */",
        f"#define CHUNK {schedule.chunk} /* samples that are taken together */",
        f"#define CHUNK_SIZE {sizes['chunk']} /* numbers that these need, for each thread */",
        f"#define PART_SIZE {sizes['part']} /* numbers of a part's sums */",
        f"#define OWN_SIZE {sizes['own']} /* numbers that each thread computes for itself */",
        f"#define NUMBERS {max(sizes['numbers'], 1)}",
    ]
    if zeros.size:
        lines += [
            f"#define NONZERO {zeros.words} /* words that say of each thread's samples what is not 0 */",
            f"#define X_BYTES (int)sizeof({byte})",
        ]
    lines += ["", *_state(request, schedule, memory, inputs, zeros)]
    if alone:
        lines += ["#define wait_for_all(T, threads) ((void)(T), (void)(threads)) /* there is one thread */"]
    else:
        lines += ["#define SPINS 20000 /* so often somebody looks for others without a pause */"]
        lines += _section("wait") if request.data_loss is not None else []
        lines += _section("subnormals")
    return [*lines, ""]


@cache
def _lines_of(section: str) -> tuple[str, ...]:
    return tuple(prelude()[section].rstrip().split("\n"))


def _section(name: str) -> Lines:
    return list(_lines_of(name))


def _state(request: Request, schedule: Plan, memory: Memory, inputs: Sequence[str], zeros: Zeros) -> Lines:
    """The type of the program's state."""
    lines = _section("state")
    kinds = {n: _kind_of(schedule, n) for n in inputs}
    kinds |= {"x": "uint8_t"} if request.of_bytes and "x" in inputs else {}
    kinds |= {"y": "int32_t"} if request.of_classes and "y" in inputs else {}
    lines += [f"    const {kind} *{n};" for n, kind in kinds.items()]
    where = "each thread's: where the samples' rows begin"
    lines += [f"    const {_kind_of(schedule, n)} **rows_of_{n}; /* {where} */" for n in inputs]
    if request.of_bytes and "x" in inputs:
        lines += ["    real *x_read; /* a batch of x, as numbers */"]
    if request.of_classes and "y" in inputs:
        lines += ["    real *y_read; /* a batch of y, as rows */"]
    if zeros.size:
        lines += [
            "    uint32_t *nonzero; /* each thread's: which numbers of x are not 0, a bit for each */",
            "    const char **rows_ahead; /* each thread's: where the rows of x begin that come next */",
        ]
    lines += [f"    real *{memory.name(n)};" for n in schedule.results]
    kept = [memory.name(n) for n, value in schedule.values.items() if value.home == "kept"]
    lines += [f"    const real *kept_{name}; /* where the caller keeps it */" for name in kept]
    return [*lines, *_section("state_end")]


def _kind_of(made: Plan, name: str) -> str:
    """The type of a value's elements."""
    return "int64_t" if made.values[name].ids else "real"


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


def _main(
    request: Request,
    schedule: Plan,
    memory: Memory,
    inputs: Sequence[str],
    phases: Sequence[tuple[str, Phase]],
    zeros: Zeros,
    tiny: bool,
    alone: bool,
) -> Lines:
    """The functions that are called from outside."""
    training = request.data_loss is not None
    rows: Lines = []
    for name in inputs:
        size = math.prod(schedule.layouts[name].shape)
        read = (name == "x" and request.of_bytes) or (name == "y" and request.of_classes)
        place = f"T->{name}_read + k * {_apart(size)}" if read else f"T->{name} + row * {size}"
        rows.append(f"T->rows_of_{name}[thread * BATCH + k] = {place};")
    apart = tiny or alone or request.of_classes
    if training and "y" in inputs and not apart:  # it is wanted after much else: on its way from here on
        rows += [f"__builtin_prefetch(T->y + row * {math.prod(schedule.layouts['y'].shape)});"]
    if zeros.size:  # where a sample lies that the next step takes; at the end of an epoch it is one of this step
        ahead = f"order[k + N < left ? k + N : k] * {zeros.row}"
        rows += [f"T->rows_ahead[thread * BATCH + k] = (const char *)(T->x + {ahead});"]
    # in a prediction nobody waits for anybody: a part must keep its places in the buffers, also in a smaller last batch
    whole = "N" if training else "least(BATCH, T->count)"
    split = [
        f"const int64_t first = least(N, ({whole} + 3) / 4 * part / PARTS * 4);",
        f"const int64_t end = least(N, ({whole} + 3) / 4 * (part + 1) / PARTS * 4);",
    ]
    parts = "for (int part = thread; part < PARTS; part += threads)"
    skips = zeros.of(*(p for _, p in phases if p.kind != "rows"))
    lines: Lines = []
    reading: Lines = []
    if request.of_bytes and "x" in inputs:
        size = math.prod(schedule.layouts["x"].shape)
        reading += [f"read_bytes(T->x_read + k * {_apart(size)}, T->x + order[k] * {size}, {size});"]
    if request.of_classes and "y" in inputs:
        steps, classes = map(int, request.shapes["y"][1:])
        distance = _apart(steps * classes)
        reading += [f"read_classes(T->y_read + k * {distance}, T->y + order[k] * {steps}, {steps}, {classes});"]
    if reading:
        loop = "for (int64_t k = first; k < end; k++)"
        lines += fitted(parts, [*split, *(braced(loop, reading) if len(reading) > 1 else [loop, f"    {reading[0]}"])])
        first = next(p.kind for _, p in phases if p.kind != "shared")
        if training and (first != "rows" or skips):
            lines += ["wait_for_all(T, threads);"]
    if skips:
        place, some = f"T->nonzero + thread * NONZERO + k / {WORD} * {zeros.size}", f"(int)least({WORD}, N - k)"
        each = f"find_nonzero({place}, T->rows_of_x + thread * BATCH + k, {some}, {zeros.row}, {zeros.size});"
        lines += fitted(f"for (int64_t k = 0; k < N; k += {WORD})", [each])
    for name, phase in phases:
        if phase.kind == "rows":
            lines += fitted(parts, [*split, f"{name}(T, thread, part, first, end, (int)N);"])
        elif phase.kind in ("blocks", "update"):
            lines += fitted(parts, [f"{name}(T, thread, part, N);"])
        else:
            lines += [f"{name}(T, thread, N);"]
        if phase.kind == "report" and training:
            carried = any(n in request.carried for s in phase.statements for n in s.reads)
            loss = f"T->numbers[thread * NUMBERS + {memory.places['L']}]"
            data = f"T->numbers[thread * NUMBERS + {memory.places[request.data_loss or '']}]"
            lines += [
                f"if (!report(T, thread, {loss}, {data})) return 0;",
                *(["wait_for_all(T, threads);"] if carried else []),
            ]
        elif phase.kind != "shared" and training:
            lines += ["wait_for_all(T, threads);"]
    step = [
        "/* one step: N samples from `order` on; returns 0 where the training has to stop before the update */",
        f"{'static ALWAYS' if tiny else 'static'} int step({STEP}) {{",
        *indented(
            [
                *(["const int64_t left = T->count - (order - T->order) % T->count;"] if zeros.size else []),
                *fitted("for (int64_t k = 0; k < N; k++)", ["const int64_t row = order[k];", *rows]),
                *lines,
                "return 1;",
            ]
        ),
        "}",
    ]
    once = "step(T, thread, threads, order, N)"
    twice = "(N == BATCH ? step(T, 0, 1, order, BATCH) : step(T, 0, 1, order, N)) /* there is one thread */"
    step = [f"#define STEP(T, thread, threads, order, N) {twice if tiny else once}", *step]
    kind = "training" if training else "prediction"
    report = _section("report") if training else []
    if alone:
        return [*report, *step[1:]]
    entry = [*_section(kind), *_section("together")]
    return [*report, *step, "", *entry]
