"""Slips that mix the indices of the last layer's outputs with those of the units below."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np

from ...formula import Formula
from ...formula.nodes import Element, Symbol
from ...program import Program, Step
from .slip import Get, Replacement, Slip, by_name
from .versions import updated_value


def indices_mixed(program: Program) -> Iterator[Slip]:
    """Between the last dense layer and the loss: the target or the slope of another output, early updates.

    Unit i of the layer below carries back, through output o, the error against the target of output i instead of
    that of o, or the activation's slope at output i instead of at o, or weights that are already updated.
    """
    steps = {s.output: s for s in program}
    loss = steps.get("dy_hat")
    backward = [s for s in program if s.part == "backward"]
    carried = next((s for s in backward if s.inputs[:1] == ("dy_hat",) and s is not loss), None)
    if loss is None or carried is None or "y" not in loss.inputs or carried.rule.output != "dz":
        return
    for step in backward:
        if carried.output not in step.inputs:
            continue
        if not step.rule.product:
            continue
        W = None if step.rule.output == "dW" else step.bound.get("W")
        new = None if W is None else updated_value(W, step, program, looped=False)
        weights = [W] if new is None else [W, new]
        for target, slope, name in itertools.product((False, True), (False, True), weights):
            if not (target or slope):
                continue
            errors = [
                *(["the target of another output is taken (that of the unit's own number)"] if target else []),
                *(["the slope of one output is taken for all"] if slope else []),
                *(["the weights are already updated"] if name != W else []),
            ]
            operands = (*loss.inputs, *carried.inputs, *step.inputs, name)
            inputs = tuple(dict.fromkeys(i for i in operands if i is not None))
            replacement = _mixed(loss, carried, step, {W: name}, target=target, slope=slope)
            yield Slip(
                step.output,
                step,
                ", ".join(errors[:-1]) + (" and " if len(errors) > 1 else "") + errors[-1],
                1.4 + 0.3 * (len(errors) - 1),
                inputs,
                by_name(replacement, inputs),
                wrong=f"{step.output} with {' and '.join(errors)}",
            )


def _mixed(
    loss: Step, carried: Step, step: Step, weights: Mapping[str | None, str | None], *, target: bool, slope: bool
) -> Replacement:
    """A product whose results for a unit below are made of derivatives of that unit's own.

    Args:
        loss: the step that computes dy_hat.
        carried: the step that computes of it what the product takes.
        step: the product, dW or dx; the index i of its formula counts the units below.
        weights: which weights are taken in place of which.
        target: whether the target is that of the output of the unit's own number,
        slope: whether the slope is.
    """
    place = cast("Formula", step.rule.formula).left
    units = cast("Element", place).indices.index(Symbol("i"))

    def replacement(get: Get) -> Any:
        y = get("y")
        outputs = y.shape[-1]
        if step.computed(get).shape[units] != outputs:
            raise ValueError("another number of units than of outputs")
        slopes = _swapped(carried, "dy_hat", np.ones_like(y), get)
        columns: list[Any] = []
        for unit in range(outputs):
            targets = np.repeat(y[..., unit : unit + 1], outputs, axis=-1) if target else y
            errors = _swapped(loss, "y", targets, get)
            dz = errors * (np.repeat(slopes[..., unit : unit + 1], outputs, axis=-1) if slope else slopes)
            mixed = step.computed(lambda i, dz=dz: dz if i == carried.output else get(weights.get(i, i) or ""))
            columns.append(np.take(mixed, unit, axis=units))
        return np.stack(columns, axis=units)

    return replacement


def _swapped(step: Step, name: str, value: Any, get: Get) -> Any:
    """A step with one of its inputs replaced by a value."""
    return step.computed(lambda i: value if i == name else get(i))
