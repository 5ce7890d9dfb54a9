"""Skipping zeros: of samples that are mostly zeros (images of digits), products take only what is not.

A bit says of every number of every sample whether it is not zero: bit n % 32 of `nonzero[n / 32 * size + i]` of
element i of sample n. A tile that sums over the samples goes through the bits of its elements; a tile that sums over
the elements puts together, 32 elements at a time, which of them any of its samples has, and goes through these. What is
left out would have added zeros: as long as the other factor is finite, the sums are the same, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ....formula.nodes import Symbol
from ..schedule.layouts import multiple
from ..schedule.plan import Phase, Plan
from ..schedule.products import WORD, Product
from .ir import (
    ZERO,
    Assign,
    BindAhead,
    BindNonzero,
    Cell,
    Code,
    Declare,
    EachLit,
    FindLit,
    FindNonzero,
    Index,
    Integer,
    LoadWord,
    Loop,
    Prefetch,
    Quotient,
    Sum,
    Variable,
    whole,
)


class Zeros:
    """The words by which a program skips zeros.

    Attributes:
        row: the number of numbers of a sample.
        size: the number of words for 32 samples: one for every element, and more up to whole runs of 32; 0 where
            nothing is skipped.
        words: the number of words of each thread: those of a batch, and of the samples that it takes together.

    Args:
        plan: the plan.
        batch: the most samples in a step.
    """

    def __init__(self, plan: Plan, batch: int) -> None:
        self._plan = plan
        self.row = math.prod(plan.layouts["x"].shape)
        self.size = multiple(self.row, WORD) if self.of(*plan.phases) else 0
        self.words = (-(-batch // WORD) + 1) * self.size

    def _products(self, phases: Sequence[Phase]) -> list[Product]:
        products = self._plan.products
        return [
            products[s.output]
            for p in phases
            for s in p.statements
            if s.output in products and products[s.output].skips
        ]

    def of(self, *phases: Phase) -> bool:
        """Whether products of such phases skip zeros."""
        return bool(self._products(phases))

    def begun(self, phase: Phase) -> Code:
        """The first instructions of a phase's routine, once it knows its samples."""
        products = self._products([phase])
        if not products:
            return []
        by_rows = phase.kind == "rows"
        code: Code = [FindNonzero(self.row, self.size) if by_rows else BindNonzero()]
        if not all(p.over_samples for p in products):
            code.append(BindAhead("begin" if by_rows else ""))
        return code


def without_zeros(product: Product, body: Code) -> Code:
    """The loop over a product's summed index, which leaves out what is zero in all rows of a tile.

    Where the forward product goes through samples, those of the next step are fetched into the cache.

    Args:
        product: the product.
        body: the instructions for one value of the index.
    """
    sample, element = (place.name for place in product.left.indices if isinstance(place, Symbol))
    size = multiple(product.extent(element), WORD)

    def row(index: str) -> Integer:
        return Sum((Index(index), Index("row"))) if product.rows else Index(index)

    code: Code = [Declare("bits", "found", ZERO)]
    if product.over_samples:
        summed, end = sample, Index("rows")
        words = Cell("nonzero", Sum((Quotient(Index("from"), WORD, size), row(element))))
        add = Assign(Variable("found"), LoadWord(words), "|=")
        code.append(Loop("row", Index("R"), [add], unrolled=True, layout="beside"))
    else:
        summed, end = element, whole(size)
        words = Cell("nonzero", Sum((Quotient(Index(sample), WORD, size), Index("from"), Index("k"))))
        code = [Prefetch(row(sample)), *code, FindLit(words, sample)]
    return [Loop("from", end, [*code, EachLit(summed, body)], step=WORD)]
