"""A right value times a number that the claimed ones give: a factor too much, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from ..base.digits import significant
from ..program import Step
from .claims import Claim
from .rerun import Rerun
from .slip import Slip

Array = np.ndarray[Any, Any]
WEIGHT = 2.6
"""How far-fetched any factor is."""
USUAL = 1e-7
"""A factor this near to 1 is none."""


def constant_factors(claim: Claim, right: Array, rerun: Rerun, target: str, samples: int) -> list[Slip]:
    """The slips that multiply a value on the way to the target by the ratio of its claimed to its right numbers.

    Args:
        claim: the claimed numbers of the target.
        right: what they would be without.
        rerun: the program.
        target: the wrong value.
        samples: how many samples there are.
    """
    right = np.asarray(right, dtype=np.float64)
    if right.shape != claim.values.shape or target not in rerun.steps:
        return []
    large = claim.mask & (np.abs(right) > 1e-9 * float(np.abs(right).max(initial=0.0)))
    claimed, exact = claim.values[large], right[large]
    if claimed.size < 2 or not np.isfinite(exact).all():
        return []
    weights = np.abs(exact)
    factor = float((claimed * np.sign(exact)).sum() / weights.sum())
    rounding = claim.units[large] + (1e-5 if claim.single else 1e-8) * np.abs(claimed)
    if abs(factor - 1) < USUAL or (np.abs(claimed - factor * exact) > 2 * rounding + 1e-300).any() or not factor:
        return []
    factor, name = _named(factor, _counts(rerun, samples), float((rounding / np.abs(exact)).min()))
    text = f"it is {significant(factor, 6)} times what it should be" + (f": {name}" if name else "")
    found: list[Slip] = []
    for output in rerun.upstream(target):
        step = rerun.steps[output]
        if step.part == "backward":
            function = partial(_times, step, factor)
            found.append(
                Slip(output, step, text, WEIGHT, step.inputs, function, factor=factor, made=True, solved=not name)
            )
    return found


def _times(step: Step, factor: float, *arrays: Any) -> Any:
    return step.rule.function(*arrays, **step.options) * factor


def _counts(rerun: Rerun, samples: int) -> Mapping[str, int]:
    """The numbers that a factor may be made of: of samples, steps, and what the values count."""
    counts = {"N": samples}
    for name, value in rerun.program.values.items():
        for size in value.shape:
            if isinstance(size, int) and size > 1 and size not in counts.values() and len(counts) < 8:
                axis = "the last" if value.shape[-1] == size else "an"
                counts[f"{size} ({axis} axis of {name})"] = size
    return counts


def _named(factor: float, counts: Mapping[str, int], tolerance: float) -> tuple[float, str]:
    """The factor as a fraction of counts, and in words; as it is where it is none."""
    for name, count in counts.items():
        less, root = count - 1.0, float(np.sqrt(count))
        above = (
            (float(count), name),
            (less, f"{name} - 1"),
            (root, f"sqrt({name})"),
            (float(count * count), f"{name}^2"),
        )
        fractions = [(value, words) for value, words in above]
        fractions += [(1 / value, f"1 / ({words})") for value, words in above if value]
        fractions += [(count / 2, f"{name} / 2"), (2 / count, f"2 / {name}")]
        fractions += (
            [(count / less, f"{name} / ({name} - 1)"), (less / count, f"({name} - 1) / {name}")] if less else []
        )
        for value, words in fractions:
            if value and abs(abs(factor) / value - 1) < max(3 * tolerance, 1e-9):
                return float(np.copysign(value, factor)), f"-({words})" if factor < 0 else words
    return factor, ""
