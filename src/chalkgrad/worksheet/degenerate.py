"""What makes fresh numbers bad for an exercise: dead units, saturated ones, ties, gradients of 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..address import Address
from ..explain.trace import Trace
from ..program import Step
from .own_pass import spreads

Array = np.ndarray[Any, Any]
KINKED = ("relu", "leaky_relu", "elu")
SATURATING = ("sigmoid", "tanh")
KINK, SATURATED, TIE, SAME, SURE = 0.05, 3.0, 0.02, 0.005, 0.98
"""How near to a kink, how far from 0 before a sigmoid, how near the two largest of a window, how near two outputs,
and how sure a softmax may be."""
ROUNDING = 0.01
"""How large a share of a blank's number rounding by hand may be at four digits, ten times as large at three."""
TINY = 1e-12


def faults(trace: Trace, blanks: Iterable[Address], digits: int, *, margin: float = 1.0) -> list[str]:
    """What is wrong with these numbers, a sentence each; none where they make a good exercise.

    Args:
        trace: the pass.
        blanks: what is asked for.
        digits: to how many significant digits.
        margin: how much of the usual distance from kinks, ties and equal outputs is asked for.
    """
    found: list[str] = []
    for step in trace.program.part("forward"):
        found.extend(_of_step(step, trace, margin))
    y_hat = trace["y_hat"]
    if y_hat.ndim == 2 and y_hat.shape[1] > 1 and np.diff(np.sort(y_hat, axis=1), axis=1).min() < SAME * margin:
        found.append("two outputs are equal")
    return found or _of_blanks(trace, list(blanks), digits)


def _of_step(step: Step, trace: Trace, margin: float) -> list[str]:
    rule, given = step.rule.name, step.inputs[0]
    if given is None or given not in trace:
        return []
    z = trace[given]
    if rule in KINKED:
        wide = KINK if z.ndim == 2 else KINK / 5  # a map has many more elements
        if np.abs(z).min() < wide * margin:
            return [f"{given} is near the kink of {rule}"]
        if rule == "relu" and not (z.reshape(len(z), -1) > 0).any(axis=0).all() and z.ndim == 2:
            return [f"a unit of {given} is dead"]
        if rule == "relu" and z.ndim == 4 and not (z > 0).any(axis=(0, 2, 3)).all():
            return [f"a channel of {given} is dead"]
    if rule in SATURATING and np.abs(z).max() > SATURATED:
        return [f"{step.output} is saturated"]
    if rule == "softmax" and trace[step.output].max() > SURE:
        return [f"{step.output} is saturated"]
    if rule == "max_pool2d" and closest(z, step) < TIE * margin:
        return [f"a window of {given} is nearly a tie"]
    return []


def closest(z: Array, step: Step) -> float:
    """How near the two largest places of a pooling window come to each other."""
    o = step.options
    rows, columns = (o["P"] - 1) * o["sh"] + o["kh"], (o["Q"] - 1) * o["sw"] + o["kw"]
    framed = np.full((*z.shape[:2], max(rows, z.shape[2] + o["pt"]), max(columns, z.shape[3] + o["pl"])), -np.inf)
    framed[:, :, o["pt"] : o["pt"] + z.shape[2], o["pl"] : o["pl"] + z.shape[3]] = z
    nearest = np.inf
    for i in range(o["P"]):
        for j in range(o["Q"]):
            top, left = i * o["sh"], j * o["sw"]
            window = framed[:, :, top : top + o["kh"], left : left + o["kw"]].reshape(*z.shape[:2], -1)
            ordered = np.sort(window, axis=-1)
            if ordered.shape[-1] > 1:
                with np.errstate(invalid="ignore"):
                    nearest = min(nearest, float(np.nan_to_num(ordered[..., -1] - ordered[..., -2], nan=np.inf).min()))
    return nearest


def _of_blanks(trace: Trace, blanks: Sequence[Address], digits: int) -> list[str]:
    maps = {n for n in trace if trace[n].ndim > 2 and n.removeprefix("d") not in trace.program.parameters}
    names = sorted({a.name for a in blanks})
    for address in blanks:
        value = float(trace[address.name][address.place])
        if not np.isfinite(value):
            return [f"{address} is no number"]
        if abs(value) < TINY and address.name not in maps:  # what lost its window gets nothing, and should not
            return [f"{address} is 0"]
    apart, share = spreads(trace, names, digits, {}, runs=6), min(ROUNDING * max(1.0, 10.0 ** (4 - digits)), 0.3)
    for address in blanks:
        value = abs(float(trace[address.name][address.place]))
        if value >= TINY and apart[address.name][address.place] > share * value:
            return [f"{address} is a small difference of large numbers"]
    return []
