"""The place of an error, from the ratio of the claimed to the right numbers."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from ..base.address import Address
from ..base.digits import significant
from ..formula import Formula
from ..formula.nodes import Element, Symbol, walk
from ..program import Step
from .claims.claim import Claim

Array = np.ndarray[Any, Any]
NEAR = 1e-5
FEWEST = 4
"""Of so many numbers one may be said to be wrong alone."""
COARSEST = 0.05
"""Numbers that are rounded more than this say nothing about their ratio."""


def where_it_sits(claim: Claim, right: Array, step: Step) -> str:
    """One sentence about the ratio claimed / right, where it says something; else nothing.

    Of dW = x.T @ dz a ratio that changes along the inputs only belongs to x, one that changes along the outputs
    only to dz, and one that is the same everywhere is a factor.
    """
    if alone := _one_alone(step.output, claim, right):
        return alone
    elements = claim.mask & (np.abs(right) > 1e-12 * max(1.0, float(np.abs(right).max(initial=0.0))))
    if elements.sum() < 2 or not claim.whole:
        return ""
    tolerance = max(
        NEAR, 10 * float(np.max(claim.units / np.maximum(np.abs(right), 1e-300), where=elements, initial=0.0))
    )
    if tolerance > COARSEST:
        return ""
    with np.errstate(all="ignore"):
        ratio = np.where(elements, claim.values / right, np.nan)
    if _constant(ratio, tolerance) and abs(float(np.nanmean(ratio)) - 1) > 10 * tolerance:
        return f"every number is {significant(float(np.nanmean(ratio)), 4)} times the right one: a factor"
    if cut := _cut_off(claim, right):
        return cut
    square = claim.values.ndim == 2 and claim.values.shape[0] == claim.values.shape[1]
    if square and np.allclose(claim.values.T, right, rtol=tolerance, atol=float(claim.units.max(initial=0.0))):
        return "it is the transpose of the right one"
    if order := _in_another_order(step.output, claim, right):
        return order
    if not step.rule.product or step.rule.output != "dW" or min(right.shape) < 2:
        return ""
    for along in ("inputs", "outputs"):
        factor, partner = _factors(step, along[0])
        if all(_constant(line, tolerance) for line in (ratio if _axis(step, along[0]) == 0 else ratio.T)):
            return f"its ratio to the right one changes along the {along} only: {factor} is off, {partner} is not"
    return ""


def _one_alone(name: str, claim: Claim, right: Array) -> str:
    """What is said where one number is wrong among several right ones."""
    with np.errstate(invalid="ignore"):
        wrong = claim.mask & ~(np.abs(claim.values - right) <= claim.units + 1e-6 * np.abs(right))
    if wrong.sum() != 1 or claim.mask.sum() < FEWEST:
        return ""
    place = Address(name, tuple(int(i) for i in np.argwhere(wrong)[0]))
    return f"{place} alone is wrong, {int(claim.mask.sum()) - 1} others are right: look whether it was copied wrongly"


def _cut_off(claim: Claim, right: Array) -> str:
    """What is said where the larger numbers are cut off at one size."""
    with np.errstate(invalid="ignore"):
        wrong = claim.mask & (np.abs(claim.values - right) > claim.units + 1e-6 * np.abs(right))
    sizes = np.abs(claim.values[wrong])
    if sizes.size < 2 or np.ptp(sizes) > 1e-6 * sizes.max() or (np.sign(claim.values) != np.sign(right))[wrong].any():
        return ""
    if (np.abs(right[wrong]) < sizes).any() or (np.abs(right[claim.mask & ~wrong]) > sizes.max() * (1 + 1e-6)).any():
        return ""
    return f"numbers beyond {significant(float(sizes.max()), 4)} are cut off there: it is clipped"


def _in_another_order(name: str, claim: Claim, right: Array) -> str:
    """What is said of an array whose rows, or columns, are the right ones in another order."""
    if min(right.shape, default=0) < 2:
        return ""
    words = ("numbers",) if right.ndim == 1 else ("rows", "columns")
    near = claim.units + 1e-6 * np.abs(claim.values)
    for axis, lines in enumerate(words[: right.ndim]):
        claimed, exact = np.moveaxis(claim.values, axis, 0), np.moveaxis(right, axis, 0)
        room = np.moveaxis(near, axis, 0)
        fits = np.array([[bool((np.abs(c - e) <= r).all()) for e in exact] for c, r in zip(claimed, room, strict=True)])
        if (fits.sum(axis=0) == 1).all() and (fits.sum(axis=1) == 1).all():  # one place for each
            order = ", ".join(str(int(i)) for i in fits.argmax(axis=1))
            return f"the {lines} of {name} are the right ones in another order: {order}"
    return ""


def _axis(step: Step, index: str) -> int:
    """The axis of a product's result along which an index of its formula runs."""
    left = cast("Formula", step.rule.formula).left
    return cast("Element", left).indices.index(Symbol(index))


def _factors(step: Step, index: str) -> tuple[str | None, str | None]:
    """The network's names of the two factors of a product, the one with the index first."""
    elements = [n for n in walk(cast("Formula", step.rule.formula).right) if isinstance(n, Element)]
    elements.sort(key=lambda e: Symbol(index) not in e.indices)
    first, second = (step.bound[e.name] for e in elements)
    return first, second


def _constant(ratio: Array, tolerance: float) -> bool:
    values = ratio[~np.isnan(ratio)]
    return values.size > 0 and float(np.ptp(values)) <= tolerance * max(float(np.abs(values).max()), 1e-300)
