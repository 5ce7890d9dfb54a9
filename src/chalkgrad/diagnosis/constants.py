"""A right value times a number that the claimed ones give: a factor too much, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from ..base.digits import significant
from ..program import Step
from ..rules.sgd import sgd
from .claims.claim import Claim
from .rerun import Rerun
from .slips.slip import Slip

Array = np.ndarray[Any, Any]
WEIGHT, SMALL = 2.6, 2.1
"""How far-fetched any factor is, and one that is a small number or a count."""
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
    factor = factor if name else _plain(factor, claimed, exact, rounding)
    whole = min(abs(factor - round(factor)), abs(1 / factor - round(1 / factor))) < 1e-9 and 0.05 < abs(factor) < 20
    weight = SMALL if whole or name else WEIGHT
    times = f"{significant(factor, 6)} times what it should be"
    text = f"{name}: it is {times}" if name.startswith("divided") else f"it is {times}" + (f": {name}" if name else "")
    found: list[Slip] = []
    for output in rerun.upstream(target):
        step = rerun.steps[output]
        if step.part == "backward":
            function = partial(_times, step, factor)
            found.append(
                Slip(
                    output, step, text, weight, step.inputs, function, factor=factor, made=True, solved=weight == WEIGHT
                )
            )
    return found


def multiples_added(claim: Claim, right: Array, rerun: Rerun, target: str) -> list[Slip]:
    """The slips that add a multiple of another value to the target: a penalty, a decay, what came before.

    Args:
        claim: the claimed numbers of the target.
        right: what they would be without.
        rerun: the program.
        target: the wrong value.
    """
    right = np.asarray(right, dtype=np.float64)
    step = rerun.steps.get(target)
    if step is None or right.shape != claim.values.shape or not np.isfinite(right).all() or claim.mask.sum() < 3:
        return []
    apart = (claim.values - right)[claim.mask]
    rounding = (claim.units + (1e-5 if claim.single else 1e-9) * np.abs(claim.values))[claim.mask]
    found: list[Slip] = []
    for name, value in rerun.base.items():
        if name == target or np.shape(value) != right.shape or rerun.above.get(name, 0) & rerun.bit[target]:
            continue
        other = np.asarray(value, dtype=np.float64)[claim.mask]
        size = float((other * other).sum())
        if not size or not np.isfinite(size):
            continue
        share = _plain(float((apart * other).sum()) / size, apart, other, rounding)
        if (np.abs(apart - share * other) <= 2 * rounding).all() and share:
            text = _more(step, name, share, rerun)
            inputs = (*step.inputs, name)
            found.append(
                Slip(target, step, text, WEIGHT - 0.2, inputs, partial(_with_more, step, share), made=True, solved=True,
                     wrong=f"{target} + {significant(share, 6)} {name}")
            )  # fmt: skip
    return found


def _plain(share: float, apart: Array, other: Array, rounding: Array) -> float:
    """The number of fewest digits that the rounded numbers allow in the place of a share."""
    for digits in range(1, 6):
        fewer = float(f"{share:.{digits}g}")
        if (np.abs(apart - fewer * other) <= 2 * rounding).all():
            return fewer
    return share


def _more(step: Step, name: str, share: float, rerun: Rerun) -> str:
    """What is said of a share of a value that is added; of a parameter's gradient, that the rate is another one."""
    rate = rerun.base.get("lr")
    if step.rule is sgd and rate is not None and step.bound.get("g") == name:
        return f"the learning rate is {significant(float(rate) - share, 6)} there, not {significant(float(rate), 6)}"
    return f"{significant(share, 6)} {name} is added"


def _with_more(step: Step, share: float, *arrays: Any) -> Any:
    return step.rule.function(*arrays[:-1], **step.options) + share * arrays[-1]


def _times(step: Step, factor: float, *arrays: Any) -> Any:
    return step.rule.function(*arrays, **step.options) * factor


def _counts(rerun: Rerun, samples: int) -> Mapping[str, int]:
    """The numbers that a factor may be made of: of samples, steps, and what the values count."""
    counts = {"N": samples}
    values = rerun.program.values
    ends = [n for n in ("y_hat",) if n in values]
    for name, value in ((n, values[n]) for n in (*ends, *values)):
        for size in value.shape:
            if isinstance(size, int) and size > 1 and size not in counts.values() and len(counts) < 8:
                axis = "the last" if value.shape[-1] == size else "an"
                what = "the number of outputs" if name == "y_hat" and axis == "the last" else f"{axis} axis of {name}"
                counts[f"{size} ({what})"] = size
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
        if count != counts["N"]:
            each = counts["N"] / count
            fractions += [(each, f"divided by {name}, not by N"), (1 / each, f"divided by N, not by {name}")]
        for value, words in fractions:
            if value and abs(abs(factor) / value - 1) < max(3 * tolerance, 1e-9):
                return float(np.copysign(value, factor)), f"-({words})" if factor < 0 else words
    return factor, ""
