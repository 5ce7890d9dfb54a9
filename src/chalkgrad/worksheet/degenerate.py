"""Faults of fresh numbers in an exercise: dead units, saturated ones, ties, gradients of 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..base.address import Address
from ..diagnosis.slips.in_time import loops_of
from ..explain.trace import Trace
from ..program import Step
from ..rules import shares
from .own_pass import spreads

Array = np.ndarray[Any, Any]
KINK, SATURATED, TIE, SAME, SURE = 0.05, 3.0, 0.02, 0.005, 0.98
"""How near to a kink, how far from 0 before a sigmoid, how near the two largest of a window, how near two outputs,
and how sure a softmax may be."""
ROUNDING = 0.01
"""How large a share of a blank's number rounding by hand may be at four digits, ten times as large at three."""
HARDLY = 0.05
"""A share of a derivative that is smaller than this beside the sum is not missed where it is left out."""
TINY = 1e-12


ENOUGH = 4
"""In a layer with so many units x samples some ReLU may be off; with fewer none."""


def faults(
    trace: Trace,
    blanks: Iterable[Address],
    digits: int,
    *,
    margin: float = 1.0,
    off: bool = False,
    usual: Trace | None = None,
) -> list[str]:
    """The faults of these numbers, a sentence each; none where they make a good exercise.

    Args:
        trace: the pass.
        blanks: what is asked for.
        digits: to how many significant digits.
        margin: how much of the usual distance from kinks, ties and equal outputs is asked for.
        off: whether some ReLU must be off, where there are enough of them: it is the point of the exercise.
        usual: the same pass with the worked example's own numbers: what is 0 there too, with no ReLU behind it, is 0
            with any numbers, such as what comes back through time where there is one step.
    """
    sentences: list[str] = []
    for step in trace.program.part("forward"):
        sentences.extend(_of_step(step, trace, margin, usual))
    sentences.extend(_of_shares(trace, usual))
    y_hat = trace["y_hat"]
    if y_hat.ndim in (2, 3) and y_hat.shape[-1] > 1 and np.diff(np.sort(y_hat, axis=-1), axis=-1).min() < SAME * margin:
        sentences.append("two outputs are equal")
    if off and not sentences and any(z.size >= ENOUGH for z, _ in _kinked(trace)) and not _some_off(trace):
        sentences.append("no ReLU is off")
    return sentences or _of_blanks(trace, list(blanks), digits, usual)


def _of_shares(trace: Trace, usual: Trace | None) -> list[str]:
    """Shares that hardly count in their sum (in a loop in that of any time), and count more with the worked example's
    own numbers.
    """
    sentences: list[str] = []
    dependent = _behind_relus(trace)
    loops = loops_of(trace.program)

    def part(values: Trace, name: str, total: str) -> float:
        kept = 1 if total in loops else None
        return float((_largest(values[name], kept) / np.maximum(_largest(values[total], kept), TINY)).max(initial=0.0))

    for step in trace.program:
        if step.rule is not shares.sum_of_shares:
            continue
        for name in filter(None, step.inputs):
            own = HARDLY if usual is None or dependent[name] else part(usual, name, step.output) / 2
            if part(trace, name, step.output) < min(HARDLY, own):
                sentences.append(f"{name} hardly counts")
    return sentences


def _largest(values: Array, kept: int | None) -> Array:
    """The largest size of all, or of those at every place of one axis."""
    axes = tuple(a for a in range(values.ndim) if a != kept)
    return np.asarray(np.abs(values).max(axis=axes, initial=0.0))


def _kinked(trace: Trace) -> list[tuple[Array, float]]:
    """The inputs of ReLUs and their like, each with its first kink."""
    steps = [s for s in trace.program.part("forward") if s.rule.kinks_at]
    return [(trace[s.inputs[0]], s.rule.kinks_at[0]) for s in steps if s.inputs[0] is not None and s.inputs[0] in trace]


def _some_off(trace: Trace) -> bool:
    return any(bool((z < kink).any()) for z, kink in _kinked(trace))


