"""The threads of the matrix library: for small products one is quicker than several."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager

from ..program import Program

SMALL = 1_000_000
"""Products of fewer multiplications than this are quicker on one thread (measured on 2 cores)."""


def largest_product(program: Program, samples: int) -> int:
    """The number of multiplications in the program's largest product, about, for so many samples."""
    largest = 0
    for name, shape in program.parameters.items():
        uses = [s for s in program.steps if name in s.inputs and s.rule.weighted]
        if not uses or len(shape) < 2:
            continue
        positions = max((math.prod(int(n) for n in s.shape[2:]) for s in uses), default=1)
        largest = max(largest, math.prod(int(n) for n in shape) * positions * samples)
    return largest


@contextmanager
def few_threads(program: Program, samples: int) -> Generator[None]:
    """Holds the matrix library to one thread where the program's products are small."""
    if largest_product(program, samples) >= SMALL:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
