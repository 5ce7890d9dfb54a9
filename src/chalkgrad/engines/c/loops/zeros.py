"""Skipping zeros: of samples that are mostly zeros (images of digits), products take only what is not.

A bit says of every number of every sample whether it is not zero: bit n % 32 of `nonzero[n / 32 * size + i]` of
element i of sample n. A tile that sums over the samples goes through the bits of its elements; a tile that sums over
the elements puts together, 32 elements at a time, which of them any of its samples has, and goes through these. What is
left out would have added zeros: as long as the other factor is finite, the sums are the same, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....formula.nodes import Symbol
from ...stepping import Array
from ..schedule.layouts import multiple
from ..schedule.plan import Phase, Plan
from ..schedule.products import SAMPLES_TOGETHER, WORD, Product
from .nests import Lines, braced

LEFT = 0.6
"""Zeros are skipped where tiles have to take at most this share of their elements."""
LINE = 64
"""Bytes of a cache line."""
LOOKED_AT = 2**20
"""About so many numbers are looked at to find that out."""


def mostly_zeros(x: Array) -> bool:
    """Whether it is worth it to skip the zeros of samples.

    Args:
        x: the samples, (N, ...).
    """
    if len(x) < SAMPLES_TOGETHER or not x.size:
        return False
    groups = max(1, min(LOOKED_AT // x[0].size, len(x)) // SAMPLES_TOGETHER)
    chosen = np.linspace(0, len(x) - 1, groups * SAMPLES_TOGETHER).astype(np.int64)
    seen = x[chosen].reshape(SAMPLES_TOGETHER, groups, -1) != 0  # those of a group lie far apart, as when shuffled
    return float(seen.any(axis=0).mean()) <= LEFT


class Zeros:
    """What a program needs to skip zeros.

    Attributes:
        size: how many words stand for 32 samples: one for every element, and more up to whole runs of 32; 0 where
            nothing is skipped.
        words: how many words each thread has: those of a batch, and of the samples that it takes together.

    Args:
        plan: the plan.
        batch: the most samples in a step.
    """

    def __init__(self, plan: Plan, batch: int) -> None:
        self._plan = plan
        self._row = math.prod(plan.layouts["x"].shape)
        self.size = multiple(self._row, WORD) if self.of(*plan.phases) else 0
        self.words = (-(-batch // WORD) + 1) * self.size

    def _products(self, phases: Sequence[Phase]) -> list[Product]:
        made = self._plan.products
        return [made[s.output] for p in phases for s in p.statements if s.output in made and made[s.output].skips]

    def of(self, *phases: Phase) -> bool:
        """Whether products of such phases skip zeros."""
        return bool(self._products(phases))

    def defined(self, kind: str) -> Lines:
        """Its constants; `kind` is the type in which x comes."""
        if not self.size:
            return []
        return [
            f"#define NONZERO {self.words} /* words that say of each thread's samples what is not 0 */",
            f"#define X_BYTES (int)sizeof({kind})",
        ]

    def in_state(self) -> Lines:
        """What the program's state has for it."""
        if not self.size:
            return []
        return [
            "    uint32_t *nonzero; /* each thread's: which numbers of x are not 0, a bit for each */",
            "    const char **rows_ahead; /* each thread's: where the rows of x begin that come next */",
        ]

    def begun(self, phase: Phase) -> Lines:
        """What the function of a phase begins with, once it knows its samples."""
        products = self._products([phase])
        if not products:
            return []
        if phase.kind == "rows":
            place = f"(thread + 1) * NONZERO - {self.size}"
            first = "T->rows_of_x + thread * BATCH + begin"
            lines = [
                f"uint32_t *const nonzero = T->nonzero + {place};",
                f"find_nonzero(nonzero, {first}, rows, {self._row}, {self.size});",
            ]
        else:
            lines = ["const uint32_t *const nonzero = T->nonzero + thread * NONZERO;"]
        if not all(p.over_samples for p in products):
            further = " + begin" if phase.kind == "rows" else ""
            lines += [f"const char *const *const ahead = T->rows_ahead + thread * BATCH{further};"]
        return lines

    def whole_batch(self) -> Lines:
        """Finds out what is not zero in a batch."""
        place, rows = f"T->nonzero + thread * NONZERO + k / {WORD} * {self.size}", f"(int)least({WORD}, N - k)"
        each = f"find_nonzero({place}, T->rows_of_x + thread * BATCH + k, {rows}, {self._row}, {self.size});"
        return braced(f"for (int64_t k = 0; k < N; k += {WORD})", [each])

    def left(self) -> Lines:
        """How many samples of the epoch are left with this step's."""
        return ["const int64_t left = T->count - (order - T->order) % T->count;"] if self.size else []

    def row_ahead(self) -> str:
        """Notes where a sample lies that the next step takes; at the end of an epoch it is one of this step."""
        return (
            f"T->rows_ahead[thread * BATCH + k] = (const char *)(T->x + order[k + N < left ? k + N : k] * {self._row});"
        )


def without_zeros(made: Product, body: Lines) -> Lines:
    """The loop over a product's summed index, which leaves out what is zero in all rows of a tile.

    Where the forward product goes through samples, those of the next step are fetched into the cache.

    Args:
        made: the product.
        body: what is done for one value of the index.
    """
    sample, element = (place.name for place in made.left.indices if isinstance(place, Symbol))
    size = multiple(made.extent(element), WORD)
    if made.over_samples:
        summed, end = sample, "rows"
        row = f"{element} + row" if made.rows else element
        found = ["uint32_t found = 0;", f"EACH(row, R) found |= nonzero[from / {WORD} * {size} + {row}];"]
    else:
        summed, end = element, str(size)
        row = f"{sample} + row" if made.rows else sample
        lit = f"nonzero[{sample} / {WORD} * {size} + from + k] >> {sample} % {WORD} & ((1u << R) - 1)"
        found = [
            f"EACH(row, R) EACH(line, ({WORD} * X_BYTES + {LINE - 1}) / {LINE})",
            f"    __builtin_prefetch(ahead[{row}] + from * X_BYTES + line * {LINE}, 0, 2);",
            "uint32_t found = 0;",
            f"for (int k = 0; k < {WORD}; k++) found |= (uint32_t)(({lit}) != 0) << k;",
        ]
    each = [f"const int {summed} = from + __builtin_ctz(found);", *body]
    return braced(
        f"for (int from = 0; from < {end}; from += {WORD})",
        [*found, *braced("for (; found; found &= found - 1)", each)],
    )
