"""How much is tried: counted in computed terms, never in seconds, so that the answer is the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable

from ..program.statement import terms_of
from .rerun import Rerun
from .slips.slip import Slip

MOST = 1_200_000_000
"""So many terms are computed at most."""
A_STEP = 5_000
"""What a step takes beside its terms."""


class Budget:
    """Counts what the runs with mistakes compute.

    Args:
        rerun: the program.
        samples: how many samples there are.
    """

    def __init__(self, rerun: Rerun, samples: int) -> None:
        self.rerun = rerun
        shapes = rerun.program.shapes
        self.cost: dict[str, int] = {}
        for name, step in rerun.steps.items():
            times = 1
            if name in rerun.loops:
                times = rerun.loops[name][0].times
            self.cost[name] = A_STEP * times + samples * terms_of(step, shapes)
        self.pieces: dict[tuple[int, int], int] = {}
        self.left = MOST

    def take(self, slips: Iterable[Slip], names: Iterable[str]) -> bool:
        """Whether there is enough left for one run; takes it."""
        self.left -= self.cost_of(slips, names)
        return self.left > 0

    def cost_of(self, slips: Iterable[Slip], names: Iterable[str]) -> int:
        """What one run takes."""
        touched = 0
        for slip in slips:
            for name in slip.outputs:
                touched |= self.rerun.bit.get(name, 0)
        asked = 0
        for name in names:
            asked |= self.rerun.above.get(name, 0)
        return self._of(touched, asked)

    def _of(self, touched: int, asked: int) -> int:
        key = (touched, asked)
        if key not in self.pieces:
            above = self.rerun.above
            self.pieces[key] = sum(
                cost
                for name, cost in self.cost.items()
                if asked & self.rerun.bit[name] and above.get(name, 0) & touched
            )
        return self.pieces[key]
