"""Which numbers of a pass are left blank: chosen values and elements, or all of one kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.checks import choice
from ..base.errors import DataError
from ..diagnosis.slips.in_time import loops_of
from ..engines.numpy.loops import computed
from ..explain.trace import Trace
from ..program import Program, Step

Array = np.ndarray[Any, Any]
KINDS = ("forward", "loss", "backward", "update", "gradients", "all")
MOST = 400
"""A sheet with more blanks than this is nothing to fill in by hand."""
SHORT = 40
"""So many blanks at most are made where nothing is asked for."""


def choose(
    trace: Trace, frozen: Iterable[str], blanks: Sequence[str] | None = None, kind: str | None = None
) -> tuple[Address, ...]:
    """The blanks in the order in which they are computed: that of the program, in a loop one time after another.

    Args:
        trace: the pass, with its update.
        frozen: parameters that the update leaves as they are; of a kind, their gradients are left out.
        blanks: values ("dW1"), elements ("dW1[0, 0]") and labels ("dw1"), besides those of the kind.
        kind: "forward", "loss", "backward", "update", "gradients" (of the parameters) or "all".

    Raises:
        UnknownNameError, ShapeError: where a blank is no value of the pass; it suggests the nearest.
        OptionError: where there is no such kind.
        DataError: where a blank is given, not computed, or there are none, or too many.
    """
    steps = {s.output: s for s in trace.program}
    addresses: set[Address] = set()
    if kind is not None:
        choice("worksheet", "kind", kind, KINDS)
        addresses.update(_open_elements(trace, _of_kind(trace, kind, set(frozen))))
    for text in blanks or ():
        addresses.update(_elements_of(text, trace))
    if kind is None and blanks is None:
        addresses.update(_open_elements(trace, _usual(trace, set(frozen))))
    if not addresses:
        raise DataError(f"there is nothing to leave blank{f' of the kind {kind}' if kind else ''}; name values")
    if len(addresses) > MOST:
        raise DataError(
            f"{len(addresses):,} blanks are more than the {MOST} that a sheet takes; choose fewer, such as "
            "--blanks dW1 or one element, 'dW1[0, 0]'"
        )
    for address in addresses:
        if address.name not in steps:
            raise DataError(f"{address} is given, not computed: it cannot be left blank")
        if not _fillable(steps[address.name], trace):
            raise DataError(f"{address} is drawn at random, so nobody can compute it: it cannot be left blank")
    order = _order(trace.program)
    return tuple(sorted(addresses, key=lambda a: order(a)))


def _order(program: Program) -> Callable[[Address], tuple[Any, ...]]:
    """The key by which addresses are sorted."""
    order = {step.output: place for place, step in enumerate(program)}
    loops = loops_of(program)

    def key(address: Address) -> tuple[Any, ...]:
        loop = loops.get(address.name)
        if loop is None:
            return (order[address.name], 0, 0, address.place)
        return (order[loop.steps[0].output], loop.order.index(address.place[1]), order[address.name], address.place)

    return key


def _settled_zeros(step: Step, trace: Trace) -> Array:
    """Which elements are 0 whatever the numbers are: at the end of time nothing comes back, an id that does not occur
    has no derivative.
    """
    value = trace[step.output]
    formula = step.formula
    if formula is None or not (step.rule.stepwise or formula.ids):
        return np.zeros(value.shape, dtype=bool)
    random = np.random.default_rng(0)
    arrays: list[Any] = [None if i is None else trace[i] for i in step.inputs]
    other: list[Any] = [a if a is None or a.dtype.kind != "f" else random.uniform(1, 2, a.shape) for a in arrays]
    return (value == 0) & (np.asarray(computed(step.rule, other, step.options)) == 0)


def _fillable(step: Step, trace: Trace) -> bool:
    return not step.rule.random and trace[step.output].dtype.kind in "fiu"


def _of_kind(trace: Trace, kind: str, frozen: set[str]) -> list[str]:
    """The values of a kind that somebody who works by hand writes down."""
    parts = ("forward", "loss", "backward", "update") if kind == "all" else (kind,)
    if kind == "gradients":
        parts = ("backward",)
    names: list[str] = []
    for step in trace.program.part(*parts):
        name = step.output
        if step.rule.helper or not _fillable(step, trace) or name in ("dl", "dx"):
            continue
        if name == "l" and trace["l"].size == 1:
            continue  # it is L
        if step.value.of in frozen and step.part == "backward":
            continue
        if kind == "gradients" and trace.derivatives.get(name) not in trace.program.parameters:
            continue
        names.append(name)
    return names


def _usual(trace: Trace, frozen: set[str]) -> list[str]:
    """All of the backward pass and the update of a small network, the parameters' gradients of a larger one.

    Of a network with more of them, the first ones that come back: those of the last layers.
    """
    backward = _of_kind(trace, "backward", frozen)
    hand_work = [*backward, *_of_kind(trace, "update", frozen)]
    gradients = _of_kind(trace, "gradients", frozen)
    for names in (hand_work, backward, gradients):
        if 0 < len(_open_elements(trace, names)) <= SHORT:
            return names
    counts = [len(_open_elements(trace, [name])) for name in gradients]
    fitting = [n for n, total in zip(gradients, accumulate(counts), strict=True) if total <= SHORT]
    if _open_elements(trace, fitting):
        return fitting
    raise DataError(
        f"this network has more than {SHORT} gradients; say which to leave blank, such as --blanks "
        f"{gradients[-1] if gradients else 'dW1'}"
    )


def _elements_of(text: str, trace: Trace) -> list[Address]:
    """The elements that a value's name, an address or a label stands for."""
    name = trace.program.aliases.get(text, text)
    return _elements(trace, [name]) if name in trace else [trace.address(text)]


def _open_elements(trace: Trace, names: Iterable[str]) -> list[Address]:
    """The values' elements, but for those that are 0 whatever the numbers are."""
    found: list[Address] = []
    for name in names:
        zeros = _settled_zeros(trace.program[name], trace)
        found += [a for a in _elements(trace, [name]) if not zeros[a.place]]
    return found


def _elements(trace: Trace, names: Iterable[str]) -> list[Address]:
    return [Address(n, tuple(map(int, place))) for n in names for place in np.ndindex(trace[n].shape)]
