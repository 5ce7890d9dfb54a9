"""The mistakes that right numbers could not have shown: a factor gamma that is 1, a bias of 0, one sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..explain.trace import Trace
from ..program import names as spelled
from .ground import Ground
from .rerun import MISFITS, NEXT, Rerun
from .result import Unseen
from .samples import other_samples
from .slips.slip import Slip
from .slips.tried import tried

Array = np.ndarray[Any, Any]
MOST = 6
"""So many are told."""
MOST_ALIKE = 3
"""So many for the same reason."""
MOST_TRIED = 500
FARTHEST, USUAL = 1.9, 1.2
"""More far-fetched mistakes are not looked for: made ones, and those of the list."""
SAMPLES = 3
SHARE = 0.5
"""So much of what may be computed at most goes into looking for them."""


def unseen_by(ground: Ground) -> tuple[Unseen, ...]:
    """The mistakes that would have left the claimed numbers as they are, and would not elsewhere."""
    names = [n for n in ground.claims if n != NEXT]
    if not names or spelled.SAMPLE_WEIGHT in ground.trace:
        return ()
    hidden = _hidden(ground, names)
    if not hidden:
        return ()
    found: list[Unseen] = []
    said: set[str] = set()
    for why, parameters, x, y, trace in _elsewhere(ground):
        if not hidden:
            break
        rerun = Rerun(trace.program, trace)
        there = {_key(s): s for s in _every(trace)}
        for slip in hidden:
            other = there.get(_key(slip))
            if other is None or slip.text in said or any(u.slip is slip for u in found):
                continue
            if _shows(rerun, other, names):
                said.add(slip.text)
                found.append(Unseen(slip, why, parameters, x, y))
        hidden = [s for s in hidden if s.text not in said]
    found.sort(key=lambda u: u.slip.weight)
    shown: list[Unseen] = []
    for unseen in found:
        if sum(u.why == unseen.why for u in shown) < MOST_ALIKE and len(shown) < MOST:
            shown.append(unseen)
    return tuple(shown)


def _key(slip: Slip) -> tuple[str, str]:
    return slip.output, slip.text


def _every(trace: Trace) -> list[Slip]:
    every = tried(trace.program, trace, None)
    return [s for s in (*every.usual, *every.made) if not s.members and (s.made or s.weight <= USUAL)]


def _hidden(ground: Ground, names: Sequence[str]) -> list[Slip]:
    """The slips on the way to the claimed numbers that change none of them."""
    upstream = {n for name in names for n in ground.rerun.upstream(name)}
    hidden: list[Slip] = []
    keep = ground.budget.left * (1 - SHARE)
    likely = [s for s in (*ground.slips, *ground.made) if s.weight <= (FARTHEST if s.made else USUAL) and not s.members]
    for slip in likely[:MOST_TRIED]:
        if slip.output not in upstream or slip.step.part == "update":
            continue
        if not ground.budget.take((slip,), names) or ground.budget.left < keep:
            break
        try:
            values = ground.rerun.run((slip,), names)
        except MISFITS:
            continue
        if all(ground.comparing.matches(ground.claims[n], values[n]) for n in names):
            hidden.append(slip)
    return hidden


def _shows(rerun: Rerun, slip: Slip, names: Sequence[str]) -> bool:
    try:
        values = rerun.run((slip,), names)
    except MISFITS:
        return False
    right = rerun.base
    return any(
        np.shape(values[n]) == np.shape(right[n]) and not np.allclose(values[n], right[n], rtol=1e-5, atol=1e-9)
        for n in names
    )


def _elsewhere(ground: Ground) -> Iterator[tuple[str, Mapping[str, Array], Array, Array, Trace]]:
    """Other inputs, each with one thing about it that is different: parameters, samples, their number."""
    rng = np.random.default_rng(0)
    network, trace = ground.network, ground.trace
    own = {n: np.asarray(a) for n, a in network.parameters.items()}
    flat = {n: a for n, a in own.items() if a.size and np.ptp(a) == 0}
    points: list[tuple[str, Mapping[str, Array], Array, Array]] = []
    x, y = trace["x"], trace["y"]
    for name, array in flat.items():
        moved = {**own, name: array + 0.5 + 0.3 * rng.standard_normal(array.shape)}
        value = f"{name} is {float(array.flat[0]):g}" + (" everywhere" if array.size > 1 else "")
        points.append((f"{value} here; with other numbers there it would show", moved, x, y))
    layout = network.layout
    if not layout.all_whole:
        more = max(SAMPLES, len(x))
        other = other_samples(layout, x, rng.standard_normal((len(x), *x.shape[1:])), rng)
        points.append(("with other samples it would show", own, other, y))
        if more > len(x):
            rows = np.arange(more) % len(x)
            other = other_samples(layout, x[rows], rng.standard_normal((more, *x.shape[1:])), rng)
            few = "one sample" if len(x) == 1 else f"{len(x)} samples"
            points.append(
                (f"there {'is' if len(x) == 1 else 'are'} {few} here; with {more} it would show", own, other, y[rows])
            )
    moved = {n: a + 0.3 * rng.standard_normal(a.shape) for n, a in own.items()}
    points.append(("with other parameters it would show", moved, x, y))
    for why, parameters, samples, targets in points:
        twin = network.copy()
        twin.set_parameters(parameters)
        there = twin.trace(samples, targets, optimizer=ground.optimizer, training=ground.training)
        yield why, parameters, samples, targets, there
