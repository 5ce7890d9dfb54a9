"""A C program of its own: the engine's file with a main function, that trains or predicts without Python."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ....base.errors import OptionError
from ....describe.losses import BinaryCrossEntropy, CrossEntropy, Hinge, Loss
from ....formula import Shape
from ....program import Program, Role, Step, Value
from ....program.loops import Loop, segments
from ....program.whole import Whole
from ...room import aligned
from ...stepping import Array
from ..schedule.buffers import store
from ..schedule.products import Machine
from ..schedule.request import prediction_request, training_request
from .source import Source, print_source

PORTABLE = 16
"""Bytes of the vectors: every processor has them, and compilers do without where one has none."""
ROWS_AT_ONCE = 32
"""Samples in a step, where they are read from standard input."""
PER_LINE = 8
ENDING = (
    "    if (fflush(stdout) || ferror(stdout)) {",
    '        perror("standard output");',
    "        return 1;",
    "    }",
    "    return 0;",
    "}",
)
"""A main function's last lines: what was printed has arrived."""


def training_program(
    program: Program,
    prediction: Program,
    values: Mapping[str, Array],
    data: Mapping[str, Array] | None,
    loss: Loss,
    rate: float,
    clock: int,
    steps: int,
    every: int,
    title: str,
    dtype: np.dtype[Any],
    whole: Sequence[Whole] = (),
) -> str:
    """A C program that makes `steps` updates and prints the loss before each, and after the last that of prediction.

    Where an update changes nothing, it prints the loss alone.

    Args:
        program: the program with its update.
        prediction: the program of prediction, without dropout and batch statistics.
        values: the values that last from step to step, at the start.
        data: samples x, targets y and their weights, if they have any, which then stand in the program; without them
            it reads samples and targets.
        loss: the loss, by which targets that it reads are checked.
        rate: the learning rate.
        clock: the number of updates before.
        steps: the number of updates.
        every: the loss of every so many of them is printed.
        title: the first line.
        dtype: the numbers' type.
        whole: the parts of a sample that hold ids or a mask, by which samples that it reads are checked.

    Raises:
        OptionError: where an update changes nothing, and there are no samples whose loss could be printed.
    """
    batch = ROWS_AT_ONCE if data is None else len(data["x"])
    joint, last = with_prediction(program, prediction)
    if not any(name in program.updated for name in values):
        if data is None:
            raise OptionError(
                "there is nothing to train: give x and y, whose loss is printed, or steps=0 for predictions"
            )
        joint, last, steps = prediction, "L", 0
    request = training_request(joint, list(values), batch, 1, last, title, dtype)
    source = print_source(request, Machine(PORTABLE, 16, dtype.itemsize, PORTABLE), alone=True)
    lines = [source.text, *_carried(source, values)]
    if data is None:
        lines += _reading(program, ("x", "y"), dtype, loss, whole)
    else:
        lines += [_numbers(name, array, dtype) for name, array in data.items()]
        lines += [f"static const int64_t samples = {len(data['x'])};"]
    lines += [
        "",
        "int main(void) {",
        *_prepare(source, "    "),
        *_order(source, read=data is None),
        "    double loss = 0, predicted = 0;",
        f"    T.rate = {rate!r}, T.losses = &loss, T.data_losses = &predicted;",
        f"    for (int64_t s = 0; s <= {steps}; s++) {{",
        "        const int64_t N = least(BATCH, samples - T.at);",
        f"        T.t = (double)(s + 1), T.clock = (double)(s + {clock + 1});",
        f"        T.stop_below = s < {steps} ? -INFINITY : INFINITY; /* the last loss is not followed by an update */",
        "        const int going = step(&T, 0, 1, order + T.at, N);",
        *_report(steps, every, differs=last != "L"),
        "        if (!going)",
        "            break;",
        "        T.at = T.at + N == samples ? 0 : T.at + N;",
        "    }",
        *ENDING,
        "",
    ]
    return "\n".join(lines)