def _of_step(step: Step, trace: Trace, margin: float, usual: Trace | None) -> list[str]:
    rule, operand = step.rule, step.inputs[0]
    if operand is None or operand not in trace:
        return []
    z = trace[operand]
    if rule.kinks_at:
        wide = KINK if z.ndim == 2 else KINK / 5  # a map has many more elements
        if min(np.abs(z - kink).min() for kink in rule.kinks_at) < wide * margin:
            return [f"{operand} is near the kink of {rule.name}"]
        if z.ndim == 2 and z.size >= ENOUGH and 2 * np.count_nonzero(z < rule.kinks_at[0]) >= z.size:
            return [f"most units of {operand} are off"]
    if rule.off_below is not None:
        on = z > rule.off_below
        if z.ndim == 3 and not on.any(axis=(0, 1)).all():
            return [f"a unit of {operand} is dead"]
        if z.ndim == 2:
            if not on.any(axis=1).all():
                return [f"all units of {operand} are off in a sample"]
            if (len(z) > 1 or z.size < ENOUGH) and not on.any(axis=0).all():
                return [f"a unit of {operand} is dead"]
        if z.ndim == 4 and not on.any(axis=(0, 2, 3)).all():
            return [f"a channel of {operand} is dead"]
    if rule.saturates and np.abs(z).max() > SATURATED:
        return [f"{step.output} is saturated"]
    if rule.probabilities and _surest(trace[step.output]) > SURE:
        return [f"{step.output} is saturated"]
    if rule.ties and closest(z, step) < TIE * margin:
        return [f"a window of {operand} is nearly a tie"]
    return []


def _surest(p: Array) -> float:
    """The largest probability where there is a choice: a place that sees only itself has none."""
    choice = np.count_nonzero(p, axis=-1) > 1
    return float(p[choice].max(initial=0.0))


def closest(z: Array, step: Step) -> float:
    """How near the two largest places of a pooling window come to each other."""
    o = step.options
    rows, columns = (o["P"] - 1) * o["sh"] + o["kh"], (o["Q"] - 1) * o["sw"] + o["kw"]
    frame = np.full((*z.shape[:2], max(rows, z.shape[2] + o["pt"]), max(columns, z.shape[3] + o["pl"])), -np.inf)
    frame[:, :, o["pt"] : o["pt"] + z.shape[2], o["pl"] : o["pl"] + z.shape[3]] = z
    nearest = np.inf
    for i in range(o["P"]):
        for j in range(o["Q"]):
            top, left = i * o["sh"], j * o["sw"]
            window = frame[:, :, top : top + o["kh"], left : left + o["kw"]].reshape(*z.shape[:2], -1)
            ordered = np.sort(window, axis=-1)
            if ordered.shape[-1] > 1:
                with np.errstate(invalid="ignore"):
                    nearest = min(nearest, float(np.nan_to_num(ordered[..., -1] - ordered[..., -2], nan=np.inf).min()))
    return nearest


def _behind_relus(trace: Trace) -> dict[str, bool]:
    """Which values follow from a ReLU that is off."""
    dependent: dict[str, bool] = {}
    for step in trace.program:
        z, below = step.inputs[0] if step.inputs else None, step.rule.off_below
        off = below is not None and z is not None and z in trace and bool((trace[z] < below).any())
        dependent[step.output] = off or any(dependent.get(i or "", False) for i in step.inputs)
    return dependent


def _of_blanks(trace: Trace, blanks: Sequence[Address], digits: int, usual: Trace | None) -> list[str]:
    maps = {n for n in trace if trace[n].ndim > 2 and trace.program.belongs_to(n) not in trace.program.parameters}
    names = sorted({a.name for a in blanks})
    dependent = _behind_relus(trace)
    few = 2 * sum(float(trace[a.name][a.place]) == 0 for a in blanks) < len(blanks)
    for address in blanks:
        value = float(trace[address.name][address.place])
        if not np.isfinite(value):
            return [f"{address} is no number"]
        other = value if usual is None else float(usual[address.name][address.place])
        if usual is not None and max(abs(value), abs(other)) < TINY and not dependent.get(address.name, False):
            continue
        # what lost its window gets nothing, and should not; and so where a ReLU is off
        if abs(value) < TINY and address.name not in maps and not (value == 0 and few and dependent[address.name]):
            return [f"{address} is 0"]
    apart, share = spreads(trace, names, digits, {}, runs=6), min(ROUNDING * max(1.0, 10.0 ** (4 - digits)), 0.3)
    for address in blanks:
        value = abs(float(trace[address.name][address.place]))
        if value >= TINY and apart[address.name][address.place] > share * value:
            return [f"{address} is a small difference of large numbers"]
    return []
