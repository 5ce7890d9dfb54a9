"""The threads that compute, and those of the matrix library: for small products one is quicker than several."""

from __future__ import annotations

import math
import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

from ..program import Program
from .stepping import MOST_THREADS

THREADS = "CHALKGRAD_THREADS"
"""The environment variable with the most threads to use."""
SMALL = 1_000_000
"""Products of fewer multiplications than this are quicker on one thread (measured on 2 cores)."""


def most_threads() -> int | None:
    """The most threads to use, where the environment says."""
    limit = os.environ.get(THREADS, "")
    return min(int(limit), MOST_THREADS) if limit.isdecimal() and int(limit) > 0 else None


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


@cache
def _matrix_library() -> Any:
    """NumPy's matrix library, found once: to look through all that is loaded takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def held_to(threads: int) -> AbstractContextManager[Any]:
    """The matrix library with so many threads at most."""
    return _matrix_library().limit(limits=threads, user_api="blas")


@contextmanager
def few_threads(program: Program, samples: int) -> Generator[None]:
    """Holds the matrix library to one thread where the program's products are small, else to those of `THREADS`."""
    limit = most_threads() if largest_product(program, samples) >= SMALL else 1
    if limit is None:
        yield
        return
    with held_to(limit):
        yield