def with_prediction(program: Program, prediction: Program) -> tuple[Program, str]:
    """A training's program with steps after its own that give the loss as in prediction, and that loss's name.

    What is the same in both is computed once; of a loop over time all of it, or nothing.
    """
    names: dict[str, str] = {}
    further: list[Step] = []

    def taken(step: Step) -> tuple[str | None, ...]:
        return tuple(None if i is None else names.get(i, i) for i in step.inputs)

    def known(step: Step) -> bool:
        twin, options = program.by_output.get(step.output), dict(step.options)
        return twin is not None and (twin.rule, twin.inputs, dict(twin.options)) == (step.rule, taken(step), options)

    for segment in segments(prediction.needed_for(["L"])):
        together = segment.steps if isinstance(segment, Loop) else (segment,)
        if all(known(step) for step in together):
            continue
        names.update({step.output: _free(f"{step.output}_predicted", program) for step in together})
        further += [replace(s, value=Value(names[s.output], s.shape, Role.HELP), inputs=taken(s)) for s in together]
    place = max(i for i, s in enumerate(program) if s.part in ("forward", "loss")) + 1
    steps = (*program.steps[:place], *further, *program.steps[place:])
    return replace(program, steps=steps), names.get("L", "L")


def _free(name: str, program: Program) -> str:
    return _free(f"{name}_", program) if name in program.shapes else name


def _report(steps: int, every: int, *, differs: bool) -> list[str]:
    """The lines that print a step's loss."""
    if not steps:
        return ['        printf("L = %.17g\\n", loss);']
    line = 'printf("step %lld: L = %.17g\\n", (long long)s, loss);'
    if not differs:
        return [*([f"        if (s % {every} == 0 || s == {steps})"] if every > 1 else []), f"        {line}"]
    return [
        f"        if (s < {steps} && s % {every} == 0)" if every > 1 else f"        if (s < {steps})",
        f"            {line}",
        f"        if (s == {steps}) /* without dropout, with the running averages */",
        '            printf("after step %lld, as in prediction: L = %.17g\\n", (long long)s, predicted);',
    ]


def prediction_program(
    program: Program,
    values: Mapping[str, Array],
    x: Array | None,
    title: str,
    dtype: np.dtype[np.generic],
    whole: Sequence[Whole] = (),
) -> str:
    """A C program that prints the prediction for every sample: those in the program, or those that it reads."""
    machine = Machine(PORTABLE, 16, dtype.itemsize, PORTABLE)
    request = prediction_request(program, list(values), ("y_hat",), ROWS_AT_ONCE, 1, title, dtype)
    source = print_source(request, machine, alone=True)
    outputs = _size(program.shapes["y_hat"])
    lines = [source.text, *_carried(source, {n: values[n] for n in source.carried})]
    if x is None:
        lines += _reading(program, ("x",), dtype, None, whole)
    else:
        lines += [_numbers("x", x, dtype), f"static const int64_t samples = {len(x)};"]
    lines += [
        "static real *y_hat_out;" if x is None else f"static real y_hat_out[{len(x) * outputs}];",
        "",
        "int main(void) {",
        *_prepare(source, "    "),
        *_order(source, read=x is None),
        *([f"    y_hat_out = longer(NULL, samples * {outputs});"] if x is None else []),
        "    T.y_hat_out = y_hat_out;",
        "    T.count = samples;",
        "    for (T.at = 0; T.at < samples; T.at += BATCH)",
        "        step(&T, 0, 1, order + T.at, least(BATCH, samples - T.at));",
        "    for (int64_t n = 0; n < samples; n++)",
        f"        for (int k = 0; k < {outputs}; k++)",
        f'            printf("%.9g%s", (double)y_hat_out[n * {outputs} + k], k == {outputs - 1} ? "\\n" : " ");',
        *ENDING,
        "",
    ]
    return "\n".join(lines)


def _carried(source: Source, values: Mapping[str, Array]) -> list[str]:
    """The values that are carried from step to step, in the places that the program gives them."""
    buffer = aligned(source.sizes["carried"], source.real)
    places: list[str] = []
    for name, (begin, layout) in source.carried.items():
        store(buffer, begin, layout, values[name])
        places.append(f"{name} from {begin}")
    comment = f"/* {', '.join(places)} */"
    return [comment if len(comment) < 118 else "/* the parameters, and what else lasts from step to step */",
            _numbers("carried", buffer, source.real).replace("static const", "static", 1)]  # fmt: skip


