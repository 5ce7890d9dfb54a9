"""Fresh round numbers in place of an example's own, of the same shapes, signs and sizes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.errors import ChalkgradError, DataError
from ..examples.example import Example, example
from .degenerate import faults
from .example_table import table_of, with_numbers

Array = np.ndarray[Any, Any]
TRIES = 600
"""How often numbers are drawn; the distances asked for are halved after every third of them."""
LEVELS, ENOUGH = 5, 20
"""So many multiples of the step at least there are to choose from, and of an array with more elements so many."""


ROUND = 3
"""Significant digits of what updates before the sheet's step lead to."""
WIDER = 1.2
"""How much larger than the largest of the example's numbers a fresh one may be."""
SMALLER = (1.0, 0.75, 0.5)
"""By how much parameters are made smaller in every third of the tries: large ones saturate."""


def draw(
    worked: Example, table: Mapping[str, Any], seed: int, blanks: Sequence[Address], digits: int, after: int = 0
) -> dict[str, Any]:
    """The table with numbers drawn from the seed.

    Args:
        worked: the worked example.
        table: the same as a table.
        seed: where the numbers come from; the same seed gives the same numbers.
        blanks: what is asked for.
        digits: to how many significant digits.
        after: how many updates are made from the numbers drawn; what comes of them is rounded and given.

    Raises:
        DataError: where none of the draws makes a good exercise; it says what was wrong with most of them.
    """
    usual = worked.trace()
    random = Random(seed)  # its numbers are the same in every version of Python
    network = worked.network.copy(dtype="float64")
    why: Counter[str] = Counter()
    for place in range(TRIES):
        third = 3 * place // TRIES
        numbers = _numbers(worked, random, WIDER * SMALLER[third])
        try:
            network.set_parameters({n: a for n, a in numbers.items() if n in network.parameters})
            moment = replace(worked, network=network, x=numbers["x"], y=numbers["y"], text="").at(after)
            result = with_numbers(table, numbers) if not after else table_of(moment, ROUND)
            trace = moment.trace() if not after else example(result, worked.title).trace()
        except ChalkgradError as error:
            why[str(error)] += 1
            continue
        bad = faults(trace, blanks, digits, margin=0.5**third, off=third < 2, usual=usual)
        if not bad:
            return result
        why[bad[0]] += 1
    (most, count), *_ = why.most_common(1)
    raise DataError(
        f"{worked.title}: none of {TRIES} draws with seed {seed} makes a good exercise; in {count} of them {most}. "
        "Give the example other numbers (their sizes and signs are kept), another seed or other blanks, or leave the "
        "seed out"
    )


def _numbers(worked: Example, random: Random, wider: float) -> dict[str, Array]:
    ignores = worked.network.loss_function.ignores
    numbers = {"x": _samples(worked, random), "y": _targets(worked.y, random, ignores=ignores)}
    for name, array in worked.network.parameters.items():
        numbers[name] = fresh(array, random, wider)
    return numbers


def _samples(worked: Example, random: Random) -> Array:
    """Samples of the same kind: ids for ids, fresh numbers for values, and the masks as they are."""
    layout = worked.network.layout
    if not layout.several or not (layout.ids or layout.masks):
        return _ids(worked.x.shape, layout.ids["x"], random) if layout.ids else fresh(worked.x, random)
    parts: list[Array] = []
    begin = 0
    for name, shape in layout.inputs.items():
        part = worked.x[:, begin : begin + math.prod(shape)]
        begin += math.prod(shape)
        if name not in layout.masks:
            part = _ids(part.shape, layout.ids[name], random) if name in layout.ids else fresh(part, random)
        parts.append(part)
    return np.concatenate(parts, axis=1)


def step_of(array: Array) -> float:
    """The step of an array's fresh numbers: 0.05, 0.1, ..., so that enough multiples of it fit below its largest."""
    largest = float(np.abs(array).max(initial=0.0))
    if largest >= 2 and bool((array == np.round(array)).all()):
        return 1.0
    scale = 1.0
    if largest and not 0.05 <= largest < 10:
        scale = 10.0 ** math.floor(math.log10(largest))
    levels = min(max(LEVELS, array.size), ENOUGH)
    for share in (0.1, 0.05, 0.01):
        if WIDER * largest / (share * scale) > levels - 1e-6:
            return share * scale
    return 0.01 * scale


def fresh(array: Array, random: Random, wider: float = WIDER) -> Array:
    """Round numbers of an array's shape, no two the same where there are enough; what is all 0 stays so."""
    largest = float(np.abs(array).max(initial=0.0))
    if not largest:
        return np.zeros(array.shape)
    step = step_of(array)
    signs = [s for s in (-1, 1) if bool((array * s > 0).any())]
    levels = max(1, round(wider * largest / step))
    multiples = [_multiple(s * k, step) for k in range(1, levels + 1) for s in signs]
    return np.array(_some(multiples, array.size, random)).reshape(array.shape)


def _ids(shape: tuple[int, ...], count: int, random: Random) -> Array:
    """Ids from 0 to count - 1."""
    return np.array([_below(count, random) for _ in range(math.prod(shape))]).reshape(shape)


def _targets(y: Array, random: Random, *, ignores: bool = False) -> Array:
    """Targets of the same kind: classes, bits, numbers near 0 and 1, or numbers between the smallest and largest."""
    if not y.any():
        return np.zeros(y.shape)
    bits = bool(np.isin(y, (0.0, 1.0)).all())
    if bits and y.ndim > 1 and y.shape[-1] > 1 and bool((y.sum(axis=-1) == 1).all() or ignores):
        rows: Array = np.zeros((y.size // y.shape[-1], y.shape[-1]))
        for place in np.flatnonzero(y.reshape(rows.shape).sum(axis=-1)):  # the row of an ignored target is all 0
            rows[place, _below(y.shape[-1], random)] = 1.0
        return rows.reshape(y.shape)
    if bits:
        return np.array(_shuffled(y.ravel().tolist(), random)).reshape(y.shape)
    if bool(((y >= 0) & (y <= 0.1) | (y >= 0.9) & (y <= 1)).all()):
        low = [0.01, 0.02, 0.03, 0.04, 0.05]
        targets = [_pick(low, random) if v < 0.5 else 1 - _pick(low, random) for v in y.ravel()]
        return np.array([round(v, 2) for v in _shuffled(targets, random)]).reshape(y.shape)
    step, first, last = step_of(y), float(y.min()), float(y.max())
    if first == last:
        return fresh(y, random)
    lowest, highest = round(first / step), round(last / step)
    multiples = [_multiple(k, step) for k in range(lowest, highest + 1)]
    return np.array(_some(multiples, y.size, random)).reshape(y.shape)


def _multiple(count: int, step: float) -> float:
    return float(f"{count * step:.12g}")


def _some(numbers: Sequence[float], count: int, random: Random) -> list[float]:
    """So many of the known numbers, in any order, each at most once where there are enough."""
    pool: list[float] = []
    while len(pool) < count:
        pool.extend(_shuffled(numbers, random))
    return pool[:count]


def _below(count: int, random: Random) -> int:
    return int(random.random() * count)


def _pick(numbers: Sequence[float], random: Random) -> float:
    return numbers[_below(len(numbers), random)]


def _shuffled(numbers: Sequence[float], random: Random) -> list[float]:
    pool = list(numbers)
    for place in range(len(pool) - 1, 0, -1):
        partner = _below(place + 1, random)
        pool[place], pool[partner] = pool[partner], pool[place]
    return pool
