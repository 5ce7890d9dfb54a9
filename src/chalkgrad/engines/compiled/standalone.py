"""A C program of its own: the engine's file with a main function, that trains or predicts without Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ...program import Program as Steps
from ..stepping import Array
from .library import aligned, store
from .prediction import prediction_source
from .products import Machine
from .source import Source, print_source
from .training import wanted_for_training

PORTABLE = 16
"""Bytes of the vectors: every processor has them, and compilers do without where one has none."""
ROWS_AT_ONCE = 32
"""Samples in a step, where they are read from standard input."""
PER_LINE = 8


def training_program(
    program: Steps,
    values: Mapping[str, Array],
    data: tuple[Array, Array] | None,
    data_loss: str,
    rate: float,
    clock: int,
    steps: int,
    title: str,
) -> str:
    """A C program that makes `steps` updates and prints the loss before each, and after the last.

    Args:
        program: the program with its update.
        values: what is carried from step to step, at the start.
        data: samples and targets, which then stand in the program; without them it reads them.
        data_loss: the name of the loss without penalties.
        rate: the learning rate.
        clock: updates made before.
        steps: how many updates there are.
        title: the first line.
    """
    dtype = next(iter(values.values())).dtype
    batch = ROWS_AT_ONCE if data is None else len(data[0])
    wanted = wanted_for_training(program, list(values), batch, 1, data_loss, title, dtype)
    source = print_source(wanted, Machine(PORTABLE, 16, dtype.itemsize, PORTABLE), alone=True)
    shapes = {n: [s for s in program.shapes[n] if isinstance(s, int)] for n in ("x", "y")}
    lines = [source.text, *_carried(source, values)]
    if data is None:
        lines += _reading(shapes, dtype, targets=True)
    else:
        lines += _numbers("x", data[0], dtype), _numbers("y", data[1], dtype)
        lines += [f"static const int64_t samples = {len(data[0])};"]
    lines += [
        "",
        "int main(void) {",
        *_prepared(source, "    "),
        *([] if data is not None else ["    const int64_t samples = read_samples();"]),
        "    for (int64_t k = 0; k < samples; k++)",
        "        order[k] = k;",
        "    double loss = 0, data_loss = 0;",
        f"    T.rate = {rate!r}, T.losses = &loss, T.data_losses = &data_loss;",
        f"    for (int64_t s = 0; s <= {steps}; s++) {{",
        "        const int64_t N = least(BATCH, samples - T.at);",
        f"        T.t = (double)(s + 1), T.clock = (double)(s + {clock + 1});",
        f"        T.stop_below = s < {steps} ? -INFINITY : INFINITY; /* the last loss is not followed by an update */",
        "        const int going = step(&T, 0, 1, order + T.at, N);",
        '        printf("step %lld: L = %.17g\\n", (long long)s, loss);',
        "        if (!going)",
        "            break;",
        "        T.at = T.at + N == samples ? 0 : T.at + N;",
        "    }",
        "    return 0;",
        "}",
        "",
    ]
    return "\n".join(lines)


def prediction_program(
    program: Steps, values: Mapping[str, Array], x: Array | None, title: str, dtype: np.dtype[np.generic]
) -> str:
    """A C program that prints the prediction for every sample: those in the program, or those that it reads."""
    machine = Machine(PORTABLE, 16, dtype.itemsize, PORTABLE)
    source = prediction_source(program, values, ("y_hat",), 1, title, dtype, machine, batch=ROWS_AT_ONCE, alone=True)
    outputs = math.prod(s for s in program.shapes["y_hat"] if isinstance(s, int))
    shapes = {"x": [s for s in program.shapes["x"] if isinstance(s, int)]}
    lines = [source.text, *_carried(source, {n: values[n] for n in source.carried})]
    if x is None:
        lines += _reading(shapes, dtype, targets=False)
    else:
        lines += [_numbers("x", x, dtype), f"static const int64_t samples = {len(x)};"]
    size = len(x) if x is not None else 65536
    lines += [
        f"static real y_hat_out[{size * outputs}];",
        "",
        "int main(void) {",
        *_prepared(source, "    "),
        "    T.y_hat_out = y_hat_out;",
        *([] if x is not None else ["    const int64_t samples = read_samples();"]),
        "    for (int64_t k = 0; k < samples; k++)",
        "        order[k] = k;",
        "    T.count = samples;",
        "    for (T.at = 0; T.at < samples; T.at += BATCH)",
        "        step(&T, 0, 1, order + T.at, least(BATCH, samples - T.at));",
        "    for (int64_t n = 0; n < samples; n++)",
        f"        for (int k = 0; k < {outputs}; k++)",
        f'            printf("%.9g%s", (double)y_hat_out[n * {outputs} + k], k == {outputs - 1} ? "\\n" : " ");',
        "    return 0;",
        "}",
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
    """An array as C."""
    digits, mark = (9, "f") if dtype == np.float32 else (17, "")

    def text(value: float) -> str:
        shown = f"{value:.{digits}g}"
        return (shown if any(c in shown for c in ".en") else f"{shown}.0") + mark

    flat = [text(v) for v in np.asarray(array, dtype=dtype).ravel().tolist()]
    while len(flat) > 1 and flat[-1] == flat[-2] == text(0.0):
        flat.pop()  # what is not written is zero
    rows = [", ".join(flat[i : i + PER_LINE]) for i in range(0, len(flat), PER_LINE)]
    return f"static const real {name}[{array.size}] = {{\n    " + ",\n    ".join(rows) + "};"


def _prepared(source: Source, space: str) -> list[str]:
    """The buffers, and a state that knows them."""
    sizes = source.sizes
    lines = ["static Training T;"]
    for name in ("batch", "chunk", "part", "own"):
        lines.append(f"static real {name}[{sizes[name]}];")
    for name in ("numbers", "part_numbers"):
        lines.append(f"static double {name}[NUMBERS];")
    lines += [f"static const real *rows_of_{n}[BATCH];" for n in source.given]
    lines.append("T.carried = carried, T.batch = batch, T.chunk = chunk, T.part = part, T.own = own;")
    lines.append("T.numbers = numbers, T.part_numbers = part_numbers;")
    lines += [f"T.{n} = {n}, T.rows_of_{n} = rows_of_{n};" for n in source.given]
    lines.append("static int64_t order[sizeof x / sizeof *x];")
    return [f"{space}{line}" for line in lines]


def _reading(shapes: Mapping[str, Sequence[int]], dtype: np.dtype[np.generic], *, targets: bool) -> list[str]:
    """A function that reads samples from standard input: the numbers of each, and those of its target."""
    kind = "%f" if dtype == np.float32 else "%lf"
    names = ("x", "y") if targets else ("x",)
    lines = ["#define MOST 65536 /* samples that are read */"]
    lines += [f"static real {n}[MOST * {math.prod(shapes[n])}];" for n in names]
    lines += ["static int64_t read_samples(void) {", "    int64_t n = 0;", "    for (; n < MOST; n++) {"]
    for name in names:
        size = math.prod(shapes[name])
        lines += [
            f"        for (int k = 0; k < {size}; k++)",
            f'            if (scanf("{kind}", &{name}[n * {size} + k]) != 1)',
            "                return n;",
        ]
    return [*lines, "    }", "    return n;", "}"]