def _numbers(name: str, array: Array, dtype: np.dtype[np.generic]) -> str:
    """An array as C: real numbers of the type, or whole ones where it holds ids."""
    digits, mark = (9, "f") if dtype == np.float32 else (17, "")
    whole = array.dtype.kind == "i"

    def text(value: float) -> str:
        if whole:
            return str(value)
        literal = f"{value:.{digits}g}"
        return (literal if any(c in literal for c in ".en") else f"{literal}.0") + mark

    flat = [text(v) for v in np.asarray(array, dtype=None if whole else dtype).ravel().tolist()]
    while len(flat) > 1 and flat[-1] == flat[-2] == text(0.0):
        flat.pop()  # what is not written is zero
    rows = [", ".join(flat[i : i + PER_LINE]) for i in range(0, len(flat), PER_LINE)]
    kind = "int64_t" if whole else "real"
    return f"static const {kind} {name}[{array.size}] = {{\n    " + ",\n    ".join(rows) + "};"


def _prepare(source: Source, space: str) -> list[str]:
    """The buffers, and a state that knows them."""
    sizes = source.sizes
    lines = ["static Training T;"]
    for name in ("batch", "chunk", "part", "own"):
        lines.append(f"static real {name}[{sizes[name]}];")
    for name in ("numbers", "part_numbers"):
        lines.append(f"static double {name}[NUMBERS];")
    kinds = {n: "int64_t" if n in source.ids else "real" for n in source.given}
    lines += [f"static const {kinds[n]} *rows_of_{n}[BATCH];" for n in source.given]
    lines.append("T.carried = carried, T.batch = batch, T.chunk = chunk, T.part = part, T.own = own;")
    lines.append("T.numbers = numbers, T.part_numbers = part_numbers;")
    return [f"{space}{line}" for line in lines]


def _order(source: Source, *, read: bool) -> list[str]:
    """The samples, read or there already, one after another."""
    lines = [f"    T.{n} = {n}, T.rows_of_{n} = rows_of_{n};" for n in source.given]
    order = "    static int64_t order[sizeof x / sizeof *x];"
    if read:
        order = "    static int64_t *order;\n    order = malloc((size_t)samples * sizeof *order);"
        lines = ["    const int64_t samples = read_samples();", *lines]
    check = ["    if (!order)", '        refuse(0, "so many samples do not fit into memory", "", 0);'] if read else []
    return [*lines, order, *check, "    for (int64_t k = 0; k < samples; k++)", "        order[k] = k;"]


def _size(shape: Sequence[int | str]) -> int:
    return math.prod(s for s in shape if isinstance(s, int))


@cache
def _reader(of_ids: bool) -> str:
    """The C that reads samples from standard input.

    Args:
        of_ids: whether ids are among them.
    """
    text = files(__package__ or "").joinpath("reading.c").read_text(encoding="utf-8")
    begin = text.index("static real *longer(")
    end = text.index("/*", begin)
    for_ids = re.sub(r"\breal\b", "int64_t", text[begin:end]).replace("longer", "longer_ids")
    return f"{text[:end]}{for_ids if of_ids else ''}{text[end:]}"


def _whole_checks(whole: Sequence[Whole]) -> list[str]:
    """The lines that refuse what is no id, and no mask."""
    lines: list[str] = []
    for part in whole:
        end = part.begin + part.size
        what = "a mask is made of 0 and 1" if part.mask else f"an id must be a whole number from 0 to {part.below - 1}"
        lines += [
            f"        for (int k = {part.begin}; k < {end}; k++)",
            f"            if (row[k] < 0 || row[k] >= {part.below} || row[k] != (real)(int64_t)row[k])",
            f'                refuse(0, "{what}", "", 0);',
        ]
        if part.mask:
            last = f"{part.begin + 1 if part.first else end}"
            what = "the first step of a mask is 0" if part.first else "a mask is 0 everywhere"
            lines += [
                f"        for (int k = {part.begin}; k <= {last}; k++)",
                f"            if (k == {last})",
                f'                refuse(0, "{what}, so that nothing counts", "", 0);',
                "            else if (row[k] > 0)",
                "                break;",
            ]
    return lines


