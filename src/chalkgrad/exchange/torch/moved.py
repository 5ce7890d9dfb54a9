"""Lines that move numbers and compute none: parts of values, other orders of axes, values repeated.

PyTorch's slices, transpositions and expansions are indices here (`values`). Where no layer takes such an index as it
is, it becomes a layer of one formula, `a[n,i] = z[n,0,i]`, if every axis of what it is taken from runs evenly.
"""

from __future__ import annotations

import math
from typing import Any

from ...describe.layers import Layer
from ...describe.layers.from_formulas import Statement, layer_of
from ...describe.layers.registry import FROM_FILES
from .trace import torch_library

LETTERS = "ijklm"


def formulas_of(index: Any, shape: tuple[int, ...]) -> tuple[str, tuple[str, ...]] | None:
    """What moves the numbers of a value so that they come in the order of an index.

    Args:
        index: the index among all numbers of the value, the samples' axis first.
        shape: the value's shape, of one sample.

    Returns:
        A word for it, and the formulas; None where there are none.
    """
    count = math.prod(shape)
    steps = torch_library().arange(index.shape[0]).reshape(-1, *[1] * (index.ndim - 1)) * count
    one = index[0]
    if index.ndim - 1 > len(LETTERS) or not bool((index == one + steps).all()):
        return None
    if not bool(((one >= 0) & (one < count)).all()):
        return None
    places = torch_library().unravel_index(one.contiguous(), shape)
    spans = [(int(place.min()), int(place.max()) + 1) for place in places]
    parts = [k for k, (low, high) in enumerate(spans) if 1 < high - low < shape[k]]
    lines: list[str] = []
    for k in parts[:-1]:  # one axis a line
        name, (low, high) = "z" if not lines else f"c{len(lines)}", spans[k]
        own = ["n", *LETTERS[: len(shape)]]
        taken = [f"{i}+{low or 'first'}" if i == LETTERS[k] else i for i in own]
        lines.append(f"c{len(lines) + 1}[{','.join(own)}] = {name}[{','.join(taken)}] for {LETTERS[k]}<{high - low}")
        shape = (*shape[:k], high - low, *shape[k + 1 :])
        places = (*places[:k], places[k] - low, *places[k + 1 :])
    one = torch_library().zeros_like(one)
    for place, extent in zip(places, shape, strict=True):
        one = one * extent + place
    line = _line(one, shape, f"c{len(lines)}" if lines else "z")
    return None if line is None else (line[0], (*lines, line[1]))


def _line(one: Any, shape: tuple[int, ...], name: str) -> tuple[str, str] | None:
    """The same for one sample of a value of a name, by one formula."""
    sizes, torch = tuple(one.shape), torch_library()
    places: list[str] = []
    used: dict[int, bool] = {}  # the axes that are read, and whether they run over all of an axis there
    rest = one
    for axis, extent in enumerate(shape):
        inner = math.prod(shape[axis + 1 :])
        place, rest = rest // inner, rest % inner
        first = int(place.reshape(-1)[0])
        expected = torch.full(sizes, first)
        terms: list[str] = []
        for other, size in enumerate(sizes):
            if size == 1:
                continue
            step = int(place.select(other, 1).reshape(-1)[0]) - first
            if step < 0:
                return None
            if step:
                along = [1] * len(sizes)
                along[other] = size
                expected = expected + step * torch.arange(size).reshape(along)
                terms.append(LETTERS[other] if step == 1 else f"{step}*{LETTERS[other]}")
                used[other] = other not in used and step == 1 and size == extent and first == 0
        if not bool((place == expected).all()):
            return None
        if first or not terms:
            terms.append(str(first))
        elif len(terms) == 1 and terms[0] in LETTERS and not used[LETTERS.index(terms[0])]:
            terms.append("first")  # 0; without it the axis would have to be read to its end
        places.append("+".join(terms))
    own = [LETTERS[other] for other in range(len(sizes))]
    bounds = [f"{own[other]}<{size}" for other, size in enumerate(sizes) if not used.get(other, False)]
    text = f"a[{','.join(['n', *own])}] = {name}[{','.join(['n', *places])}]"
    word = "Repeated" if any(size > 1 and other not in used for other, size in enumerate(sizes)) else "Taken"
    if sorted(places) == sorted(own) and not bounds:
        word = "Turned"
    return word, text + (f" for {', '.join(bounds)}" if bounds else "")


def layer_that_moves(name: str, formulas: tuple[str, ...]) -> Layer:
    """The layer of such formulas."""
    first = (("first", 0),) if any("+first" in formula for formula in formulas) else ()
    return layer_of(Statement(name, formulas, settings=first), FROM_FILES)()