def _reading(
    program: Program,
    names: Sequence[str],
    dtype: np.dtype[np.generic],
    loss: Loss | None,
    whole: Sequence[Whole],
) -> list[str]:
    """A function that reads samples from standard input, one a line: its numbers, and those of its target."""
    sizes = {n: _size(program.shapes[n]) for n in names}
    ids = program.values["x"].dtype == "int"
    usage = f"a line holds one sample's {_count(sizes['x'])}"
    usage += f", then its target's {_count(sizes['y'])}" if "y" in sizes else ""
    longer = {n: "longer_ids" if n == "x" and ids else "longer" for n in sizes}
    allocations = [f"            {n} = {longer[n]}({n}, room * {size});" for n, size in sizes.items()]
    stores = _whole_checks(whole)
    begin = 0
    for name, size in sizes.items():
        part = f"{begin} + k" if begin else "k"
        stores += [
            f"        for (int k = 0; k < {size}; k++)",
            f"            {name}[samples * {size} + k] = {'(int64_t)' if name == 'x' and ids else ''}row[{part}];",
        ]
        begin += size
    checks = [] if loss is None else _target_check(loss, sizes["x"], program.shapes["y"])
    single = dtype == np.float32
    return [
        "/* Samples come from standard input, each on a line of its own, with spaces or commas between the numbers. */",
        "#include <stdlib.h>",
        f"#define PER_SAMPLE {begin}",
        f'#define USAGE "{usage}"',
        f"#define TO_REAL {'strtof' if single else 'strtod'}",
        "#define WORD 400 /* characters of a number at most */",
        "#define SHOWN 40 /* and those of them that a message shows */",
        *(f"static {'int64_t' if n == 'x' and ids else 'real'} *{n};" for n in sizes),
        *_reader(ids)
        .replace("GROWN\n", "\n".join(allocations) + "\n")
        .replace("STORED\n", "\n".join([*checks, *stores, ""]))
        .splitlines(),
    ]


def _count(count: int) -> str:
    return f"{count:,} number{'' if count == 1 else 's'}"


def _target_check(loss: Loss, begin: int, shape: Shape) -> list[str]:
    """The lines that refuse targets which are none of this loss, as the network does (`Loss.target_check`)."""
    size, steps = _size(shape[-1:]), _size(shape[1:-1])
    if steps == 1:
        return _step_check(loss, begin, size)
    head = f"        for (int step = {begin}; step < {begin + size * steps}; step += {size}) {{"
    return [head, *(f"    {line}" for line in _step_check(loss, "step", size)), "        }"]


def _step_check(loss: Loss, begin: int | str, size: int) -> list[str]:
    """The lines for the `size` numbers from `begin` on: a sample's target, or that of one step of a sequence."""
    end = begin + size if isinstance(begin, int) else f"{begin} + {size}"
    each = f"        for (int k = {begin}; k < {end}; k++)"
    total = ["        double total = 0;", each, "            total += (double)row[k];"]
    match loss:
        case CrossEntropy():
            ignored = " && total != 0" if loss.ignores else ""
            outside = f"(total < 0.9999{ignored})" if ignored else "total < 0.9999"
            return [
                *total,
                each,
                f"            if (row[k] < 0 || {outside} || total > 1.0001)",
                '                refuse(0, "a target must sum to 1, such as 1 at its class and else 0", "", 0);',
                each,
                f"            row[k] /= (real){'(total == 0 ? 1 : total)' if ignored else 'total'};",
            ]
        case BinaryCrossEntropy():
            return [
                each,
                "            if (row[k] < 0 || row[k] > 1)",
                '                refuse(0, "a target must be between 0 and 1", "", 0);',
            ]
        case Hinge() if size == 1:
            return [
                f"        row[{begin}] = row[{begin}] == 0 ? -1 : row[{begin}];",
                f"        if (row[{begin}] != 1 && row[{begin}] != -1)",
                '            refuse(0, "a target must be -1 or 1 (or 0 or 1)", "", 0);',
            ]
        case Hinge():
            return [
                *total,
                each,
                "            if ((row[k] != 0 && row[k] != 1) || total != 1)",
                '                refuse(0, "a target must be 1 at its class, else 0", "", 0);',
            ]
        case _:
            return []
